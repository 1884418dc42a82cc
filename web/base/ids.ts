import { toBase64Url, toHex } from './bytes.js';

/** `count` random bytes, fit for secrets; at most 65,536. Source: `crypto.getRandomValues`. */
export function randomBytes(count: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(count));
}

/** An identifier of `bytes` random bytes as hexadecimal digits, which compare as text in the same order as the bytes. */
export function randomHex(bytes: number): string {
  return toHex(randomBytes(bytes));
}

/** An identifier of `bytes` random bytes as base64url, the shortest text that needs no escaping in an address. */
export function randomBase64Url(bytes: number): string {
  return toBase64Url(randomBytes(bytes));
}
