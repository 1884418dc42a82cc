import type { TypedEventTarget } from './events.js';
import type { Profile } from './profile.js';
import type { BenchmarkStats, Bottleneck, WaitingShares } from './statistics.js';

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

/** How an offer is accepted. */
export interface AcceptOptions {
  /** Default 'auto'. */
  sink?: Sink;
  /** What 'auto' takes first. */
  directory?: FileSystemDirectoryHandle;
}

/** How files are offered. */
export interface SendOptions {
  /** Cancels the transfer with 'aborted'. */
  signal?: AbortSignal;
  /** What a source without a name (`Blob`, `Uint8Array`, `ReadableStream`) is called; default 'untitled'. */
  name?: string;
}

/** A file as it was offered. On the receiving side names and paths are cleaned, and unique within the offer. */
export interface FileInfo {
  /** Its number within the offer, from 0. */
  readonly id: number;
  /** The last part of `path`. */
  readonly name: string;
  /** With '/' between folders. It comes from the other side: never use it as a path without checking it. */
  readonly path: string;
  /** Bytes; null while unknown. */
  readonly size: number | null;
  /** Its MIME type as the sender tells it; empty where unknown. */
  readonly type: string;
  /** Milliseconds since 1970. */
  readonly lastModified: number;
}

/** 'reconnecting': the connection broke, and is being repaired or replaced; transfers wait. 'closed' is final. */
export type PeerState = 'connected' | 'reconnecting' | 'closed';

/** What a `Peer` fires. */
export interface PeerEvents {
  /** The other side offers files; `Peer.onincoming` is told the same. */
  incoming: Event & {
    /** Not answered yet. */
    readonly offer: Offer;
  };
  /** `Peer.state` is another one. */
  statechange: Event;
  /** Once a second, and when the bottleneck, the chunk size or the number of lanes has changed. */
  stats: Event & {
    /** As `Peer.stats`. */
    readonly stats: PeerStats;
  };
  /** What may be of interest to who looks for the reason of something; it asks for nothing to be done. */
  log: Event & {
    /** 'warning': something is not as it was asked for. */
    readonly level: 'info' | 'warning';
    /** For people. */
    readonly message: string;
  };
}

/** A session with the other side, as `connect` gives it. */
export interface Peer extends TypedEventTarget<PeerEvents> {
  /** Fires `statechange`. */
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
  /** Numbers of now. After the end of the session: the last ones. */
  stats(): PeerStats;
  /** Ends the session in good order; pending transfers fail with 'closed'. Resolves when all is released. */
  close(): Promise<void>;
}

/** Files that the other side offers. It waits until it is answered, without a limit. */
export interface Offer {
  /** As `Transfer.id`. */
  readonly id: string;
  /** At least one. */
  readonly files: readonly FileInfo[];
  /** Bytes; null where a stream of unknown size is among the files. */
  readonly totalBytes: number | null;
  /** Errors: throws 'invalid-argument' for what is no sink, and when already answered; a sink that cannot be used fails `done`. */
  accept(options?: AcceptOptions): Transfer;
  /**
   * Declines: the other side's `done` rejects with 'rejected' and the reason as text, at most 1,024 bytes of it.
   * Errors: throws 'invalid-argument' when already answered.
   */
  reject(reason?: unknown): void;
}

/** 'offered': not answered yet. 'done', 'failed' and 'cancelled' are final. */
export type TransferState = 'offered' | 'active' | 'paused' | 'reconnecting' | 'done' | 'failed' | 'cancelled';

/** What a `Transfer` fires. */
export interface TransferEvents {
  /** At most ten times a second, and at the end. */
  progress: Event & {
    /** As `Transfer.bytes`. */
    readonly bytes: number;
    /** As `Transfer.totalBytes`. */
    readonly totalBytes: number | null;
  };
  /** `Transfer.state` is another one. */
  statechange: Event;
  /** Once a second, and when the bottleneck, the chunk size or the number of lanes has changed. */
  stats: Event & {
    /** As `Transfer.stats`. */
    readonly stats: TransferStats;
  };
}

