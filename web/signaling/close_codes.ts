/**
 * Why the signalling server closed a socket. Pages see these; an HTTP status on a refused upgrade they would not.
 * Numbers from 4000 on are for applications (RFC 6455, section 7.4.2).
 */
export const closeCodes = {
  shuttingDown: 1001,
  textOnly: 1003,
  /** Sent by `ws` itself. */
  messageTooLarge: 1009,
  badRoom: 4400,
  /** No code with this number waits for somebody: mistyped, used, or its page is gone. */
  noSuchNameplate: 4404,
  idle: 4408,
  roomFull: 4409,
  /** A code has waited for too long. */
  expired: 4410,
  slowConsumer: 4413,
  /** Too many wrong codes from this address; the reason says for how long. */
  tooManyGuesses: 4420,
  tooManyFromAddress: 4428,
  tooManyMessages: 4429,
  serverFull: 4503,
} as const;
