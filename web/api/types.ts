import type { TypedEventTarget } from './events.js';
import type { Profile } from './profile.js';
import type { BenchmarkStats, Bottleneck, WaitingShares } from './statistics.js';

/**
 * A file to send. A stream is read once, while the other side has room, so its transfer cannot be resumed after a reload. A
 * directory is read first, and its files keep their paths within it.
 */
export type Source = File | Blob | Uint8Array | ReadableStream<Uint8Array> | FileSystemDirectoryHandle;

/** Returns a stream of its own for each file. The stream gets the bytes in order and is closed after the last byte. */
export type StreamSink = (file: FileInfo) => WritableStream<Uint8Array> | Promise<WritableStream<Uint8Array>>;

/**
 * Where received files go. 'opfs': the origin's private file system, where an interrupted transfer continues when the same
 * files are offered again. A directory: the files keep the names of the offer; existing files stay. 'auto': the directory of
 * `AcceptOptions` if there is one, else 'opfs', else 'memory' for small transfers.
 */
export type Sink = 'auto' | 'memory' | 'opfs' | FileSystemDirectoryHandle | StreamSink;

/** How an offer is accepted. */
export interface AcceptOptions {
  /** Default 'auto'. */
  sink?: Sink;
  /** The first choice of 'auto'. */
  directory?: FileSystemDirectoryHandle;
}

/** How files are offered. */
export interface SendOptions {
  /** Cancels the transfer with 'aborted'. */
  signal?: AbortSignal;
  /** The name of a source that has none (`Blob`, `Uint8Array`, `ReadableStream`), at most 4,096 characters; default 'untitled'. */
  name?: string;
}

/** A file of an offer. On the receiving side, names and paths are cleaned, and unique within the offer. */
export interface FileInfo {
  /** Its number within the offer, from 0. */
  readonly id: number;
  /** The last part of `path`. */
  readonly name: string;
  /** With '/' between folders. It comes from the other side: never use it as a path without checking it. */
  readonly path: string;
  /** Bytes; null while unknown. */
  readonly size: number | null;
  /** Its MIME type according to the sender; empty if unknown. */
  readonly type: string;
  /** Milliseconds since 1970. */
  readonly lastModified: number;
}

/** 'reconnecting': the connection broke and is being repaired or replaced; transfers wait. 'closed' is final. */
export type PeerState = 'connected' | 'reconnecting' | 'closed';

/** The events of a `Peer`. */
export interface PeerEvents {
  /** The other side offers files. `Peer.onincoming` gets the same offer. */
  incoming: Event & {
    /** Waits for an answer. */
    readonly offer: Offer;
  };
  /** Fired when `Peer.state` changes. */
  statechange: Event;
  /** Fired once a second, and when the bottleneck, the chunk size or the number of lanes changes. */
  stats: Event & {
    /** As `Peer.stats`. */
    readonly stats: PeerStats;
  };
  /** Diagnostic messages; no action is needed. */
  log: Event & {
    /** 'warning': an option could not be followed. */
    readonly level: 'info' | 'warning';
    /** For people. */
    readonly message: string;
  };
}

/** A session with the other side, which `connect` sets up. */
export interface Peer extends TypedEventTarget<PeerEvents> {
  /** Fires `statechange`. */
  readonly state: PeerState;
  /**
   * Seven names of pictures (`sasEmoji`), equal on both sides unless an attacker is in between. Without a secret, the two people
   * compare them over a call or side by side, and confirm that with `verify`.
   */
  readonly sas: readonly string[];
  /** True once a secret has authenticated both sides, or the user has compared `sas`. */
  readonly verified: boolean;
  /** The user confirms that `sas` is the same on both sides. Valid for this side only; the other side is not told. */
  verify(): void;
  /** False if both sides asked for `encryption: false`. */
  readonly encrypted: boolean;
  /** Called with each offer. Offers that came before it was set are delivered when it is set. */
  onincoming: ((offer: Offer) => void) | null;
  /**
   * Offers files to the other side.
   * Errors: throws 'invalid-argument' for an invalid source or option, 'not-supported' for a source that this browser cannot
   * send, 'closed' after the end of the session, and 'aborted' if `options.signal` is aborted. Later errors reject `done`.
   */
  send(source: Source | readonly Source[], options?: SendOptions): Transfer;
  /** Current statistics; after the end of the session, the last ones. */
  stats(): PeerStats;
  /** Ends the session in an orderly way; pending transfers fail with 'closed'. Resolves when everything is released. */
  close(): Promise<void>;
}

