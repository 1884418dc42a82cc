import { MillraceError } from '../api/errors.js';
import { toHex } from '../base/bytes.js';

/** What a connection's two certificates hash to, as `sha-256 AB:CD:…`: the session is bound to them. */
export interface Fingerprints {
  readonly local: string;
  readonly remote: string;
}

/** Of the hash functions of RFC 8122 section 5, those that nobody finds collisions for. */
const STRONG = /^sha-(256|384|512)$/;

/**
 * The fingerprint in a description, in one form: algorithm in lower case, digits in upper case.
 * Errors: throws 'signaling-failed' where there is none, where there are several (which one counted would be for the browser
 * to say), or where its hash is too weak.
 */
export function fingerprintOf(sdp: string): string {
  const found = new Set<string>();
  for (const [, algorithm = '', value = ''] of sdp.matchAll(/^a=fingerprint:[ \t]*(\S+)[ \t]+(\S+)[ \t]*$/gim)) {
    found.add(`${algorithm.toLowerCase()} ${value.toUpperCase()}`);
  }
  const [fingerprint] = found;
  if (fingerprint === undefined) throw new MillraceError('signaling-failed', 'a description without a fingerprint');
  if (found.size > 1) throw new MillraceError('signaling-failed', 'a description with several fingerprints');
  if (!STRONG.test(algorithmOf(fingerprint))) throw new MillraceError('signaling-failed', 'a fingerprint with a weak hash');
  return fingerprint;
}

/** Whether `certificate` (DER) has the fingerprint. Errors: rejects where the browser has no such hash. */
export async function hasFingerprint(certificate: BufferSource, fingerprint: string): Promise<boolean> {
  const algorithm = algorithmOf(fingerprint);
  const digest = new Uint8Array(await crypto.subtle.digest(algorithm.toUpperCase(), certificate));
  const digits = toHex(digest).toUpperCase().replace(/..(?!$)/g, '$&:');
  return `${algorithm} ${digits}` === fingerprint;
}

function algorithmOf(fingerprint: string): string {
  return fingerprint.slice(0, fingerprint.indexOf(' '));
}
