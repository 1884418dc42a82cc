import { MillraceError } from '../api/errors.js';
import { normalizeCode } from './code.js';
import { decodeLinkKey } from './link_key.js';

/** The secret of a session in the form that the core takes. */
export interface Secret {
  readonly kind: 'none' | 'key' | 'code';
  /** Key: the decoded bytes. Code: normalised UTF-8. None: empty. The function that passes it on wipes it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Kind 'code' only: identifies the code once `bytes` is wiped. */
  readonly code?: string;
}

/** Enough for any sentence. */
const MAX_CODE_LENGTH = 256;
/**
 * 22 characters of base64url hold 132 bits. All but one in 80,000 random keys of that length have an upper-case letter; words
 * joined by dashes, which otherwise look like base64url, have none.
 */
const LOOKS_LIKE_KEY = /^(?=.*[A-Z])[A-Za-z0-9_-]{22,}$/;

/** Codes of failed attempts, kept for the life of the page. They have no value any more. */
const burnt = new Set<string>();

/**
 * Checks `ConnectOptions.secret`. A secret that is taken for the wrong kind still works, because both sides do the same.
 * Errors: throws 'invalid-argument' for a secret that does not fit its kind, and 'authentication-failed' for a burnt code.
 */
export function resolveSecret(secret: string | undefined, kind: 'key' | 'code' | undefined): Secret {
  if (kind !== undefined && kind !== 'key' && kind !== 'code') throw new MillraceError('invalid-argument', `secretKind: ${String(kind)}`);
  if (secret === undefined) {
    // The session would look protected and have no secret.
    if (kind !== undefined) throw new MillraceError('invalid-argument', 'secretKind needs a secret');
    return { kind: 'none', bytes: new Uint8Array() };
  }
  if (typeof secret !== 'string') throw new MillraceError('invalid-argument', 'the secret must be a string');

  if (kind !== 'code' && (kind === 'key' || LOOKS_LIKE_KEY.test(secret))) {
    const bytes = decodeLinkKey(secret);
    if (bytes) return { kind: 'key', bytes };
    if (kind === 'key') throw new MillraceError('invalid-argument', 'secret: a key must be base64url of at least 128 bits');
  }
  const code = normalizeCode(secret);
  if (code === '' || code.length > MAX_CODE_LENGTH) {
    throw new MillraceError('invalid-argument', `secret: a code must have 1 to ${MAX_CODE_LENGTH} characters`);
  }
  if (burnt.has(code)) {
    throw new MillraceError('authentication-failed', 'an attempt with this code failed before, so the code is burnt: agree on a new one');
  }
  return { kind: 'code', bytes: new TextEncoder().encode(code), code };
}

/** Burns a code after a failed attempt, because each attempt gives an attacker one guess. No effect on a key. */
export function burn({ code }: Secret): void {
  if (code !== undefined) burnt.add(code);
}