/** Files that the other side offers. The offer waits for its answer without a limit. */
export interface Offer {
  /** As `Transfer.id`. */
  readonly id: string;
  /** At least one. */
  readonly files: readonly FileInfo[];
  /** Bytes; null if a stream of unknown size is among the files. */
  readonly totalBytes: number | null;
  /**
   * Errors: throws 'invalid-argument' for an invalid option, and if the offer was answered already. A sink that cannot be used
   * rejects `done`.
   */
  accept(options?: AcceptOptions): Transfer;
  /**
   * Declines: the other side's `done` rejects with 'rejected' and the reason as text, at most 1,024 bytes of it.
   * Errors: throws 'invalid-argument' if the offer was answered already.
   */
  reject(reason?: unknown): void;
}

/** 'offered': waits for the answer. 'done', 'failed' and 'cancelled' are final. */
export type TransferState = 'offered' | 'active' | 'paused' | 'reconnecting' | 'done' | 'failed' | 'cancelled';

/** The events of a `Transfer`. */
export interface TransferEvents {
  /** Fired at most ten times a second, and at the end. */
  progress: Event & {
    /** As `Transfer.bytes`. */
    readonly bytes: number;
    /** As `Transfer.totalBytes`. */
    readonly totalBytes: number | null;
  };
  /** Fired when `Transfer.state` changes. */
  statechange: Event;
  /** Fired once a second, and when the bottleneck, the chunk size or the number of lanes changes. */
  stats: Event & {
    /** As `Transfer.stats`. */
    readonly stats: TransferStats;
  };
}

/** Files that travel together in one direction, seen from either side. */
export interface Transfer extends TypedEventTarget<TransferEvents> {
  /** Unique on this side of this session: 'send-1', 'receive-1' and so on. */
  readonly id: string;
  /** Seen from this side. */
  readonly direction: 'send' | 'receive';
  /** Empty while a directory is being read. */
  readonly files: readonly FileInfo[];
  /** Fires `statechange`. */
  readonly state: TransferState;
  /** Sending: bytes that the other side acknowledged. Receiving: bytes that the sink stored. */
  readonly bytes: number;
  /** Bytes of all files; null while the end of a stream among them is unknown. */
  readonly totalBytes: number | null;
  /**
   * Pauses the transfer until `resume`. Each side can pause; the transfer continues when neither side does. Bytes in flight
   * still arrive. No effect on a transfer that has ended.
   */
  pause(): void;
  /** Ends this side's `pause`. */
  resume(): void;
  /**
   * Ends the transfer on both sides: `done` rejects with 'cancelled' on both, and with the reason as text, at most 1,024 bytes of it. No
   * effect on a transfer that has ended.
   */
  cancel(reason?: unknown): void;
  /** Resolves when every byte is stored and the hash trees of both sides agree. Errors: rejects with a `MillraceError`. */
  readonly done: Promise<Receipt>;
  /** Current statistics; after the end of the transfer, the last ones. */
  stats(): TransferStats;
  /**
   * With `ConnectOptions.log`: the events since the offer, as lines of JSON (docs/trace.md), at most 16,384 of them. It stays
   * after the end of the transfer, and contains no file names and no addresses. Empty without that option.
   */
  log(): string;
}

/** A file that is stored and verified. */
export interface ReceiptFile {
  /** As `FileInfo.id`. */
  readonly id: number;
  /** As `FileInfo.name`. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Root of the hash tree, hexadecimal; equal on both sides. */
  readonly root: string;
  /** The received bytes (sinks 'memory' and 'opfs'). */
  readonly blob?: Blob;
}

/** The proof of a transfer: every byte is stored, and both sides computed the same hashes. */
export interface Receipt {
  /** Of all files. */
  readonly bytes: number;
  /** Each file of the offer. */
  readonly files: readonly ReceiptFile[];
  /** The last ones. */
  readonly stats: TransferStats;
  /**
   * Sink 'opfs': the folder in the origin's private file system that holds the files. It belongs to the caller now; free
   * the space with `removeStored(folder)` when the blobs are no longer needed.
   */
  readonly folder?: string;
}