/** Files on their way, seen from either side. */
export interface Transfer extends TypedEventTarget<TransferEvents> {
  /** Unique on this side of this session: 'send-1', 'receive-1' and so on. */
  readonly id: string;
  /** Seen from this side. */
  readonly direction: 'send' | 'receive';
  /** Empty while a directory is being walked. */
  readonly files: readonly FileInfo[];
  /** Fires `statechange`. */
  readonly state: TransferState;
  /** Sending: what the other side acknowledged. Receiving: what the sink took. */
  readonly bytes: number;
  /** Bytes of all files; null while a stream among them has no known end. */
  readonly totalBytes: number | null;
  /**
   * Stops it until `resume`. Either side may, and it goes on when neither does; what is on its way still arrives. No effect on
   * one that is over.
   */
  pause(): void;
  /** Takes this side's `pause` back. */
  resume(): void;
  /**
   * Ends it for both sides: `done` rejects with 'cancelled' on both, and with the reason as text, at most 1,024 bytes of it. No
   * effect on a transfer that has ended.
   */
  cancel(reason?: unknown): void;
  /** Resolves when every byte is stored and the hash trees agree on both sides; rejects with `MillraceError`. */
  readonly done: Promise<Receipt>;
  /** Numbers of now. After the end of the transfer: the last ones. */
  stats(): TransferStats;
  /**
   * With `ConnectOptions.log`: what happened since it was offered, as lines of JSON (docs/trace.md), at most 16,384 of them. It
   * stays when the transfer ends. No names of files, no addresses. Empty without that option.
   */
  log(): string;
}

/** A file that is stored and checked. */
export interface ReceiptFile {
  /** As `FileInfo.id`. */
  readonly id: number;
  /** As `FileInfo.name`. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Root of the hash tree, hexadecimal; equal on both sides. */
  readonly root: string;
  /** What was received (sinks 'memory' and 'opfs'). */
  readonly blob?: Blob;
}

/** What `Transfer.done` resolves with: every byte of it is stored, and both sides computed the same hashes. */
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

/** One lane: a peer connection of its own with a channel for bulk. Counted since it was opened. */
export interface LaneStats {
  /** Its number in this session, from 1; numbers are not used again. */
  readonly lane: number;
  /** Lanes that are not open are not listed. */
  readonly state: 'open';
  /** Whether its channel sends again what is lost, or Millrace does. */
  readonly reliable: boolean;
  /** Bytes of records. */
  readonly bytesSent: number;
  /** Bytes of records. */
  readonly bytesReceived: number;
  /** A record is one message of the channel. */
  readonly recordsSent: number;
  /** Those that were authentic. */
  readonly recordsReceived: number;
  /** Sent by this side, and taken for lost; what they carried went out again. */
  readonly recordsLost: number;
  /** Bytes. */
  readonly bufferedAmount: number;
  /** Its channel is above its high water mark, and takes nothing until it is below the low one. */
  readonly paused: boolean;
  /** From sending a record to its acknowledgement, waiting in the channel included, ms; undefined before the first one. */
  readonly rtt: number | undefined;
}

/**
 * Throughput in bytes/s: since it was accepted, and over the samples of the last minute, one a second. Quality, bottleneck and
 * recommendation are of this transfer.
 */
export interface TransferStats extends Omit<BenchmarkStats, 'totalBytes'> {
  /** As `Transfer.bytes`. */
  readonly bytes: number;
  /** As `Transfer.totalBytes`. */
  readonly totalBytes: number | null;
  /** Milliseconds; undefined before the first answer. */
  readonly rtt: number | undefined;
  /** Those of the session, which all its transfers share. */
  readonly lanes: readonly LaneStats[];
  /** Bytes per second that may be sent now. */
  readonly pacingRate: number;
  /** Bytes per second that the link is known to carry. */
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

/** Numbers of a session. */
export interface PeerStats {
  /** Round trip of pings over the control connection, ms; undefined before the first answer. */
  readonly rtt: number | undefined;
  /** Mean difference between one round trip and the next, ms. */
  readonly jitter: number | undefined;
  /** 0 to 1; undefined where the browsers do not count packets and all lanes are reliable. */
  readonly packetLoss: number | undefined;
  /** 0 to 100; undefined before the first round trip. */
  readonly quality: number | undefined;
  /** What limits this side now. */
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
  /** Those that are open. */
  readonly lanes: readonly LaneStats[];
  /** Bytes per second that may be sent now. */
  readonly pacingRate: number;
  /** Bytes per second that the link is known to carry. */
  readonly bottleneckRate: number;
  /** What packets wait for in the link, ms. */
  readonly queueDelay: number;
  /** Bytes in use of the core's pool of pieces to send. */
  readonly sendPoolBytes: number;
  /** Bytes in use of the core's pool of what has arrived and is not yet written. */
  readonly receivePoolBytes: number;
  /** All memory of the core, bytes; it never grows. */
  readonly wasmBytes: number;
  /** Whether core and channels run in a worker. */
  readonly worker: boolean;
}
