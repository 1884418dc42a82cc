import type { BenchmarkStats, Bottleneck, Profile, WaitingShares } from './core.js';
import type { TypedEventTarget } from './events.js';

/**
 * A stream is read once, when the other side has room: it cannot be resumed after a reload. A directory is walked first, and
 * its files keep their paths within it.
 */
export type Source = File | Blob | Uint8Array | ReadableStream<Uint8Array> | FileSystemDirectoryHandle;

/** Gives each file a stream of its own, which gets its bytes in order and is closed after the last one. */
export type StreamSink = (file: FileInfo) => WritableStream<Uint8Array> | Promise<WritableStream<Uint8Array>>;

/**
 * Where received files go. 'opfs': the origin's private file system, where an interrupted transfer is gone on with when the
 * same files are offered again. A directory: files with the names that they are offered under, next to what is there.
 * 'auto': the directory of `AcceptOptions` if there is one, else 'opfs', else 'memory' while it is little.
 */
export type Sink = 'auto' | 'memory' | 'opfs' | FileSystemDirectoryHandle | StreamSink;

export interface AcceptOptions {
  /** Default 'auto'. */
  sink?: Sink;
  /** What 'auto' takes first. */
  directory?: FileSystemDirectoryHandle;
}

export interface SendOptions {
  /** Cancels the transfer with 'aborted'. */
  signal?: AbortSignal;
  /** What a source without a name (`Blob`, `Uint8Array`, `ReadableStream`) is called; default 'untitled'. */
  name?: string;
}

export interface FileInfo {
  readonly id: number;
  readonly name: string;
  /** With '/' between folders. It comes from the other side: never use it as a path without checking it. */
  readonly path: string;
  /** Bytes; null while unknown. */
  readonly size: number | null;
  readonly type: string;
  /** Milliseconds since 1970. */
  readonly lastModified: number;
}

export type PeerState = 'connecting' | 'connected' | 'reconnecting' | 'closed';

export interface PeerEvents {
  incoming: Event & { readonly offer: Offer };
  statechange: Event;
  stats: Event & { readonly stats: PeerStats };
  log: Event & { readonly level: 'info' | 'warning'; readonly message: string };
}

export interface Peer extends TypedEventTarget<PeerEvents> {
  readonly state: PeerState;
  /**
   * Seven names of pictures (`sasEmoji`), equal on both sides unless somebody is in between. Where there was no secret, the two
   * people compare them over a call or side by side, and say so with `verify`.
   */
  readonly sas: readonly string[];
  /** True once a secret has authenticated both sides, or the user has compared `sas`. */
  readonly verified: boolean;
  /** The user says that `sas` is the same on both sides. For this side only; it is not told to the other one. */
  verify(): void;
  /** False: both sides asked for `encryption: false`. */
  readonly encrypted: boolean;
  /** Offers that came before it was set are delivered when it is. */
  onincoming: ((offer: Offer) => void) | null;
  /**
   * Offers files to the other side.
   * Errors: throws 'invalid-argument' or 'not-supported' for a source that it does not take, 'closed' when the session is
   * over; everything later rejects `done`.
   */
  send(source: Source | readonly Source[], options?: SendOptions): Transfer;
  stats(): PeerStats;
  /** Ends the session in good order; pending transfers fail with 'closed'. Resolves when all is released. */
  close(): Promise<void>;
}

export interface Offer {
  readonly id: string;
  readonly files: readonly FileInfo[];
  /** Bytes; null where a stream of unknown size is among the files. */
  readonly totalBytes: number | null;
  /** Errors: throws 'invalid-argument' for what is no sink, and when already answered; a sink that cannot be used fails `done`. */
  accept(options?: AcceptOptions): Transfer;
  reject(reason?: string): void;
}

export type TransferState = 'offered' | 'active' | 'paused' | 'reconnecting' | 'done' | 'failed' | 'cancelled';

export interface TransferEvents {
  progress: Event & { readonly bytes: number; readonly totalBytes: number | null };
  statechange: Event;
  stats: Event & { readonly stats: TransferStats };
}

