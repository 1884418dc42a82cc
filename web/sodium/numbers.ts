/** Byte strings as numbers and as secrets: little-endian, in place, in a time that tells only their length. */

function requireBytes(values: readonly unknown[], done: string): void {
  for (const value of values) {
    if (!(value instanceof Uint8Array)) throw new TypeError(`Only Uint8Array instances can be ${done}`);
  }
}

function requireSameLength(a: Uint8Array, b: Uint8Array, otherwise: string): void {
  if (a.length !== b.length) throw new TypeError(otherwise);
}

/** a := a + b, modulo 2 to the power of their bits. Errors: TypeError where they are not of one length. */
export function add(a: Uint8Array, b: Uint8Array): void {
  requireBytes([a, b], 'added');
  requireSameLength(a, b, 'Arguments must have the same length');
  let carry = 0;
  a.forEach((byte, at) => {
    carry += byte + (b[at] ?? 0);
    a[at] = carry;
    carry >>= 8;
  });
}

/** bytes := bytes + 1, modulo 2 to the power of their bits. */
export function increment(bytes: Uint8Array): void {
  requireBytes([bytes], 'incremented');
  let carry = 1;
  bytes.forEach((byte, at) => {
    carry += byte;
    bytes[at] = carry;
    carry >>= 8;
  });
}

/** True where all bytes are 0. */
export function is_zero(bytes: Uint8Array): boolean {
  requireBytes([bytes], 'checked');
  return bytes.reduce((any, byte) => any | byte, 0) === 0;
}

/** Overwrites all bytes with 0. */
export function memzero(bytes: Uint8Array): void {
  requireBytes([bytes], 'wiped');
  bytes.fill(0);
}

/** True where both are the same. Errors: TypeError where they are not of one length. */
export function memcmp(b1: Uint8Array, b2: Uint8Array): boolean {
  requireBytes([b1, b2], 'compared');
  requireSameLength(b1, b2, 'Only instances of identical length can be compared');
  return b1.reduce((any, byte, at) => any | (byte ^ (b2[at] ?? 0)), 0) === 0;
}

/** −1, 0 or 1, as b1 is less than, equal to or greater than b2. Errors: TypeError where they are not of one length. */
export function compare(b1: Uint8Array, b2: Uint8Array): number {
  requireBytes([b1, b2], 'compared');
  requireSameLength(b1, b2, 'Only instances of identical length can be compared');
  // The borrow of b1 − b2 tells which is less, and the bits in which they differ whether they are equal.
  let borrow = 0;
  let different = 0;
  b1.forEach((byte, at) => {
    const other = b2[at] ?? 0;
    borrow = (byte - other + borrow) >> 8;
    different |= byte ^ other;
  });
  return (1 + 2 * borrow) & ((different - 1) >> 8 ^ -1);
}
