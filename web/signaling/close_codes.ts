/**
 * The reasons for which the signalling server closes a socket. Pages can read these codes, but not the HTTP status of a refused
 * upgrade. Numbers from 4000 on are for applications (RFC 6455, section 7.4.2).
 */
export const closeCodes = {
  /** The server is shutting down; try again. */
  shuttingDown: 1001,
  /** Binary messages are not forwarded. */
  textOnly: 1003,
  /** Sent by `ws` itself. */
  messageTooLarge: 1009,
  /** The address has no valid name of a room. */
  badRoom: 4400,
  /** The server does not serve pages of this origin. */
  originNotAllowed: 4403,
  /** No page waits with a code of this number: mistyped, used, or the page is gone. */
  noSuchNameplate: 4404,
  /** No sign of life for too long, or connected for too long. */
  idle: 4408,
  /** The room has reached its limit of members. */
  roomFull: 4409,
  /** A code waited for too long. */
  expired: 4410,
  /** A newer socket under the same `member` name has taken this one's place. */
  replaced: 4412,
  /** This page does not read its messages. */
  slowConsumer: 4413,
  /** Too many wrong codes from this address; the reason tells how long it is locked out. */
  tooManyGuesses: 4420,
  /** Too many sockets from this address. */
  tooManyFromAddress: 4428,
  /** Too many messages from this page. */
  tooManyMessages: 4429,
  /** Too many sockets, rooms or codes at this server. */
  serverFull: 4503,
} as const;
