import { MillraceError } from '../api/errors.js';

/** Tells what it is, and which version, to people and to `unpackText`. */
const PREFIX = 'millrace1.';
/** Of what comes out, bytes: a description has at most 48 KiB. */
const MAX_BYTES = 64 * 1024;
/** Of what is pasted, characters: what does not shrink at all, as base64url. */
const MAX_LENGTH = PREFIX.length + Math.ceil((MAX_BYTES * 4) / 3) + 64;

/** A short text that survives chats and mails: deflated, as base64url, with a prefix. */
export async function packText(text: string): Promise<string> {
  const bytes = await collect(new Blob([text]).stream().pipeThrough(new CompressionStream('deflate-raw')));
  return PREFIX + btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/**
 * What was packed; spaces and line breaks that were added on the way do not matter.
 * Errors: rejects with 'invalid-argument' for what was not packed, or damaged; 'too-large' for more than 64 KiB.
 */
export async function unpackText(packed: string): Promise<string> {
  const text = packed.length > 2 * MAX_LENGTH ? '' : packed.replace(/\s+/g, '');
  if (!text.startsWith(PREFIX) || text.length > MAX_LENGTH) throw new MillraceError('invalid-argument', 'that is no text of Millrace');
  try {
    const binary = atob(text.slice(PREFIX.length).replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const unpacked = await collect(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')));
    return new TextDecoder('utf-8', { fatal: true }).decode(unpacked);
  } catch (caught) {
    throw MillraceError.from(caught, 'invalid-argument');
  }
}

/** A few bytes may unpack to very many. */
async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const result = new Uint8Array(MAX_BYTES);
  let length = 0;
  for (const reader = stream.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return result.subarray(0, length);
    if (length + value.length > MAX_BYTES) {
      await reader.cancel();
      throw new MillraceError('too-large', `a text may hold ${MAX_BYTES} bytes`);
    }
    result.set(value, length);
    length += value.length;
  }
}
