/** The length that `TypedArray.prototype.set` goes by, whatever a subclass says of itself. */
// eslint-disable-next-line @typescript-eslint/unbound-method -- `call` sets `this`.
const lengthOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length')?.get as (this: unknown) => number;

export function byteLength(bytes: Uint8Array): number {
  return lengthOf.call(bytes);
}

/** Errors: TypeError for null and undefined. */
export function requireValue(value: unknown, name: string): void {
  if (value === null || value === undefined) throw new TypeError(`${name} cannot be null or undefined`);
}

/** Bytes as they are, a string as UTF-8. Errors: TypeError for anything else. */
export function readBytes(value: unknown, name: string): Uint8Array {
  requireValue(value, name);
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return new TextEncoder().encode(value);
  throw new TypeError(`unsupported input type for ${name}`);
}

/** A whole number from 0 to 2^31 − 1. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && (value | 0) === value && value >= 0;
}

/** Errors: TypeError for what is no such number. */
export function readCount(value: unknown, name: string): number {
  requireValue(value, name);
  if (!isCount(value)) throw new TypeError(`${name} must be an unsigned integer`);
  return value;
}

/** From 0 to 2^64 − 1. Errors: TypeError for anything else. */
export function readNumber64(value: unknown, name: string): bigint {
  requireValue(value, name);
  if (typeof value === 'bigint' && value >= 0n) {
    if (value >> 64n !== 0n) throw new TypeError(`${name} cannot be more than 64 bits`);
    return value;
  }
  if (!isCount(value)) throw new TypeError(`${name} must be an unsigned integer or bigint`);
  return BigInt(value);
}
