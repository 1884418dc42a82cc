import type { BulkTotals } from '../api/peer_stats.js';
import type { Profile, SizingMode } from '../api/profile.js';
import type { BenchmarkStats, Bottleneck, WaitingShares } from '../api/statistics.js';

/**
 * The WebAssembly core as TypeScript sees it: the Embind class of `wasm/session.cpp`.
 *
 * The core decides and the shim carries. Nothing here blocks, calls back, or reads a clock: every call takes `now` in
 * milliseconds (`performance.now()`), and the shim polls the core for its requests. A turn of the shim is
 *
 *   1. hand over events (`handleInput`, `setBuffered`, `readDone`, `writeDone`, `closeLane`, `advanceTime`, a command),
 *   2. drain `pollWrite`, `pollOutput`, `pollRead`, `pollEvent` until each returns that there is no more,
 *   3. set one timer for `nextTimeout()`.
 *
 * Frequent calls return their results in the mailbox, eight doubles in the heap, so that no object is made for a record:
 * `HEAPF64[(session.mailbox() >> 3) + i]`. Memory never grows, so views of the heap stay valid.
 */
export interface CoreModule {
  readonly HEAPU8: Uint8Array;
  readonly HEAPF64: Float64Array;
  /** Number of bytes of `crypto.getRandomValues` that one handshake needs. */
  handshakeEntropyBytes(): number;
  readonly Session: {
    /** `entropy`: `handshakeEntropyBytes()`; the core wipes its copies of it and of `options.secret`, the caller its own. */
    new (entropy: Uint8Array, options: CoreOptions, now: number): CoreSession;
  };
  /** ms, samples, ms. */
  readonly TransferBenchmark: new (sampleInterval: number, windowSize: number, rttInterval: number) => BenchmarkCore;
}

/** Class TransferBenchmark of `wasm/benchmark.cpp`. */
export interface BenchmarkCore {
  start(now: number): void;
  recordBytes(bytes: number, now: number): void;
  recordRtt(rtt: number, now: number): void;
  recordPacketLoss(loss: number, now: number): void;
  /** Other evidence for the bottleneck. `memoryShare`: NaN where unknown. */
  setContext(waiting: WaitingShares | undefined, memoryShare: number): void;
  /** Returns whether a sample was completed since the last call. */
  advance(now: number): boolean;
  stop(now: number): void;
  running(): boolean;
  rttIsDue(now: number): boolean;
  stats(now: number): BenchmarkStats;
  delete(): void;
}

export interface CoreOptions {
  /** Longest time without a connection before the session ends, ms; 0: none. */
  reconnectTimeout: number;
  /** Longest time without a lane for bulk before the session ends, ms; 0: none. */
  laneTimeout: number;
  /** Number of lanes for bulk; undefined: as the profile suggests. */
  leastLanes?: number | undefined;
  mostLanes?: number | undefined;
  /** Kind of network, and how quickly the chunk size follows; undefined: by measurement, as the profile suggests. */
  profile?: Profile | undefined;
  mode?: SizingMode | undefined;
  /** undefined: 'default'. */
  ladder?: 'default' | 'strict' | undefined;
  /** Of lanes; undefined: 'earliest'. */
  scheduler?: 'earliest' | 'round-robin' | undefined;
  /** A fixed size, bytes; undefined: follows the link. */
  chunkSize?: number | undefined;
  /** Bytes per second; 0: no limit. */
  mostBytesPerSecond: number;
  /** What this side sends yields to other traffic. */
  background: boolean;
  /** Records events; see `pollTrace`. */
  trace?: boolean | undefined;
  /** How the two sides authenticate each other; both must use the same. */
  secretKind: 'none' | 'key' | 'code';
  /** A key: 16 to 1024 bytes; a code: its UTF-8 bytes, in the same spelling on both sides, 1 to 1024; otherwise empty. */
  secret: Uint8Array;
  /** If false on both sides, the session has no encryption; its records are still authenticated. */
  encryption: boolean;
  /** If true on either side, records and descriptions of files are padded. */
  privacy: boolean;
}

/** The lane of handshake, offers, credit and messages: ordered and reliable. Lanes from 1 on carry bulk. */
export const CONTROL_LANE = 0;
/** The lane of pings, pongs and acknowledgements: unordered, without retransmissions, on the control lane's connection. */
export const PULSE_LANE = 0xffff_ffff;

/** The types of the messages of a handshake (PROTOCOL.md): the second byte of a channel message. */
export const HandshakeType = { hello: 1, reveal: 2, answer: 3, confirm: 4, failure: 5 } as const;
/** The third byte of a failure that says that the secrets differ, or that someone is in between (PROTOCOL.md). */
export const AUTHENTICATION_FAILED = 21;

