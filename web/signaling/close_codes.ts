/**
 * Why the signalling server closed a socket. Pages see these; an HTTP status on a refused upgrade they would not.
 * Numbers from 4000 on are for applications (RFC 6455, section 7.4.2).
 */
export const closeCodes = {
  /** The server is being stopped; try again. */
  shuttingDown: 1001,
  /** Binary messages are not passed on. */
  textOnly: 1003,
  /** Sent by `ws` itself. */
  messageTooLarge: 1009,
  /** The address names no room, or one that is no name. */
  badRoom: 4400,
  /** No code with this number waits for somebody: mistyped, used, or its page is gone. */
  noSuchNameplate: 4404,
  /** No sign of life for too long, or connected for too long. */
  idle: 4408,
  /** As many as may be are in the room. */
  roomFull: 4409,
  /** A code has waited for too long. */
  expired: 4410,
  /** This page does not read what it is sent. */
  slowConsumer: 4413,
  /** Too many wrong codes from this address; the reason says for how long. */
  tooManyGuesses: 4420,
  /** Sockets from this address. */
  tooManyFromAddress: 4428,
  /** More than a page may say. */
  tooManyMessages: 4429,
  /** Sockets, rooms or codes at this server. */
  serverFull: 4503,
} as const;
