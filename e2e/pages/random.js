/** `size` bytes that no compressor shrinks and every page with the same `seed` makes alike (xorshift32). */
export function randomBytes(size, seed) {
  const words = new Uint32Array(Math.ceil(size / 4));
  let x = (seed * 0x9e3779b1) >>> 0 || 1;
  for (let i = 0; i < words.length; i += 1) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  return new Uint8Array(words.buffer, 0, size);
}

/** SHA-256 of a blob, hexadecimal, by the browser's own implementation. */
export async function sha256(blob) {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
