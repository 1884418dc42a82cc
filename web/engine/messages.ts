/**
 * The messages between the window and the engine, the same for a worker and within the window. Transfers are named by a string:
 * the window gives 'send-N', the engine gives 'receive-N'.
 */
import type { ErrorCode } from '../api/errors.js';
import type { BenchmarkStats } from '../api/statistics.js';
import type { FileInfo, LaneStats, ReceiptFile } from '../api/types.js';
import type { Fingerprints } from '../rtc/fingerprint.js';
import type { SourceBody } from '../sources/source.js';
import type { CoreEvent, CoreFile, CoreOptions, CoreStats } from '../wasm/session.js';

/** 'stream': the engine asks for a stream with `openStream` whenever it needs one. */
export type SinkChoice = 'auto' | 'memory' | 'opfs' | 'stream' | FileSystemDirectoryHandle;

/** The part of `CoreOptions` that the page decides; the engine wipes `secret`. */
export type SessionSettings = Pick<
  CoreOptions,
  | 'leastLanes'
  | 'mostLanes'
  | 'mostBytesPerSecond'
  | 'background'
  | 'profile'
  | 'mode'
  | 'ladder'
  | 'scheduler'
  | 'chunkSize'
  | 'trace'
  | 'secretKind'
  | 'secret'
  | 'encryption'
  | 'privacy'
>;

/** The result of the handshake; it stays the same after a reconnection. */
export type Agreement = Omit<Extract<CoreEvent, { type: 'established' }>, 'type' | 'initiator'>;

/** Why a session or a transfer ended. */
export interface Ending {
  /** One of `ErrorCode`; any other word is the other side's. */
  code: string;
  /** For people; empty where nothing is known beyond the code. */
  detail: string;
  /** The other side ended it. Otherwise this side did, or the connection between them. */
  byPeer: boolean;
  /** With 'internal', where an exception of this side ended it: its stack, for a report. The page can put it into `cause`. */
  stack?: string | undefined;
}

/**
 * The core's statistics as the window gets them. `lanes` has a lane from `addLane` on, 'connecting' until `laneOpened`. From
 * `laneClosed`, `disconnected` or `renew` on it is 'closing', with its last counts; when its channel has closed, or after 2 s,
 * one report has it as 'closed', and later ones have it no more.
 */
export interface SessionStats extends Omit<CoreStats, 'lanes'> {
  lanes: LaneStats[];
}

export type ToEngine =
  /** Worker only: tests whether a channel can be transferred. `probed` answers. */
  | { type: 'probe'; channel: RTCDataChannel }
  /** The compiled core, before `start`. Without it, the engine compiles the core itself. */
  | { type: 'core'; module: WebAssembly.Module }
  | { type: 'start'; options: SessionSettings; waterMarks: { high: number; low: number } }
  | { type: 'addLane'; lane: number; channel: RTCDataChannel; reliable: boolean }
  /**
   * Both descriptions of the lane's connection are set, and its certificates match them. For the control lane it counts for the
   * pulse lane, too. `maxMessageSize`: bytes.
   */
  | { type: 'laneLimit'; lane: number; maxMessageSize: number; fingerprints: Fingerprints }
  /**
   * Both descriptions of the first control connection are set, and its channels are not open: the handshake begins over the signalling
   * (`handshake`). `laneLimit` follows.
   */
  | { type: 'described'; maxMessageSize: number; fingerprints: Fingerprints }
  /** What the other side's engine posted as `handshake`; it may come before `described`, twice or not at all. */
  | { type: 'handshake'; index: number; message: Uint8Array }
  /** The most that this side sends of files from now on, bytes per second. */
  | { type: 'limit'; bytesPerSecond: number }
  | { type: 'dropLane'; lane: number }
  /** The path of the control connection: directly between hosts, and over a cellular network. */
  | { type: 'path'; hostPair: boolean; cellular: boolean }
  /** Packets that this side sent on the control connection, and how many of them the other side received. */
  | { type: 'packets'; sent: number; received: number }
  /** Asks the other side for a sign of life; `disconnected` follows if none arrives. */
  | { type: 'check' }
  /** A new connection begins: drops all lanes. The next `addLane`s add the control lane and the pulse lane again. */
  | { type: 'renew' }
  /** `secret`: 16 bytes, see `CoreSession.offer`. `hub`: leads to the `SlabHub` that reads `bodies` for several sessions. */
  | { type: 'send'; id: string; secret: Uint8Array; files: readonly CoreFile[]; bodies: readonly SourceBody[]; hub?: MessagePort }
  /** `directory`: the first choice of 'auto', if the page has one. */
  | { type: 'accept'; id: string; sink: SinkChoice; directory?: FileSystemDirectoryHandle }
  | { type: 'reject'; id: string; reason: string }
  | { type: 'pause'; id: string; paused: boolean }
  | { type: 'fail'; id: string; code: ErrorCode; detail: string }
  /** Answers to `openStream`. */
  | { type: 'stream'; id: string; file: number; stream: WritableStream<Uint8Array> }
  | { type: 'streamFailed'; id: string; file: number; detail: string }
  | { type: 'signal'; message: string }
  /**
   * For the other side's window, in order. They wait here while 64 KiB wait for the control channel; those of `atOnce` do not. From then
   * on, `buffered` follows what waits.
   */
  | { type: 'messages'; messages: readonly Uint8Array[]; atOnce: boolean }
  /** Ends the session; `closed` and then `released` follow. */
  | { type: 'close'; code: ErrorCode; detail: string };

