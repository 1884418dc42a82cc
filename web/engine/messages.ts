/**
 * What the window and the engine say to each other, the same in a worker and within the window. Transfers go by their
 * string id: 'send-N' is given by the window, 'receive-N' by the engine.
 */
import type { CoreFile, CoreStats } from '../core.js';
import type { ErrorCode } from '../errors.js';
import type { FileInfo, ReceiptFile } from '../types.js';

export type SinkChoice = 'auto' | 'memory' | 'opfs';

export type ToEngine =
  /** Worker only: does a channel get here? */
  | { type: 'probe'; channel: RTCDataChannel }
  | { type: 'start' }
  | { type: 'addLane'; lane: number; channel: RTCDataChannel }
  /** Both descriptions of the lane's connection are set; bytes. */
  | { type: 'laneLimit'; lane: number; maxMessageSize: number }
  | { type: 'dropLane'; lane: number }
  | { type: 'send'; id: string; files: CoreFile[]; blobs: Blob[] }
  | { type: 'accept'; id: string; sink: SinkChoice }
  | { type: 'reject'; id: string; reason: string }
  | { type: 'pause'; id: string; paused: boolean }
  | { type: 'fail'; id: string; code: ErrorCode; detail: string }
  | { type: 'signal'; message: string }
  /** Ends the session; `closed` and then `released` follow. */
  | { type: 'close'; code: ErrorCode; detail: string };

export type FromEngine =
  | { type: 'probed'; transferred: boolean }
  | { type: 'established'; initiator: boolean }
  | { type: 'signal'; message: string }
  | { type: 'laneOpened'; lane: number }
  | { type: 'laneClosed'; lane: number }
  | { type: 'offer'; id: string; files: FileInfo[]; totalBytes: number }
  | { type: 'accepted'; id: string }
  | { type: 'paused'; id: string; paused: boolean }
  | { type: 'progress'; transfers: { id: string; bytes: number }[]; stats: CoreStats }
  | { type: 'done'; id: string; bytes: number; files: ReceiptFile[]; folder?: string; stats: CoreStats }
  | { type: 'failed'; id: string; code: string; detail: string; byPeer: boolean }
  /** The session is over. */
  | { type: 'closed'; code: string; detail: string }
  /** Channels are closed and unfinished files removed: connections may go, and the worker. */
  | { type: 'released' };
