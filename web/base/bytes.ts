/** Bytes as base64url without padding. Source: RFC 4648 section 5. */
export function toBase64Url(bytes: Uint8Array): string {
  let binary = '';
  // One by one: the arguments of a call, which `fromCharCode(...bytes)` would fill, are limited.
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** The bytes that base64url without padding stands for; undefined for any other text. The empty text stands for no bytes. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined;
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
}

/** Bytes as hexadecimal digits, two for each byte, in lower case. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * All bytes of a stream, or undefined as soon as there are more than `mostBytes`; the stream is cancelled then.
 * Errors: rejects as the stream does. Cost: each byte is copied once; memory up to twice the bytes that came.
 */
export async function collect(stream: ReadableStream<Uint8Array>, mostBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const reader = stream.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > mostBytes) {
      await reader.cancel();
      return undefined;
    }
    parts.push(value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Copies into one buffer, in order: parts that are posted to another thread together cost one buffer instead of one for each. */
export function inOneBuffer(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer>[] {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  return parts.map((part) => {
    const start = end;
    end += part.length;
    all.set(part, start);
    return all.subarray(start, end);
  });
}

/** The length of a text in UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