export interface Transfer extends TypedEventTarget<TransferEvents> {
  readonly id: string;
  readonly direction: 'send' | 'receive';
  /** Empty while a directory is being walked. */
  readonly files: readonly FileInfo[];
  readonly state: TransferState;
  /** Sending: what the other side acknowledged. Receiving: what the sink took. */
  readonly bytes: number;
  readonly totalBytes: number | null;
  pause(): void;
  resume(): void;
  cancel(reason?: string): void;
  /** Resolves when every byte is stored and the hash trees agree on both sides; rejects with `MillraceError`. */
  readonly done: Promise<Receipt>;
  stats(): TransferStats;
  /**
   * With `ConnectOptions.log`: what happened since it was offered, as lines of JSON (docs/trace.md), at most 16,384 of them. It
   * stays when the transfer ends. No names of files, no addresses. Empty without that option.
   */
  log(): string;
}

export interface ReceiptFile {
  readonly id: number;
  readonly name: string;
  readonly size: number;
  /** Root of the hash tree, hexadecimal; equal on both sides. */
  readonly root: string;
  /** What was received (sinks 'memory' and 'opfs'). */
  readonly blob?: Blob;
}

export interface Receipt {
  readonly bytes: number;
  readonly files: readonly ReceiptFile[];
  readonly stats: TransferStats;
  /**
   * Sink 'opfs': the folder in the origin's private file system that holds the files. It belongs to the caller now; free
   * the space with `removeStored(folder)` when the blobs are no longer needed.
   */
  readonly folder?: string;
}

export interface LaneStats {
  readonly lane: number;
  readonly state: 'open';
  readonly reliable: boolean;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly recordsSent: number;
  readonly recordsReceived: number;
  readonly recordsLost: number;
  /** Bytes. */
  readonly bufferedAmount: number;
  readonly paused: boolean;
  /** From sending a record to its acknowledgement, waiting in the channel included, ms; undefined before the first one. */
  readonly rtt: number | undefined;
}

/**
 * Throughput in bytes/s: since it was accepted, and over the samples of the last minute, one a second. Quality, bottleneck and
 * recommendation are of this transfer.
 */
export interface TransferStats extends Omit<BenchmarkStats, 'totalBytes'> {
  readonly bytes: number;
  readonly totalBytes: number | null;
  /** Milliseconds; undefined before the first answer. */
  readonly rtt: number | undefined;
  readonly lanes: readonly LaneStats[];
  /** Bytes per second that may be sent now, and that the link is known to carry. */
  readonly pacingRate: number;
  readonly bottleneckRate: number;
  /** What is read and scheduled at once, bytes. */
  readonly chunkSize: number;
  /**
   * What was waited for, of the time since this side last began to send (or to receive), having sent (or received) nothing before.
   * Receiving: `seal` is opening, `sink` this side's own, and `network` whatever keeps bytes from arriving, the other side
   * included; `source` and `channel` are 0.
   */
  readonly waiting: WaitingShares | undefined;
}

export interface PeerStats {
  readonly rtt: number | undefined;
  /** Mean difference between one round trip and the next, ms. */
  readonly jitter: number | undefined;
  /** 0 to 1; undefined where the browsers do not count packets and all lanes are reliable. */
  readonly packetLoss: number | undefined;
  /** 0 to 100; undefined before the first round trip. */
  readonly quality: number | undefined;
  readonly bottleneck: Bottleneck;
  /** What to do about it, in plain words. */
  readonly recommendation: string;
  /** What this side's sending waited for, since it last began; undefined before. */
  readonly waiting: WaitingShares | undefined;
  /** The same of receiving; see `TransferStats.waiting`. */
  readonly receiveWaiting: WaitingShares | undefined;
  /** What is read and scheduled at once, bytes. */
  readonly chunkSize: number;
  /** The chosen profile; for 'auto' what the path looks like, 'auto' until that is known. */
  readonly profile: Profile;
  readonly lanes: readonly LaneStats[];
  /** Bytes per second that may be sent now, and that the link is known to carry. */
  readonly pacingRate: number;
  readonly bottleneckRate: number;
  /** What packets wait for in the link, ms. */
  readonly queueDelay: number;
  /** Bytes of the core's record pools in use. */
  readonly sendPoolBytes: number;
  readonly receivePoolBytes: number;
  /** All memory of the core, bytes; it never grows. */
  readonly wasmBytes: number;
  /** Whether core and channels run in a worker. */
  readonly worker: boolean;
}
