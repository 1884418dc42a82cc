import { MAX_PAYLOAD_BYTES } from './payload.js';

/** Less than this is not worth a stream of its own, bytes. */
const LEAST_BYTES = 256;

/** The bytes compressed, or undefined where that does not make them fewer. */
export async function compress(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (bytes.length < LEAST_BYTES || typeof CompressionStream === 'undefined') return undefined;
  const packed = await through(bytes, new CompressionStream('deflate-raw'), bytes.length - 1);
  return packed;
}

/** Undefined for what was not compressed, or becomes more than a payload may have. */
export function decompress(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return through(bytes, new DecompressionStream('deflate-raw'), MAX_PAYLOAD_BYTES);
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: CompressionStream | DecompressionStream,
  limit: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > limit) {
        await reader.cancel();
        return undefined;
      }
      parts.push(value);
    }
  } catch {
    return undefined;
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