export interface CoreSession {
  mailbox(): number;

  /**
   * Before `openLane(0, …)` of each connection: the fingerprints of this side's DTLS certificate and of the other's, as UTF-8
   * in one spelling, such as 'sha-256 AB:CD:…', 1 to 255 bytes each. Sides that disagree about them fail with
   * 'authentication-failed'.
   */
  setFingerprints(local: Uint8Array, remote: Uint8Array): void;
  /**
   * The channel of `lane` is open. The control lane and the pulse lane open first. `maxMessageSize`: `pc.sctp.maxMessageSize`, bytes; the core caps it at
   * 256 KiB.
   */
  openLane(lane: number, maxMessageSize: number, reliable: boolean, now: number): void;
  /**
   * After `disconnected` (or `closeLane` of the control lane): a new connection to the same peer begins. `entropy` as for the
   * constructor. Its fingerprints, its control lane and its pulse lane follow, then lanes with new numbers. Neither key nor code
   * is needed again.
   */
  reconnect(entropy: Uint8Array, now: number): void;
  /** The channel of `lane` closed or failed. With the control lane or the pulse lane, all lanes close. */
  closeLane(lane: number, now: number): void;
  /** Water marks of the lanes, bytes; `highWater` is clamped to the limit of browsers. */
  setWaterMarks(highWater: number, lowWater: number): void;
  /** `bufferedAmount` of the lane's channel, reported on `bufferedamountlow` and whenever a turn begins. */
  setBuffered(lane: number, bytes: number, now: number): void;

  /** Address to copy the next message of `length` bytes to; 0: the message is too long, or there is no memory for it now. */
  inputBuffer(lane: number, length: number): number;
  /** The message is in the buffer that `inputBuffer` returned last. */
  handleInput(lane: number, now: number): void;

  advanceTime(now: number): void;
  /** Asks the peer for a sign of life; without one within two seconds, `disconnected` follows. */
  checkPeer(now: number): void;
  /** When `advanceTime` is due, ms on the clock of `now`; Infinity: never. */
  nextTimeout(): number;

  /** True: send `[lane, address, length]` of the mailbox now, before any other call. */
  pollOutput(now: number): boolean;
  /** True: fill `[read, transfer, file, offset, length, address]` from the source, then `readDone`. */
  pollRead(): boolean;
  /** A `length` below the requested one means that the source ended there. */
  readDone(read: number, length: number, now: number): void;
  /** True: write `[write, transfer, file, offset, length, address]` to the sink, then `writeDone`. */
  pollWrite(): boolean;
  writeDone(write: number, now: number): void;
  /** The sink has stored and closed the whole file: the answer to `fileReceived`. */
  fileStored(transfer: number, file: number, now: number): void;

  pollEvent(): CoreEvent | undefined;
  /** With `CoreOptions.trace`: the next event since the last poll; the core keeps at most 256. */
  pollTrace(): CoreTraceEntry | undefined;

  /**
   * Offers files to the peer, and returns the transfer's number. `secret`: 16 bytes; the same files offered with the same secret
   * give the transfer the same token.
   * Errors: a list of files that breaks a limit becomes a `failed` event; values of a wrong type throw a BindingError.
   */
  offer(files: readonly CoreFile[], secret: Uint8Array, now: number): number;
  /** Address of 256 KiB for `addExisting`. */
  existingBuffer(): number;
  /**
   * Before `accept`: an earlier attempt left `length` bytes of a file, from `offset` on; they are in the existing buffer. Only whole
   * leaves of 16 KiB, or bytes up to the file's end, are used.
   */
  addExisting(transfer: number, file: number, offset: number, length: number): void;
  accept(transfer: number, now: number): void;
  reject(transfer: number, reason: string, now: number): void;
  setPaused(transfer: number, paused: boolean, now: number): void;
  /** Ends a transfer from this side, for both: `code` is one of `ErrorCode`. */
  fail(transfer: number, code: string, detail: string, now: number): void;
  /** Sends one message of in-band signalling to the peer, at most 16 KiB. */
  signal(message: string, now: number): void;
  /** Sends a message to the other side's window over the control lane, at most 72 KiB, in order and once. */
  message(message: Uint8Array, now: number): void;
  /** Bytes of what has been said to the peer and waits for the control lane's channel. */
  controlBytesWaiting(): number;
  /** Ends the session here and at the peer. What was said before still arrives: see `draining`. */
  close(code: string, detail: string, now: number): void;

