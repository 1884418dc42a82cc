import type { TypedEventTarget } from './events.js';
import type { JsonValue, MessageData, PeerMessageOptions, RequestHandler, RequestOptions } from './message_types.js';
import type { PeerStats, TransferStats } from './peer_stats.js';
import type { AcceptOptions, SendOptions } from './transfer_options.js';

export type { BulkTotals, LaneStats, PeerStats, TransferStats } from './peer_stats.js';
export type { AcceptOptions, SendOptions, Sink, StreamSink } from './transfer_options.js';

/**
 * A file to send. Bytes and text are copied. A stream is read once, while the other side has room, so its transfer cannot be resumed
 * after a reload. A directory is read first, and its files keep their paths within it.
 */
export type Source =
  | File
  | Blob
  | ArrayBuffer
  | ArrayBufferView
  | string
  | ReadableStream<Uint8Array>
  | FileSystemFileHandle
  | FileSystemDirectoryHandle;

/** One file to send, or several: a list of any kind. The keys of a map name those of its values that have no name. */
export type Sources = Source | Iterable<Source> | ReadonlyMap<string, Source> | FileList;

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

/**
 * The network path of a session's control connection. Lanes are connections of their own, which mostly find the same path. There
 * are no addresses in it.
 */
export interface PeerPath {
  /** 'relay': through a TURN server of either side. */
  readonly kind: 'direct' | 'relay';
  /** How this side's packets leave it; 'tls' only towards a TURN server. */
  readonly protocol: 'udp' | 'tcp' | 'tls';
  /** IP version. Firefox hides it on paths within a network; then it is 4. */
  readonly family: 4 | 6;
  /**
   * The address of this side that the path uses. 'host': of the device itself; 'srflx' (by a STUN server) and 'prflx' (by the
   * other side): behind a NAT; 'relay': at a TURN server.
   */
  readonly local: CandidateType;
  /** The address of the other side that the path uses. */
  readonly remote: CandidateType;
  /** ms; undefined before the first measurement. */
  readonly roundTripMs: number | undefined;
}

/** The kinds of network addresses of a connection's end (RFC 8445). */
export type CandidateType = 'host' | 'srflx' | 'prflx' | 'relay';

/** The events of a `Peer`. */
export interface PeerEvents {
  /** The other side offers files. `Peer.onincoming` gets the same offer. */
  incoming: Event & {
    /** Waits for an answer. */
    readonly offer: Offer;
  };
  /** A message of the other side. `Peer.onmessage` gets the same event. */
  message: MessageEvent<MessageData>;
  /** Fired when `Peer.state` changes. */
  statechange: Event;
  /** Fired when `Peer.path` becomes known, and when anything of it but the round trip changes. */
  path: Event & {
    /** As `Peer.path`. */
    readonly path: PeerPath;
  };
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
  /**
   * In a room: names the other side to all members, also after it came back. Only the other side can prove that it has this id.
   * Otherwise a random name of this session.
   */
  readonly id: string;
  /** In a room: how the other side calls itself (`RoomOptions.name`). Otherwise empty. */
  readonly name: string;
  /** In a room: what the other side tells about itself (`RoomOptions.data`). Otherwise null. */
  readonly data: JsonValue;
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
  /** The current path, or the last one while there is none. Null until it is known, a moment after the session is connected. Fires `path`. */
  readonly path: PeerPath | null;
  /** Called with each offer. Offers that came before it was set are delivered when it is set. */
  onincoming: ((offer: Offer) => void) | null;
  /**
   * Offers for `for await`, from those that wait on. One that is answered or withdrawn before the loop gets to it is left out. The
   * loop ends with the session, as `messages` does. Several loops, and `onincoming`, each get all offers.
   */
  offers(): AsyncIterableIterator<Offer>;
  /**
   * Offers files to the other side.
   * Errors: throws 'invalid-argument' for an invalid source or option, 'not-supported' for a source that this browser cannot
   * send, 'closed' after the end of the session, and 'aborted' if `options.signal` is aborted. Later errors reject `done`.
   */
  send(source: Sources, options?: SendOptions): Transfer;
  /**
   * Sends a message to the other side. Messages arrive in the order of the calls, each exactly once, also across reconnections, and
   * file data does not delay them. Resolves when the other side has the message: wait for that, so that no more wait than 1,024
   * messages and requests with 4 MiB. While the other side reads slowly, it resolves late.
   * Errors: rejects with 'invalid-argument' for data that would not arrive as it is, 'too-large' for data of more than 64 KiB, or if
   * too much waits already, 'aborted', and with the session's error when the session ends before: the message may have arrived then.
   */
  message(data: MessageData, options?: PeerMessageOptions): Promise<void>;
  /** Called with each message. Up to 256 messages with 1 MiB wait here until it is set; the rest waits at the other side. */
  onmessage: ((event: MessageEvent<MessageData>) => void) | null;
  /**
   * Messages for `for await`, from those that wait on. Messages that the loop has not read yet wait as they do for `onmessage`. The
   * loop ends with the session: it throws the session's error, unless one side closed the session. Several loops, and `onmessage`, each get
   * all messages.
   */
  messages(): AsyncIterableIterator<MessageData>;
  /**
   * Sends data that the other side's `onrequest` answers. Requests and messages arrive in the order of the calls.
   * Errors: as `message`; rejects with 'timeout' if no answer came in time, and with the error of the other side's handler, which
   * has `byPeer`.
   */
  request(data: MessageData, options?: RequestOptions): Promise<MessageData>;
  /** Answers requests of the other side. Requests that came before it was set wait until it is. */
  onrequest: RequestHandler | null;
  /** Current statistics; after the end of the session, the last ones. */
  stats(): PeerStats;
  /** Ends the session in an orderly way; pending transfers fail with 'closed'. Resolves when everything is released. */
  close(): Promise<void>;
}

