import { shape } from '../api/shape.js';
import { fromBase64Url } from '../base/bytes.js';
import { randomBase64Url } from '../base/ids.js';

/** Least length of a key, bytes: too long to guess. */
const MIN_KEY_BYTES = 16;

/**
 * Makes a new link key, as base64url. It belongs in the fragment of an address (`#…`), which browsers do not send to servers.
 * `bits`: 256 by default (43 characters), or 128 (22 characters) for a short invite link.
 * Errors: throws 'invalid-argument' for any other number.
 */
export function createLinkKey(bits: 128 | 256 = 256): string {
  shape<128 | 256>('128 or 256', (value) => value === 128 || value === 256).check(bits, 'bits');
  for (;;) {
    const key = randomBase64Url(bits / 8);
    // One in 80,000 short ones has no upper-case letter and could be taken for a code.
    if (/[A-Z]/.test(key)) return key;
  }
}

/** The bytes of a key; undefined if the text is not base64url or too short. */
export function decodeLinkKey(key: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = fromBase64Url(key);
  return bytes !== undefined && bytes.length >= MIN_KEY_BYTES ? bytes : undefined;
}
