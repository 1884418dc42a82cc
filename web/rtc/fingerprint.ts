import { MillraceError } from '../api/errors.js';
import { toHex } from '../base/bytes.js';

/** The hashes of a connection's two certificates, as `sha-256 AB:CD:…`. The session is bound to them. */
export interface Fingerprints {
  readonly local: string;
  readonly remote: string;
}

/** The hash functions of RFC 8122 section 5 without known collisions. */
const STRONG = /^sha-(256|384|512)$/;

/**
 * The fingerprint in a description, in one form: algorithm in lower case, digits in upper case.
 * Errors: throws 'signaling-failed' if there is none, if there are several (the browser would choose one), or if its hash is too
 * weak.
 */
export function fingerprintOf(sdp: string): string {
  const found = new Set<string>();
  for (const [, algorithm = '', value = ''] of sdp.matchAll(/^a=fingerprint:[ \t]*(\S+)[ \t]+(\S+)[ \t]*$/gim)) {
    found.add(`${algorithm.toLowerCase()} ${value.toUpperCase()}`);
  }
  const [fingerprint] = found;
  if (fingerprint === undefined) throw new MillraceError('signaling-failed', 'the description has no fingerprint');
  if (found.size > 1) throw new MillraceError('signaling-failed', 'the description has several fingerprints');
  if (!STRONG.test(algorithmOf(fingerprint))) throw new MillraceError('signaling-failed', 'the fingerprint uses a weak hash');
  return fingerprint;
}

/** Whether `certificate` (DER) has the fingerprint. Errors: rejects if the browser does not support its hash. */
export async function hasFingerprint(certificate: BufferSource, fingerprint: string): Promise<boolean> {
  const algorithm = algorithmOf(fingerprint);
  const digest = new Uint8Array(await crypto.subtle.digest(algorithm.toUpperCase(), certificate));
  const digits = toHex(digest).toUpperCase().replace(/..(?!$)/g, '$&:');
  return `${algorithm} ${digits}` === fingerprint;
}

function algorithmOf(fingerprint: string): string {
  return fingerprint.slice(0, fingerprint.indexOf(' '));
}