/** Statistics of one bulk lane since it was opened. */
export interface LaneStats {
  /** Its number in this session, counted from 1; a number is never used twice. */
  readonly lane: number;
  /**
   * State of its channel. 'connecting': not set up on both sides yet. 'closing': still delivering records that were sent. A lane
   * that has closed is listed once more, as 'closed', with its last counts.
   */
  readonly state: 'connecting' | 'open' | 'closing' | 'closed';
  /** True: the channel retransmits lost messages. False: Millrace does. */
  readonly reliable: boolean;
  /** Bytes of records. */
  readonly bytesSent: number;
  /** Bytes of records. */
  readonly bytesReceived: number;
  /** A record is one message of the channel. */
  readonly recordsSent: number;
  /** Authentic records only. */
  readonly recordsReceived: number;
  /** Records of this side that were declared lost; their bytes were sent again. */
  readonly recordsLost: number;
  /** Bytes. */
  readonly bufferedAmount: number;
  /** The channel is above its high water mark, and gets nothing until it is below the low mark. */
  readonly paused: boolean;
  /** Time from sending a record to its acknowledgement, with its wait in the channel, ms; undefined before the first one. */
  readonly rtt: number | undefined;
}

/**
 * Statistics of a transfer. Throughput in bytes/s: the average since it was accepted, and the rest over the samples of the last
 * minute, one per second. Quality, bottleneck and recommendation concern this transfer.
 */
export interface TransferStats extends Omit<BenchmarkStats, 'totalBytes'> {
  /** As `Transfer.bytes`. */
  readonly bytes: number;
  /** As `Transfer.totalBytes`. */
  readonly totalBytes: number | null;
  /** Round trip, ms; undefined before the first answer. */
  readonly rtt: number | undefined;
  /** The lanes of the session, which all its transfers share. */
  readonly lanes: readonly LaneStats[];
  /** The current pacing rate, bytes/s. */
  readonly pacingRate: number;
  /** The estimated bottleneck bandwidth, bytes/s. */
  readonly bottleneckRate: number;
  /** Bytes that are read and scheduled at once. */
  readonly chunkSize: number;
  /**
   * Shares of the time since this side last started to send (or to receive), by the cause of the wait. Receiving: `seal` is the
   * opening of records, `sink` is this side's own sink, and `network` is everything that keeps bytes from arriving, the other
   * side included; `source` and `channel` are 0.
   */
  readonly waiting: WaitingShares | undefined;
}

/** Statistics of a session. */
export interface PeerStats {
  /** Round trip of pings over the control connection, ms; undefined before the first answer. */
  readonly rtt: number | undefined;
  /** Mean difference between one round trip and the next, ms. */
  readonly jitter: number | undefined;
  /** 0 to 1; undefined if the browsers do not count packets and all lanes are reliable. */
  readonly packetLoss: number | undefined;
  /** 0 to 100; undefined before the first round trip. */
  readonly quality: number | undefined;
  /** The current bottleneck of this side. */
  readonly bottleneck: Bottleneck;
  /** Advice about the bottleneck, in plain words. */
  readonly recommendation: string;
  /** Shares of the time since this side last started to send, by the cause of the wait; undefined before. */
  readonly waiting: WaitingShares | undefined;
  /** The same for receiving; see `TransferStats.waiting`. */
  readonly receiveWaiting: WaitingShares | undefined;
  /** Bytes that are read and scheduled at once. */
  readonly chunkSize: number;
  /** The chosen profile; for 'auto' the profile that fits the path, or 'auto' until that is known. */
  readonly profile: Profile;
  /** All lanes, with the state of each. */
  readonly lanes: readonly LaneStats[];
  /** The current pacing rate, bytes/s. */
  readonly pacingRate: number;
  /** The estimated bottleneck bandwidth, bytes/s. */
  readonly bottleneckRate: number;
  /** The queueing delay, ms. */
  readonly queueDelay: number;
  /** Bytes in use of the send pool. */
  readonly sendPoolBytes: number;
  /** Bytes in use of the receive pool. */
  readonly receivePoolBytes: number;
  /** The memory of the core, bytes; it never grows. */
  readonly wasmBytes: number;
  /** Whether the core and the channels run in a worker. */
  readonly worker: boolean;
}
