import type { Profile, SizingMode } from '../api/profile.js';
import type { BenchmarkStats, Bottleneck, WaitingShares } from '../api/statistics.js';

/**
 * The WebAssembly core as TypeScript sees it: the Embind class of `wasm/session.cpp`.
 *
 * The core decides and the shim carries. Nothing here blocks, calls back, or reads a clock: every call takes `now` in
 * milliseconds (`performance.now()`), and what the core wants done is polled for. A turn of the shim is
 *
 *   1. hand over what happened (`handleInput`, `setBuffered`, `readDone`, `writeDone`, `closeLane`, `advanceTime`, a command),
 *   2. drain `pollWrite`, `pollOutput`, `pollRead`, `pollEvent` until each says there is no more,
 *   3. set one timer for `nextTimeout()`.
 *
 * Hot calls answer through the mailbox, eight doubles in the heap, so that no object is made for a record:
 * `HEAPF64[(session.mailbox() >> 3) + i]`. Memory never grows, so views of the heap stay valid.
 */
export interface CoreModule {
  readonly HEAPU8: Uint8Array;
  readonly HEAPF64: Float64Array;
  /** How many bytes of `crypto.getRandomValues` one handshake takes. */
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
  /** What the bottleneck is judged by besides. `memoryShare`: NaN where unknown. */
  setContext(waiting: WaitingShares | undefined, memoryShare: number): void;
  /** True: a sample was completed since the last call. */
  advance(now: number): boolean;
  stop(now: number): void;
  running(): boolean;
  rttIsDue(now: number): boolean;
  stats(now: number): BenchmarkStats;
  delete(): void;
}

export interface CoreOptions {
  /** How long a lost connection may stay away before the session ends, ms; 0: not at all. */
  reconnectTimeout: number;
  /** How long there may be no bulk lane before the session ends, ms; 0: the last one must not close. */
  laneTimeout: number;
  /** Bulk lanes to ask for; undefined: as the profile suggests. */
  leastLanes?: number | undefined;
  mostLanes?: number | undefined;
  /** What network it is, and how quickly the chunk size follows; undefined: by measurement, as the profile suggests. */
  profile?: Profile | undefined;
  mode?: SizingMode | undefined;
  /** Bytes, whatever the link does; undefined: as the link asks for. */
  chunkSize?: number | undefined;
  /** Bytes per second; 0: no limit. */
  mostBytesPerSecond: number;
  /** Writes down what happens; see `pollTrace`. */
  trace?: boolean | undefined;
  /** How the two sides know each other; both have to say the same. */
  secretKind: 'none' | 'key' | 'code';
  /** A key: 16 to 1024 bytes; a code: its UTF-8 bytes, written the same way on both sides, 1 to 1024; else empty. */
  secret: Uint8Array;
  /** False only where both sides say so makes a session without encryption; what it carries still can not be changed. */
  encryption: boolean;
  /** True on either side: records and what is said of files are padded. */
  privacy: boolean;
}

/** Lane 0 is the control lane (reliable, ordered, no bulk); lanes from 1 on carry bulk. */
export interface CoreSession {
  mailbox(): number;

  /**
   * Before `openLane(0, …)` of each connection: the fingerprints of this side's DTLS certificate and of the other's, as UTF-8
   * in one way of writing, such as 'sha-256 AB:CD:…', 1 to 255 bytes each. Sides that do not name the same two fail with
   * 'authentication-failed'.
   */
  setFingerprints(local: Uint8Array, remote: Uint8Array): void;
  /** The channel of `lane` is open. `maxMessageSize`: `pc.sctp.maxMessageSize`, bytes; the core caps it at 256 KiB. */
  openLane(lane: number, maxMessageSize: number, reliable: boolean, now: number): void;
  /**
   * After `disconnected` (or `closeLane` of lane 0): a new connection to the same peer begins. `entropy` as above. Its
   * fingerprints and lane 0 come next, then lanes under new numbers. Neither key nor code is needed again.
   */
  reconnect(entropy: Uint8Array, now: number): void;
  /** The channel of `lane` closed or failed. Lane 0 takes all others with it. */
  closeLane(lane: number, now: number): void;
  /** Water marks of the lanes, bytes; `highWater` is clamped to what a browser can hold. */
  setWaterMarks(highWater: number, lowWater: number): void;
  /** `bufferedAmount` of the lane's channel, reported on `bufferedamountlow` and whenever a turn begins. */
  setBuffered(lane: number, bytes: number, now: number): void;

  /** Address where the next message of `length` bytes is to be copied; 0: too long, or no memory (drop the message). */
  inputBuffer(lane: number, length: number): number;
  /** The message lies in the buffer that `inputBuffer` gave last. */
  handleInput(lane: number, now: number): void;

  advanceTime(now: number): void;
  /** Asks the peer for a sign of life; without one within two seconds, `disconnected` follows. */
  checkPeer(now: number): void;
  /** When `advanceTime` wants to be called, ms on the clock of `now`; Infinity: never. */
  nextTimeout(): number;

