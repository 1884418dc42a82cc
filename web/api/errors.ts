/**
 * Every code that a `MillraceError` can carry, with what it means and what one can do. The list is closed: a program may
 * switch over it. The core uses the same words.
 *
 * @enum
 */
export const errorCodes = {
  aborted: 'An AbortSignal ended it. Nothing to do: it was your own.',
  'authentication-failed':
    'The other side has another secret, or somebody is in between. Nothing was sent; a code is burnt now, so agree on a new one.',
  'bad-record': 'A message was malformed or forged. The session is closed; connect again, and suspect the path.',
  cancelled: 'One of the two sides cancelled the transfer. Offer it again if that was a mistake.',
  closed: 'The session was closed in good order. Connect again to go on.',
  'connection-failed': 'No path between the two browsers was found. Provide a TURN server in `rtc`.',
  'connection-lost': 'The connection broke. Connect again and offer the files again.',
  'handshake-failed': 'The two sides could not agree on keys. Both must run compatible versions.',
  'hash-mismatch': 'The bytes received are not those sent. Nothing was kept; offer the files again.',
  'invalid-argument': 'A call got something that it does not take. Correct the call.',
  'lane-closed': 'A data channel closed while a transfer needed it. Offer the files again.',
  'not-supported': 'This browser, or this version of Millrace, cannot do that. Choose another option.',
  'out-of-space': 'The place where the files go is full. Free some, or choose another sink.',
  'peer-error': 'The other side ended it for a reason of its own; the message says what it told.',
  'protocol-violation': 'The other side broke the rules of the protocol. The session is closed.',
  rejected: 'The other side declined the offer; the message carries its reason.',
  'signaling-failed': 'The signalling did not work or was refused. Check its address and the room.',
  'sink-failed': 'Received bytes could not be stored. Choose another sink.',
  'source-changed': 'A file changed or shrank while it was sent. Choose it again.',
  'source-failed': 'A file could not be read. Check that it still exists and choose it again.',
  'too-large': 'More than a limit allows. Send less at once, or choose another sink.',
  timeout: 'The other side did not answer in time. Try again.',
  internal: 'Millrace itself failed. Please report it with the message.',
} as const;

/** The codes that a `MillraceError` can carry. */
export type ErrorCode = keyof typeof errorCodes;

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

/** The one error that Millrace throws and rejects with. */
export class MillraceError extends Error {
  /** What happened, from the closed list `errorCodes`. */
  readonly code: ErrorCode;
  /** The message without the code; empty when nothing is known beyond the code. */
  readonly detail: string;

  /** Its message is the code with `detail`, or with what the code means. */
  constructor(code: ErrorCode, detail = '', options?: ErrorOptions) {
    super(detail ? `${code}: ${detail}` : `${code}: ${errorCodes[code]}`, options);
    this.name = 'MillraceError';
    this.code = code;
    this.detail = detail;
  }

  /** Wraps whatever was caught; a `MillraceError` stays as it is. */
  static from(caught: unknown, code: ErrorCode): MillraceError {
    if (caught instanceof MillraceError) return caught;
    return new MillraceError(code, describe(caught), { cause: caught });
  }
}

/** An error whose code came as text, from the core or from the other side. A code outside the list becomes `otherwise`, and part of the detail. */
export function toError(code: string, detail: string, otherwise: ErrorCode): MillraceError {
  if (isErrorCode(code)) return new MillraceError(code, detail);
  return new MillraceError(otherwise, detail ? `${code}: ${detail}` : code);
}

/** One line about something that was caught. */
export function describe(caught: unknown): string {
  if (caught instanceof Error) return caught.name === 'Error' ? caught.message : `${caught.name}: ${caught.message}`;
  return String(caught);
}
