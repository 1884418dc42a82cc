import { fromBase64Url } from '../base/bytes.js';
import { randomBase64Url } from '../base/ids.js';

/** A key holds at least this, bytes: nobody finds it by trying. */
const MIN_KEY_BYTES = 16;

/**
 * A new key for a link, as base64url. It belongs into the fragment of an address (`#…`), which browsers do not send to servers.
 * `bits`: 256 by default (43 characters), or 128 (22 characters) where the link has to be short.
 */
export function createLinkKey(bits: 128 | 256 = 256): string {
  for (;;) {
    const key = randomBase64Url(bits / 8);
    // One in 80,000 short ones has no upper-case letter and could be taken for a code.
    if (/[A-Z]/.test(key)) return key;
  }
}

/** The bytes of a key, or undefined where the text is no base64url or holds too little. */
export function decodeLinkKey(key: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = fromBase64Url(key);
  return bytes !== undefined && bytes.length >= MIN_KEY_BYTES ? bytes : undefined;
}
