import type { MillraceError } from '../api/errors.js';
import type { JsonValue } from '../api/message_types.js';
import type { ConnectOptions } from '../api/options.js';
import type { Peer, Transfer } from '../api/types.js';
import { connectSession } from './connect.js';
import type { NoteListener } from './notes.js';
import type { SharedSource } from './shared_source.js';

/** Who the other side of a session is, as a room learned it. */
export interface Introduced {
  readonly id: string;
  readonly name: string;
  readonly data: JsonValue;
}

/**
 * A session with a channel for the batches of a mesh beside its transfers and messages. The package's own folders above `session/`
 * use sessions by this interface only.
 */
export interface AppSession extends Peer {
  /** Called with each batch of the other side, in order. */
  onappmessage: ((message: Uint8Array) => void) | null;
  /** Called with the bytes that wait to be sent over the control channel, whenever that changed. */
  onbuffered: ((bytes: number) => void) | null;
  /** Called when a transfer begins while there was none: `hasTransfers` has become true. */
  onbusy: (() => void) | null;
  /** Called when the last transfer has ended: `hasTransfers` has become false, and the session is still up. */
  onidle: (() => void) | null;
  /** Whether any transfer has not ended. Offers that were not answered count. */
  readonly hasTransfers: boolean;
  /** Sends a batch, less than 72 KiB, to the other side: in order and once. Dropped after the end of the session. */
  sendMessage(message: Uint8Array): void;
  /** Called with each note of the other side's room. Notes that came before it was set are delivered when it is. */
  onnote: NoteListener | null;
  /** Sends a note, at most 15 KiB of JSON, to the other side's room: in order and once. Dropped after the end of the session. */
  sendNote(note: object): void;
  /** From now on this side sends no more than so many bytes of files per second. Dropped after the end of the session. */
  limitRate(bytesPerSecond: number): void;
  /** As `send`, for files that other sessions send as well. Errors: throws 'closed'. */
  sendShared(source: SharedSource, signal: AbortSignal | undefined): Transfer;
  /** Gives `id`, `name` and `data` of the peer. */
  introduce(who: Introduced): void;
  /** Why the session ended; undefined while it has not. */
  readonly ending: MillraceError | undefined;
}

/** As `connect`, with the channel for batches. Errors: as `connect`. */
export function connectAppSession(options: ConnectOptions): Promise<AppSession> {
  return connectSession(options);
}