/**
 * 'open': waits for its answer. 'withdrawn': it can be answered no more, because the other side took it back or its session ended.
 * All but 'open' are final.
 */
export type OfferState = 'open' | 'accepted' | 'rejected' | 'withdrawn';

/** The events of an `Offer`. */
export interface OfferEvents {
  /** Fired when `Offer.state` changes. */
  statechange: Event;
}

/** Files that the other side offers. The offer waits for its answer without a limit. */
export interface Offer extends TypedEventTarget<OfferEvents> {
  /** As `Transfer.id`. */
  readonly id: string;
  /** The session that it came over. */
  readonly peer: Peer;
  /** At least one. */
  readonly files: readonly FileInfo[];
  /** Bytes; null if a stream of unknown size is among the files. */
  readonly totalBytes: number | null;
  /** Fires `statechange`. */
  readonly state: OfferState;
  /**
   * For an offer that was withdrawn, returns a transfer that has failed.
   * Errors: throws 'invalid-argument' for an invalid option, and if the offer was answered already, and 'aborted' if
   * `options.signal` is aborted: the offer stays open then. A sink that cannot be used rejects `done`.
   */
  accept(options?: AcceptOptions): Transfer;
  /**
   * Declines: the other side's `done` rejects with 'rejected' and the reason as text, at most 1,024 bytes of it. No effect on an
   * offer that was withdrawn.
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
  /**
   * Files and folders below a `FileSystemDirectoryHandle` that could not be read: the rest is sent. Known with `files`. Empty on the
   * receiving side.
   */
  readonly skipped: readonly SkippedFile[];
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

/** Something in a folder that could not be read, and is not sent. */
export interface SkippedFile {
  /** With '/' between folders, from the name of the folder on that was passed. */
  readonly path: string;
  /** For people: what the browser said. */
  readonly reason: string;
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
  /** As `Transfer.skipped`. */
  readonly skipped: readonly SkippedFile[];
  /** The last ones. */
  readonly stats: TransferStats;
  /**
   * Sink 'opfs': the folder in the origin's private file system that holds the files. It belongs to the caller now; free
   * the space with `removeStored(folder)` when the blobs are no longer needed.
   */
  readonly folder?: string;
}
