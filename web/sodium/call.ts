import { callSodium, readString } from '../wasm/sodium.js';
import { byteLength, readBytes, readCount, readNumber64 } from './input.js';
import { aligned, clearStack, copyIn, copyOut, withMemory } from './memory.js';
import { format, readOutputFormat } from './output_format.js';
import type { Output, Parameter, Size, Spec } from './spec.js';
import { State } from './state.js';

/** One parameter or output of a call under way: what C gets for it, and its length. */
class Item {
  /** Where it lies, once that is known; or the number itself. */
  value: number | bigint;
  readonly length: number;
  /** It gets `length` bytes of the call's memory, filled with `bytes` if there are any. */
  readonly inMemory: boolean;
  readonly bytes: Uint8Array | null;
  readonly state: State | null;

  // All fields in one order for each: what a call costs beyond libsodium's work is mostly this.
  private constructor(value: number | bigint, length: number, inMemory: boolean, bytes: Uint8Array | null, state: State | null) {
    this.value = value;
    this.length = length;
    this.inMemory = inMemory;
    this.bytes = bytes;
    this.state = state;
  }

  static ofNumber(value: number | bigint, length = 0): Item {
    return new Item(value, length, false, null, null);
  }

  static ofRoom(length: number, bytes: Uint8Array | null = null): Item {
    return new Item(0, length, true, bytes, null);
  }

  static ofState(state: State): Item {
    return new Item(state.address(), 0, false, null, state);
  }
}

type Result = Uint8Array | number | State;

/** Errors: TypeError for the wrong type or length. */
function readParameter(parameter: Parameter, given: unknown): Item {
  const { name } = parameter;
  switch (parameter.kind) {
    case 'bytes': {
      if (parameter.optional && (given === null || given === undefined)) return Item.ofNumber(0);
      const bytes = readBytes(given, name);
      const length = byteLength(bytes);
      if (parameter.length !== undefined && length !== parameter.length) throw new TypeError(`invalid ${name} length`);
      if (parameter.atLeast !== undefined && length < parameter.atLeast) throw new TypeError(`${name} is too short`);
      return Item.ofRoom(length, bytes);
    }
    case 'text':
      if (typeof given !== 'string') throw new TypeError(`${name} must be a string`);
      return readParameter({ kind: 'bytes', name, length: parameter.length }, given);
    case 'count': {
      const value = readCount(given, name);
      return Item.ofNumber(value, value);
    }
    case 'number64':
      return Item.ofNumber(readNumber64(given, name));
    case 'state':
      return Item.ofState(State.read(given, parameter.of, name));
  }
}

function isInRange(parameter: Parameter, item: Item | undefined): boolean {
  return parameter.kind !== 'count' || item === undefined || (item.length >= parameter.from && item.length <= parameter.to);
}

function prepareOutput(output: Output, sizeOf: (size: Size) => number): Item {
  switch (output.kind) {
    case 'bytes':
      return Item.ofRoom(sizeOf(output.size));
    case 'byte':
      return Item.ofRoom(1);
    case 'state':
      return Item.ofState(new State(output.of));
  }
}

function readOutput(output: Output, { value, length, state }: Item): Result {
  if (state !== null) return state;
  const bytes = copyOut(Number(value), length);
  return output.kind === 'byte' ? (bytes[0] ?? 0) : bytes;
}

/** Lends the items the memory that they need for one call of `work`. */
function withItems<Answer>(items: readonly Item[], work: () => Answer): Answer {
  let total = 0;
  for (const { inMemory, length } of items) if (inMemory) total += aligned(length);
  return withMemory(total, (start) => {
    let next = start;
    for (const item of items) {
      if (!item.inMemory) continue;
      item.value = next;
      if (item.bytes !== null) copyIn(item.bytes, next);
      next += aligned(item.length);
    }
    return work();
  });
}

/** A word of `Spec.passes` as what fetches the argument. */
function argumentOf(word: string, names: readonly string[]): (items: readonly Item[]) => number | bigint {
  if (word === 'null') return () => 0;
  const prefix = /^[#$]/.exec(word)?.[0] ?? '';
  const at = names.indexOf(word.slice(prefix.length));
  if (at < 0) throw new Error(`no parameter or output is called ${word}`);
  const item = (items: readonly Item[]): Item => items[at] as Item;
  if (prefix === '#') return (items) => BigInt(item(items).length);
  if (prefix === '$') return (items) => item(items).length;
  return (items) => item(items).value;
}

/** The function `name` that a line of the table describes. Errors: throws where the line speaks of what it does not declare. */
export function makeFunction(name: string, spec: Spec): (...args: unknown[]) => unknown {
  const { takes = [], passes = '', gives = [], also, answers, fails = 'invalid usage', stack = 8192, ignoresFormat = false } = spec;
  const names = [...takes, ...gives].map((each) => each.name);
  const argumentsOfC = passes.split(' ').filter((word) => word !== '').map((word) => argumentOf(word, names));
  const answersStatus = answers !== 'number' && answers !== 'string';
  const endsStates = takes.map((parameter) => parameter.kind === 'state' && parameter.ends);

  const failure = (): false => {
    if (fails === false) return false;
    throw new Error(fails);
  };

  /** Undefined where libsodium refused. */
  const run = (items: readonly Item[]): { answer: number; results: Result[] } | undefined =>
    withItems(items, () => {
      const answer = Number(callSodium(name, ...argumentsOfC.map((argument) => argument(items))) ?? 0);
      clearStack(stack);
      if (answersStatus && answer !== 0) return undefined;
      return { answer, results: gives.map((output, at) => readOutput(output, items[takes.length + at] as Item)) };
    });

  const show = (results: readonly Result[], as: ReturnType<typeof readOutputFormat>): unknown => {
    const shown = results.map((result) => (result instanceof Uint8Array ? format(result, as) : result));
    if (shown.length === 1) return shown[0];
    return { ...Object.fromEntries(gives.map((output, at) => [output.name, shown[at]])), ...also };
  };

  return (...args) => {
    const as = readOutputFormat(ignoresFormat ? undefined : args[takes.length]);
    const inputs = takes.map((parameter, at) => readParameter(parameter, args[at]));
    if (!takes.every((parameter, at) => isInRange(parameter, inputs[at]))) return failure();
    const sizeOf = (size: Size): number => (typeof size === 'number' ? size : (inputs[names.indexOf(size[0])]?.length ?? 0) + size[1]);
    const outputs = gives.map((output) => prepareOutput(output, sizeOf));

    let ran: ReturnType<typeof run>;
    try {
      ran = run([...inputs, ...outputs]);
    } finally {
      inputs.forEach(({ state }, at) => endsStates[at] && state?.release());
      if (ran === undefined) for (const { state } of outputs) state?.release();
    }
    if (ran === undefined) return failure();
    if (answers === 'number') return ran.answer >>> 0;
    if (answers === 'string') return readString(ran.answer);
    return gives.length === 0 ? answers : show(ran.results, as);
  };
}