  /** True: send `[lane, address, length]` of the mailbox now, before any other call. */
  pollOutput(now: number): boolean;
  /** True: fill `[read, transfer, file, offset, length, address]` from the source, then `readDone`. */
  pollRead(): boolean;
  /** `length` less than asked for means that the source ended there. */
  readDone(read: number, length: number, now: number): void;
  /** True: write `[write, transfer, file, offset, length, address]` to the sink, then `writeDone`. */
  pollWrite(): boolean;
  writeDone(write: number, now: number): void;
  /** The sink has stored and closed the whole file; answers `fileReceived`. */
  fileStored(transfer: number, file: number, now: number): void;

  pollEvent(): CoreEvent | undefined;
  /** With `CoreOptions.trace`: what happened since the last poll, at most 256 entries of it. */
  pollTrace(): CoreTraceEntry | undefined;

  /**
   * Offers files to the peer; answers the transfer's number. `secret`: 16 bytes; who offers the same files under the same
   * secret again gives the transfer the same token. Throws nothing: an unusable list becomes a `failed` event.
   */
  offer(files: readonly CoreFile[], secret: Uint8Array, now: number): number;
  /** Address of 256 KiB for `addExisting`. */
  existingBuffer(): number;
  /**
   * Before `accept`: `length` bytes at the existing buffer are what an earlier attempt left of a file from `offset` on. Whole
   * leaves of 16 KiB, or up to the file's end; anything else is ignored.
   */
  addExisting(transfer: number, file: number, offset: number, length: number): void;
  accept(transfer: number, now: number): void;
  reject(transfer: number, reason: string, now: number): void;
  setPaused(transfer: number, paused: boolean, now: number): void;
  /** Ends a transfer from this side, for both: `code` is one of `ErrorCode`. */
  fail(transfer: number, code: string, detail: string, now: number): void;
  /** Carries one message of in-band signalling to the peer (at most 16 KiB). */
  signal(message: string, now: number): void;
  /** Carries a message to the other side's application over the control lane, at most 72 KiB, in order and once. */
  message(message: Uint8Array, now: number): void;
  /** Ends the session here and at the peer. What was said before still arrives: see `draining`. */
  close(code: string, detail: string, now: number): void;

  /** How many bulk lanes this side would like to have open now. */
  lanesWanted(): number;
  /** Keys are agreed on the present connection: bulk lanes may be opened. */
  connected(): boolean;
  /**
   * The session has ended, and the peer has not acknowledged all that was said to it; at most 2 s. Keep the control
   * lane's channel open and go on with input, output and time until this is false.
   */
  draining(): boolean;
  /** Bytes of the transfer that the peer acknowledged (sending) or that the sink stored (receiving). */
  transferBytes(transfer: number): number;
  /** What the connection's path is made of. */
  setPath(hostPair: boolean, cellular: boolean): void;
  /** The other side answers how many packets of its connection's it received of those that this side had sent. */
  onPacketCounts(sent: number, received: number, now: number): void;
  stats(now: number): CoreStats;
  delete(): void;
}

export interface CoreFile {
  name: string;
  path: string;
  /** Bytes; null for a stream whose end is not known yet. */
  size: number | null;
  type: string;
  lastModified: number;
}

export type CoreEvent =
  /** Keys are agreed. `initiator` is true on exactly one side: that side opens the lanes. */
  | {
      type: 'established';
      initiator: boolean;
      /** Both sides have shown that they know the same key or code. */
      authenticated: boolean;
      /** Seven numbers from 0 to 63, the same on both sides unless someone is in between. */
      sas: number[];
      encrypted: boolean;
      privacy: boolean;
    }
  /** The control lane is gone, and the session waits for a new connection. */
  | { type: 'disconnected' }
  | { type: 'reconnected'; initiator: boolean }
  /** The lane is not used any more: its connection may go. */
  | { type: 'laneRetired'; lane: number }
  /** Unreliable lanes lose more than 5 %: open reliable ones instead. */
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
  /** The session is over; `code` is 'closed' when the peer or this side ended it in good order. */
  | { type: 'closed'; code: string; detail: string };

/** An entry of docs/trace.md; `at`: ms on the clock of `now`. */
export interface CoreTraceEntry {
  readonly at: number;
  readonly type: string;
  readonly [field: string]: number | string;
}

export interface CoreLaneStats {
  lane: number;
  state: 'open';
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
  /** Bytes per second that may be sent now, and that the link is known to carry. */
  pacingRate: number;
  bottleneckRate: number;
  /** What packets wait for in the link, ms. */
  queueDelay: number;
  /** Mean difference between one ping's round trip and the next one's, ms. */
  jitter: number | undefined;
  /** 0 to 1: of packets that both sides counted, else of records on unreliable lanes. */
  packetLoss: number | undefined;
  /** Since this side last began to send, having sent nothing before. */
  waiting: WaitingShares | undefined;
  /** The same of receiving: `network` is whatever keeps bytes from arriving, the other side included. */
  receiveWaiting: WaitingShares | undefined;
  /** 0 to 100. */
  quality: number | undefined;
  bottleneck: Bottleneck;
  recommendation: string;
  /** What is read and scheduled at once, bytes. */
  chunkSize: number;
  /** The chosen one; for 'auto' what the path looks like, 'auto' until that is known. */
  profile: Profile;
  /** Bytes of the two record pools in use now. */
  sendPoolBytes: number;
  receivePoolBytes: number;
  /** All memory of the core; it never grows. */
  wasmBytes: number;
}
