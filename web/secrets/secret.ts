import { MillraceError } from '../api/errors.js';
import { normalizeCode } from './code.js';
import { decodeLinkKey } from './link_key.js';

/** What authenticates a session, as the core takes it. */
export interface Secret {
  readonly kind: 'none' | 'key' | 'code';
  /** Key: what the text stands for. Code: normalised UTF-8. None: empty. Whoever hands it on wipes it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Kind 'code': as it is told from others once `bytes` is wiped. */
  readonly code?: string;
}

/** Enough for any sentence; more would only be hashed away. */
const MAX_CODE_LENGTH = 256;
/**
 * 22 characters of base64url hold 132 bits. A random one of that length has an upper-case letter but for one in 80,000, and
 * words joined by dashes, which look like base64url otherwise, have none.
 */
const LOOKS_LIKE_KEY = /^(?=.*[A-Z])[A-Za-z0-9_-]{22,}$/;

/** Codes of failed attempts. Kept as long as the page lives: they are worth nothing any more. */
const burnt = new Set<string>();

/**
 * Checks `ConnectOptions.secret`. What is taken for the wrong kind still works, since both sides take it for the same.
 * Errors: 'invalid-argument' for a secret that is none of its kind, 'authentication-failed' for a code that is burnt.
 */
export function resolveSecret(secret: string | undefined, kind: 'key' | 'code' | undefined): Secret {
  if (kind !== undefined && kind !== 'key' && kind !== 'code') throw new MillraceError('invalid-argument', `secretKind: ${String(kind)}`);
  if (secret === undefined) {
    // It would be a session without a secret that looks as if it had one.
    if (kind !== undefined) throw new MillraceError('invalid-argument', 'secretKind without a secret');
    return { kind: 'none', bytes: new Uint8Array() };
  }
  if (typeof secret !== 'string') throw new MillraceError('invalid-argument', 'the secret must be a string');

  if (kind !== 'code' && (kind === 'key' || LOOKS_LIKE_KEY.test(secret))) {
    const bytes = decodeLinkKey(secret);
    if (bytes) return { kind: 'key', bytes };
    if (kind === 'key') throw new MillraceError('invalid-argument', 'a key must be base64url of at least 128 bits');
  }
  const code = normalizeCode(secret);
  if (code === '' || code.length > MAX_CODE_LENGTH) {
    throw new MillraceError('invalid-argument', `a code has 1 to ${MAX_CODE_LENGTH} characters`);
  }
  if (burnt.has(code)) {
    throw new MillraceError('authentication-failed', 'an attempt with this code failed before, so it is burnt: agree on a new one');
  }
  return { kind: 'code', bytes: new TextEncoder().encode(code), code };
}

/** An attempt with this secret failed: a code is not to be tried again, since each attempt lets somebody guess once. */
export function burn({ code }: Secret): void {
  if (code !== undefined) burnt.add(code);
}
