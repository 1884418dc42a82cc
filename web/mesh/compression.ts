import { collect } from '../base/bytes.js';
import { MAX_DATA_BYTES } from '../session/message_data.js';

/** Shorter payloads are not worth a compression stream, bytes. */
const LEAST_BYTES = 256;

/** The compressed bytes, or undefined where compression does not make them fewer. */
export async function compress(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (bytes.length < LEAST_BYTES || typeof CompressionStream === 'undefined') return undefined;
  const packed = await through(bytes, new CompressionStream('deflate-raw'), bytes.length - 1);
  return packed;
}

/** The decompressed bytes; undefined for invalid input, and for more than a payload may have. */
export function decompress(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return through(bytes, new DecompressionStream('deflate-raw'), 1 + MAX_DATA_BYTES);
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: CompressionStream | DecompressionStream,
  limit: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await collect(new Blob([bytes]).stream().pipeThrough(stream), limit);
  } catch {
    return undefined; // It was not compressed.
  }
}
