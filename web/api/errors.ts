import type { ConnectionReport } from './connection_report.js';

/**
 * Every code that a `MillraceError` can carry, with its meaning and a remedy. The list is complete: a program may switch over
 * it. The core uses the same codes.
 *
 * @enum
 */
export const errorCodes = {
  aborted: 'An AbortSignal ended it. If it was your own, there is nothing to do.',
  'authentication-failed':
    'The other side has a different secret, or an attacker is in between. Nothing was sent. A code is burnt now: agree on a new one.',
  'bad-record': 'A message was malformed or forged. The session is closed. Connect again, and do not trust the path.',
  cancelled: 'One of the two sides cancelled the transfer. Offer it again if that was a mistake.',
  closed: 'The session was closed in an orderly way. Connect again to continue.',
  'connection-failed': 'No path between the two browsers was found, or the function `rtc` gave no configuration. `detail` has the reason and what to do.',
  'connection-lost': 'The connection broke. Connect again and offer the files again.',
  'handshake-failed': 'The two sides could not agree on keys. Both must run compatible versions.',
  'hash-mismatch': 'The bytes received are not those sent. Nothing was kept; offer the files again.',
  'invalid-argument': 'A call got an invalid value. Correct the call.',
  'lane-closed': 'A data channel closed while a transfer needed it. Offer the files again.',
  'not-supported': 'This browser, or this version of Millrace, does not support that. Choose another option.',
  'out-of-space': 'There is no space left for the files. Free some space, or choose another sink.',
  'peer-error': 'The other side ended it for a reason of its own, which the message carries.',
  'protocol-violation': 'The other side broke the rules of the protocol. The session is closed.',
  rejected: 'The other side declined the offer; the message carries its reason.',
  'signaling-failed': 'The signalling failed or was refused. Check its address and the room.',
  'sink-failed': 'Received bytes could not be stored. Choose another sink.',
  'source-changed': 'A file changed while it was sent. Choose it again.',
  'source-failed': 'A file could not be read. Check that it still exists and choose it again.',
  'too-large': 'A limit was exceeded. Send less at once, or choose another sink.',
  timeout: 'The other side did not answer in time. Try again.',
  internal: 'Millrace failed. Please report it with the message.',
} as const;

/** The codes that a `MillraceError` can carry. */
export type ErrorCode = keyof typeof errorCodes;

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

/** What a `MillraceError` carries besides its code and its explanation. */
export interface MillraceErrorOptions extends ErrorOptions {
  /** See `MillraceError.byPeer`; default false. */
  byPeer?: boolean;
  /** See `MillraceError.detail`. */
  detail?: ConnectionReport;
}

/** The one error that Millrace throws and rejects with. */
export class MillraceError extends Error {
  /** The error, from the closed list `errorCodes`. */
  readonly code: ErrorCode;
  /** The message without the code; empty when nothing is known beyond the code. */
  readonly explanation: string;
  /** True where the other side ended the transfer and sent `code` and `explanation`; false where this side noticed the error. */
  readonly byPeer: boolean;
  /** Why there is no connection, where that is the cause; with 'connection-failed', 'connection-lost', 'signaling-failed' and 'timeout'. */
  readonly detail: ConnectionReport | undefined;

  /** Its message is the code with `explanation`, or with the meaning of the code. */
  constructor(code: ErrorCode, explanation = '', options: MillraceErrorOptions = {}) {
    super(explanation ? `${code}: ${explanation}` : `${code}: ${errorCodes[code]}`, options);
    this.name = 'MillraceError';
    this.code = code;
    this.explanation = explanation;
    this.byPeer = options.byPeer ?? false;
    this.detail = options.detail;
  }

  /** Wraps an exception; a `MillraceError` is returned unchanged. */
  static from(caught: unknown, code: ErrorCode): MillraceError {
    if (caught instanceof MillraceError) return caught;
    return new MillraceError(code, describe(caught), { cause: caught });
  }
}

/** The same error with a report. */
export function withDetail(error: MillraceError, detail: ConnectionReport): MillraceError {
  const { code, explanation, byPeer, cause, stack } = error;
  const options = { byPeer, detail, ...(cause === undefined ? {} : { cause }) };
  return Object.assign(new MillraceError(code, explanation, options), { stack });
}

/**
 * An error whose code came as text, from the core or from the other side. A code outside the list becomes `otherwise`, and part
 * of the explanation.
 */
export function toError(code: string, explanation: string, otherwise: ErrorCode, options?: MillraceErrorOptions): MillraceError {
  if (isErrorCode(code)) return new MillraceError(code, explanation, options);
  return new MillraceError(otherwise, explanation ? `${code}: ${explanation}` : code, options);
}

/** One line about an exception. */
export function describe(caught: unknown): string {
  if (caught instanceof Error) return caught.name === 'Error' ? caught.message : `${caught.name}: ${caught.message}`;
  return String(caught);
}
