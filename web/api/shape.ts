import { MillraceError } from './errors.js';

/**
 * The shape of an option: its check, its type, and its words in the messages of errors all come from here. The options of a function are
 * an object of shapes, whose comments are their documentation, and whose type is `OptionsOf`.
 */
export interface Shape<T> {
  /** Completes "NAME must be …". */
  readonly expected: string;
  /** Returns a value of the right shape. Errors: throws 'invalid-argument', which names the option, for any other. */
  check(value: unknown, name: string): T;
}

/** Shapes by the names of the options. */
export type Shapes = Readonly<Record<string, Shape<unknown>>>;

/** Options that may be absent. */
export type OptionsOf<S> = { -readonly [Name in keyof S]?: TypeOf<S[Name]> };

/** Options that must be there. */
export type NeededOf<S> = { -readonly [Name in keyof S]: TypeOf<S[Name]> };

type TypeOf<S> = S extends Shape<infer T> ? T : never;

const MAX_SHOWN_LENGTH = 40;

/** Errors: throws 'invalid-argument' unless `holds`. `name`: the argument or option; `expected` completes "NAME must be …". */
export function check(holds: boolean, name: string, expected: string, value: unknown): asserts holds {
  if (!holds) throw new MillraceError('invalid-argument', `${name} must be ${expected}, not ${show(value)}`);
}

/**
 * Checks the options of a function and returns those that are there, as they were at the moment of the call. Options without a shape are
 * left out. `path`: stands before the names in messages.
 * Errors: throws 'invalid-argument', which names the option, also for one that cannot be read.
 */
export function checkOptions<S extends Shapes>(options: unknown, shapes: S, path?: string): OptionsOf<S>;
export function checkOptions<S extends Shapes, N extends Shapes>(
  options: unknown,
  shapes: S,
  path: string | undefined,
  needed: N,
): OptionsOf<S> & NeededOf<N>;
export function checkOptions(options: unknown, shapes: Shapes, path?: string, needed: Shapes = {}): Record<string, unknown> {
  check(isFields(options), path ?? 'options', 'an object', options);
  const found: Record<string, unknown> = {};
  for (const name of [...Object.keys(needed), ...Object.keys(shapes)]) {
    const fullName = path === undefined ? name : `${path}.${name}`;
    const value = read(options, name, fullName);
    const need = needed[name];
    if (need) found[name] = need.check(value, fullName);
    else if (value !== undefined) found[name] = shapes[name]?.check(value, fullName);
  }
  return found;
}

/** Any shape. `holds`: whether a value has it; false where that throws. */
export function shape<T>(expected: string, holds: (value: unknown) => boolean): Shape<T> {
  return {
    expected,
    check: (value, name) => {
      check(succeeds(() => holds(value)), name, expected, value);
      return value as T;
    },
  };
}

/** A finite number within bounds; `whole`: without a fraction. */
export function number({ least = -Infinity, most = Infinity, whole = false, unit = '' }: NumberBounds = {}): Shape<number> {
  const range = `${least === -Infinity ? '' : ` from ${least}`}${most === Infinity ? '' : ` to ${most}`}`;
  const holds = (value: unknown): boolean =>
    (whole ? Number.isSafeInteger(value) : Number.isFinite(value)) && (value as number) >= least && (value as number) <= most;
  return shape(`a ${whole ? 'whole ' : ''}number${unit && ` of ${unit}`}${range}`, holds);
}

export interface NumberBounds {
  readonly least?: number;
  readonly most?: number;
  readonly whole?: boolean;
  /** Such as "bytes". */
  readonly unit?: string;
}

/** True or false. */
export function flag(): Shape<boolean> {
  return shape('true or false', (value) => typeof value === 'boolean');
}

/** A string of `least` to `most` characters. */
export function text({ least = 0, most = Infinity }: { readonly least?: number; readonly most?: number } = {}): Shape<string> {
  const range = most === Infinity ? '' : least === 0 ? ` of at most ${most} characters` : ` of ${least} to ${most} characters`;
  return shape(`a string${range}`, (value) => typeof value === 'string' && value.length >= least && value.length <= most);
}

/** One of several strings. */
export function choice<const T extends string>(values: readonly T[]): Shape<T> {
  return shape(`one of ${values.join(', ')}`, (value) => values.includes(value as T));
}

/** A function, or a class. */
export function callback<T>(expected = 'a function'): Shape<T> {
  return shape(expected, isFunction);
}

/** An `AbortSignal`, also one of another window. */
export function abortSignal(): Shape<AbortSignal> {
  return shape('an AbortSignal', (value) => isFields(value) && typeof value.aborted === 'boolean' && isFunction(value.addEventListener));
}

/** An object with options of its own. */
export function group<T>(shapes: Shapes, needed: Shapes = {}): Shape<T> {
  return { expected: 'an object', check: (value, name) => checkOptions(value, shapes, name, needed) as T };
}

export function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

/** A value as an error message shows it, whatever it is. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, MAX_SHOWN_LENGTH));
  if (typeof value === 'function') return 'a function';
  return toText(value).slice(0, MAX_SHOWN_LENGTH);
}

/** `String(value)`, empty where that throws. */
export function toText(value: unknown): string {
  try {
    return String(value);
  } catch {
    return '';
  }
}

/** Fields can be read. An array is no set of options. */
function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && succeeds(() => !Array.isArray(value));
}

function read(options: Record<string, unknown>, name: string, fullName: string): unknown {
  try {
    return options[name];
  } catch (caught) {
    throw new MillraceError('invalid-argument', `${fullName} could not be read: ${toText(caught)}`, { cause: caught });
  }
}

function succeeds(holds: () => boolean): boolean {
  try {
    return holds();
  } catch {
    return false;
  }
}