  /** Number of lanes for bulk that this side wants. */
  lanesWanted(): number;
  /** Whether keys are agreed on the current connection, so that lanes for bulk may be opened. */
  connected(): boolean;
  /**
   * The session has ended, and the peer has not acknowledged all that was said to it; at most 2 s. Keep the control
   * lane's channel open and go on with input, output and time until this is false.
   */
  draining(): boolean;
  /** Sending: bytes that the peer has acknowledged. Receiving: bytes that the sink has stored. */
  transferBytes(transfer: number): number;
  /** The most that this side sends of bulk from now on; 0: no limit. */
  setMostBytesPerSecond(most: number, now: number): void;
  /** The connection's path: directly between hosts, and over a cellular network. */
  setPath(hostPair: boolean, cellular: boolean): void;
  /** Packets that this side sent on the connection, and how many of them the other side says it received. */
  onPacketCounts(sent: number, received: number, now: number): void;
  stats(now: number): CoreStats;
  delete(): void;
}

export interface CoreFile {
  name: string;
  path: string;
  /** Bytes; null for a stream of unknown length. */
  size: number | null;
  type: string;
  lastModified: number;
}

export type CoreEvent =
  /** Keys are agreed. `initiator` is true on exactly one side, which opens the lanes. */
  | {
      type: 'established';
      initiator: boolean;
      /** Both sides have proven that they know the same key or code. */
      authenticated: boolean;
      /** Seven numbers from 0 to 63, the same on both sides unless someone is in between. */
      sas: number[];
      encrypted: boolean;
      privacy: boolean;
    }
  /** The control lane has closed, and the session waits for a new connection. */
  | { type: 'disconnected' }
  | { type: 'reconnected'; initiator: boolean }
  /** The lane is not used any more: its connection can be closed. */
  | { type: 'laneRetired'; lane: number }
  /** During a transfer, the other side has left pings unanswered for 1.5 s, or (false) has answered again. */
  | { type: 'silent'; silent: boolean }
  /** Unreliable lanes lose more than 5 %: reliable ones should replace them. */
  | { type: 'lossy' }
  | { type: 'signal'; message: string }
  | { type: 'message'; message: Uint8Array }
  /** `token`: 32 hexadecimal digits. */
  | { type: 'offer'; transfer: number; token: string; files: CoreFile[]; totalBytes: number | null }
  | { type: 'accepted'; transfer: number }
  | { type: 'paused'; transfer: number; paused: boolean }
  /** Receiving: every byte is written and the hash tree agrees. Flush and close the file, then `fileStored`. */
  | { type: 'fileReceived'; transfer: number; file: number; size: number; root: string }
  | { type: 'done'; transfer: number; bytes: number; files: { id: number; size: number; root: string }[] }
  | { type: 'failed'; transfer: number; code: string; detail: string; byPeer: boolean }
  /** The session is over. `code` is 'closed' after an orderly end by either side. */
  | { type: 'closed'; code: string; detail: string; byPeer: boolean };

/** An entry of docs/trace.md; `at`: ms on the clock of `now`. */
export interface CoreTraceEntry {
  readonly at: number;
  readonly type: string;
  readonly [field: string]: number | string;
}

export interface CoreLaneStats {
  lane: number;
  reliable: boolean;
  bytesSent: number;
  bytesReceived: number;
  recordsSent: number;
  recordsReceived: number;
  recordsLost: number;
  bufferedAmount: number;
  paused: boolean;
  /** From sending a record to its acknowledgement, waiting in the channel included, ms. */
  rtt: number | undefined;
}

export interface CoreStats {
  /** Round-trip time of pings on the control lane, ms; undefined before the first answer. */
  rtt: number | undefined;
  lanes: CoreLaneStats[];
  /** Of all bulk lanes so far. */
  totals: BulkTotals;
  /** Current pacing rate, and estimated bandwidth of the bottleneck, bytes per second. */
  pacingRate: number;
  bottleneckRate: number;
  /** Time that packets spend in the queue of the link, ms. */
  queueDelay: number;
  /** Mean difference between the round trips of successive pings, ms. */
  jitter: number | undefined;
  /** 0 to 1: of packets if both sides count them, otherwise of records on unreliable lanes. */
  packetLoss: number | undefined;
  /** Since this side last began to send after a pause. */
  waiting: WaitingShares | undefined;
  /** The same for receiving; `network` includes the other side. */
  receiveWaiting: WaitingShares | undefined;
  /** 0 to 100. */
  quality: number | undefined;
  bottleneck: Bottleneck;
  recommendation: string;
  technicalAdvice: string;
  /** What is read at once, bytes. */
  chunkSize: number;
  /** The chosen profile; for 'auto' the detected one, and 'auto' until one is detected. */
  profile: Profile;
  /** Bytes of the two record pools in use. */
  sendPoolBytes: number;
  receivePoolBytes: number;
  /** All memory of the core; it never grows. */
  wasmBytes: number;
}
