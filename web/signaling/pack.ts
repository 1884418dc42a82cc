import { MillraceError } from '../api/errors.js';
import { collect, fromBase64Url, toBase64Url } from '../base/bytes.js';

/** Tells what it is, and which version, to people and to `unpackText`. */
const PREFIX = 'millrace1.';
/** Of what comes out, bytes: a description has at most 48 KiB. */
const MAX_BYTES = 64 * 1024;
/** Of what is pasted, characters: what does not shrink at all, as base64url. */
const MAX_LENGTH = PREFIX.length + Math.ceil((MAX_BYTES * 4) / 3) + 64;

/** A short text that survives chats and mails: deflated, as base64url, with a prefix. */
export async function packText(text: string): Promise<string> {
  return PREFIX + toBase64Url(await through(new Blob([text]), new CompressionStream('deflate-raw')));
}

/**
 * What was packed; spaces and line breaks that were added on the way do not matter.
 * Errors: rejects with 'invalid-argument' for what was not packed, or damaged; 'too-large' for more than 64 KiB.
 */
export async function unpackText(packed: string): Promise<string> {
  const text = packed.length > 2 * MAX_LENGTH ? '' : packed.replace(/\s+/g, '');
  if (!text.startsWith(PREFIX) || text.length > MAX_LENGTH) throw new MillraceError('invalid-argument', 'that is no text of Millrace');
  try {
    const bytes = fromBase64Url(text.slice(PREFIX.length));
    if (bytes === undefined) throw new MillraceError('invalid-argument', 'the text is damaged');
    const unpacked = await through(new Blob([bytes]), new DecompressionStream('deflate-raw'));
    return new TextDecoder('utf-8', { fatal: true }).decode(unpacked);
  } catch (caught) {
    throw MillraceError.from(caught, 'invalid-argument');
  }
}

/** Errors: rejects with 'too-large': a few bytes may unpack to very many. */
async function through(bytes: Blob, stream: CompressionStream | DecompressionStream): Promise<Uint8Array> {
  const result = await collect(bytes.stream().pipeThrough(stream), MAX_BYTES);
  if (result === undefined) throw new MillraceError('too-large', `a text may hold ${MAX_BYTES} bytes`);
  return result;
}
