/** Every bound of the signalling server, in one place. A peer of this server is hostile until proven otherwise. */
export interface Limits {
  /** Longest text message that is forwarded, bytes. An SDP with candidates is about 2 KiB; in-band signalling needs no more. */
  readonly maxMessageBytes: number;
  /** Rooms that exist at once. An empty room does not exist. */
  readonly maxRooms: number;
  /** Members of a room, unless its first member asks for more. */
  readonly maxClientsPerRoom: number;
  /** The most that it may ask for. */
  readonly maxRoomSize: number;
  /** Sockets from one address at once; a household or an office shares one. */
  readonly maxClientsPerAddress: number;
  /** Token bucket for messages of one socket: this many at once … */
  readonly messageBurst: number;
  /** … refilled at this rate, messages/s. */
  readonly messagesPerSecond: number;
  /** The same for the bytes of one socket: this many at once, at least `maxMessageBytes` … */
  readonly byteBurst: number;
  /** … refilled at this rate, bytes/s. */
  readonly bytesPerSecond: number;
  /** Messages of all sockets of one address, messages/s. This and the next three limits allow a burst of 4 s. */
  readonly addressMessagesPerSecond: number;
  /** Bytes of all sockets of one address, bytes/s. */
  readonly addressBytesPerSecond: number;
  /** Messages that the server forwards in all, messages/s. Beyond these, sockets that send much are read later. */
  readonly totalMessagesPerSecond: number;
  /** Bytes that the server forwards in all, bytes/s. */
  readonly totalBytesPerSecond: number;
  /** A socket that neither sends a message nor answers a ping for this time is closed, ms. */
  readonly idleMs: number;
  /** Ping interval, ms. Half of the usual proxy timeout of 60 s, or less, keeps the way through proxies open. */
  readonly pingIntervalMs: number;
  /** Longest life of a socket, ms; a session continues without signalling. */
  readonly maxLifetimeMs: number;
  /** A member with more than this unsent, bytes, is disconnected, so that the server's memory does not grow. */
  readonly maxBufferedBytes: number;
  /** The same for all members of one address: beyond this, the one with the most is disconnected. */
  readonly maxBufferedBytesPerAddress: number;
  /** The same for all members. */
  readonly maxBufferedBytesInAll: number;
  /** A socket must send the headers of its request within this time, ms, also one that a browser opened ahead of need. */
  readonly headersTimeoutMs: number;
  /** Nameplates of short codes in use at once, on this server. */
  readonly maxNameplates: number;
  readonly maxNameplatesPerAddress: number;
  /** A short code waits this long for the other side, ms. */
  readonly nameplateMs: number;
  /** Wrong codes that an address may try before it has to pause. */
  readonly freeGuesses: number;
  /** The first pause, ms; each further wrong code doubles it … */
  readonly guessPauseMs: number;
  /** … up to this. */
  readonly maxGuessPauseMs: number;
  /** Requests for ICE servers from one address per minute: each of a session's lanes, which may be 64, may ask for its own credentials. */
  readonly icePerMinute: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;
const second = 1000;
const hour = 3600 * second;

export const defaultLimits: Limits = {
  maxMessageBytes: 64 * KiB,
  maxRooms: 10_000,
  maxClientsPerRoom: 2,
  maxRoomSize: 32,
  maxClientsPerAddress: 64,
  messageBurst: 200,
  messagesPerSecond: 50,
  byteBurst: MiB,
  bytesPerSecond: 128 * KiB,
  addressMessagesPerSecond: 500,
  addressBytesPerSecond: MiB,
  totalMessagesPerSecond: 20_000,
  totalBytesPerSecond: 64 * MiB,
  idleMs: 60 * second,
  pingIntervalMs: 20 * second,
  maxLifetimeMs: 12 * hour,
  maxBufferedBytes: MiB,
  maxBufferedBytesPerAddress: 8 * MiB,
  maxBufferedBytesInAll: 64 * MiB,
  headersTimeoutMs: 60 * second,
  maxNameplates: 5_000,
  maxNameplatesPerAddress: 16,
  nameplateMs: hour,
  freeGuesses: 3,
  guessPauseMs: 5 * second,
  maxGuessPauseMs: 600 * second,
  icePerMinute: 240,
};