/** A worker that gets one of these reads blobs for several engines, and is no engine. */
export type ToReader =
  /** Comes first. */
  | { type: 'blobs'; blobs: readonly Blob[] }
  /** One more engine reads them. */
  | { type: 'reader'; port: MessagePort };

/** `bytes`: of one part that was read. */
export type FromReader = { type: 'read'; bytes: number };

export type FromEngine =
  | { type: 'probed'; transferred: boolean }
  /** Keys are agreed. `initiator` is true on exactly one side, which opens the lanes. */
  | { type: 'established'; initiator: boolean; agreement: Agreement }
  /** The connection is lost; a new one may replace it. */
  | { type: 'disconnected' }
  | { type: 'reconnected'; initiator: boolean }
  /** During a transfer, the other side has left pings unanswered for 1.5 s, or (false) has answered again. */
  | { type: 'silent'; silent: boolean }
  /** Unreliable lanes lose more than 5 %: reliable ones should replace them. */
  | { type: 'lossy' }
  /** Number of lanes that this side wants. */
  | { type: 'lanesWanted'; count: number }
  | { type: 'signal'; message: string }
  /** Of the other side's window, in order. */
  | { type: 'messages'; messages: readonly Uint8Array[] }
  /**
   * Bytes that wait in the core for the control channel or are in its buffer, and bytes of all `messages` that the core has got:
   * from the first `messages` on, whenever either has changed by 16 KiB, and when nothing waits any more.
   */
  | { type: 'buffered'; bytes: number; handled: number }
  /**
   * A message of the control lane while its channel is not open, for the signalling. It goes over the channel, too, when that opens.
   * `index`: counts the messages.
   */
  | { type: 'handshake'; index: number; message: Uint8Array }
  /** The session knows the lane. For the control lane: both channels of the control connection are open. */
  | { type: 'laneOpened'; lane: number }
  | { type: 'laneClosed'; lane: number }
  | { type: 'offer'; id: string; files: FileInfo[]; totalBytes: number | null }
  | { type: 'accepted'; id: string }
  | { type: 'openStream'; id: string; file: FileInfo }
  /** Once: the private file system has bytes of a transfer. */
  | { type: 'stored' }
  | { type: 'paused'; id: string; paused: boolean }
  /** Each second once keys are agreed, and at most ten times a second when bytes have moved. `transfers`: all accepted ones. */
  | { type: 'progress'; transfers: { id: string; bytes: number; stats: BenchmarkStats }[]; stats: SessionStats }
  | {
      type: 'done';
      id: string;
      bytes: number;
      files: ReceiptFile[];
      folder?: string;
      stats: SessionStats;
      transferStats: BenchmarkStats | undefined;
    }
  | ({ type: 'failed'; id: string } & Ending)
  /** If the page asked for a log: the events since the last `log`, before the message that follows. */
  | { type: 'log'; lines: string[] }
  /** The session is over. From a worker that cannot run, too. */
  | ({ type: 'closed' } & Ending)
  /** Channels are closed and unfinished files are put away: connections can be closed, and the worker terminated. */
  | { type: 'released' };
