import { MillraceError } from '../api/errors.js';
import type { AcceptOptions, SendOptions, Sink } from '../api/types.js';
import { isRecord } from '../base/is_record.js';

/** The other side is told at most this many bytes (PROTOCOL.md); more characters cannot fit. */
const MAX_REASON_LENGTH = 1_024;
/** As many bytes as a path may have (PROTOCOL.md). */
const MAX_NAME_LENGTH = 4_096;
const MAX_SHOWN_LENGTH = 40;

/** Errors: throws 'invalid-argument' unless `holds`. `name`: the argument or option; `expected` completes "NAME must be …". */
export function check(holds: boolean, name: string, expected: string, value: unknown): asserts holds {
  if (!holds) throw new MillraceError('invalid-argument', `${name} must be ${expected}, not ${show(value)}`);
}

/** As `check`, for an option that may be absent. */
export function checkOptional(value: unknown, holds: (value: unknown) => boolean, name: string, expected: string): void {
  check(value === undefined || holds(value), name, expected, value);
}

/**
 * The text of a reason, whatever a caller passed as one: an `Error`, an `Event`, a number. Empty for undefined and null, and
 * for an object that cannot be converted to text; cut to 1,024 characters.
 */
export function toReason(reason: unknown): string {
  return reason === undefined || reason === null ? '' : toText(reason).slice(0, MAX_REASON_LENGTH);
}

/** Errors: throws 'invalid-argument', which names the option. */
export function checkSendOptions(options: unknown): SendOptions {
  check(isRecord(options), 'options', 'an object', options);
  checkOptional(options.name, isName, 'name', `a string of at most ${MAX_NAME_LENGTH} characters`);
  checkOptional(options.signal, isAbortSignal, 'signal', 'an AbortSignal');
  return options;
}

/** Errors: throws 'invalid-argument', which names the option. */
export function checkAcceptOptions(options: unknown): AcceptOptions {
  check(isRecord(options), 'options', 'an object', options);
  checkOptional(options.sink, isSink, 'sink', "'auto', 'memory', 'opfs', a FileSystemDirectoryHandle or a function");
  checkOptional(options.directory, isDirectory, 'directory', 'a FileSystemDirectoryHandle');
  return options;
}

/** Whether `value` is an `AbortSignal`, also one of another window. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  return isRecord(value) && typeof value.aborted === 'boolean' && typeof value.addEventListener === 'function';
}

export function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_NAME_LENGTH;
}

function isSink(value: unknown): value is Sink {
  return value === 'auto' || value === 'memory' || value === 'opfs' || isFunction(value) || isDirectory(value);
}

function isDirectory(value: unknown): value is FileSystemDirectoryHandle {
  return typeof FileSystemDirectoryHandle !== 'undefined' && value instanceof FileSystemDirectoryHandle;
}

/** A value as an error message shows it, whatever it is. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, MAX_SHOWN_LENGTH));
  if (typeof value === 'function') return 'a function';
  return toText(value).slice(0, MAX_SHOWN_LENGTH);
}

/** `String(value)`, empty where that throws. */
function toText(value: unknown): string {
  try {
    return String(value);
  } catch {
    return '';
  }
}
