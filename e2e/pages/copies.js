/**
 * Keeps every short byte array that this window makes from text, so that a test can see what became of it. Import before the
 * package does anything.
 */
export const made = [];
const LONGEST = 256;

function keep(bytes) {
  if (bytes.length > 0 && bytes.length <= LONGEST) made.push({ bytes, was: hex(bytes) });
  return bytes;
}

function hex(bytes) {
  return Array.prototype.map.call(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const { encode } = TextEncoder.prototype;
TextEncoder.prototype.encode = function keptEncode(...args) {
  return keep(encode.apply(this, args));
};
const { from } = Uint8Array;
Uint8Array.from = function keptFrom(...args) {
  return keep(from.apply(this, args));
};
