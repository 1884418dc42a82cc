import type { ConnectOptions } from '../api/options.js';
import type { Peer } from '../api/types.js';
import { connectPeer } from './connect.js';

/**
 * A session with a channel for messages of an application beside its transfers. The package's own folders above `session/`
 * use sessions by this interface only.
 */
export interface AppSession extends Peer {
  /** Called with each message of the other side's application, in order. */
  onappmessage: ((message: Uint8Array) => void) | null;
  /** Called with the bytes that wait to be sent as messages, whenever that changed. */
  onbuffered: ((bytes: number) => void) | null;
  /** Called when the last transfer has ended: `hasTransfers` has become false, and the session is still up. */
  onidle: (() => void) | null;
  /** Whether any transfer has not ended. Offers that were not answered count. */
  readonly hasTransfers: boolean;
  /** Sends a message, at most 72 KiB, to the other side's application: in order and once. Dropped after the end of the session. */
  sendMessage(message: Uint8Array): void;
}

/** As `connect`, with the application's channel. Errors: as `connect`. */
export function connectAppSession(options: ConnectOptions): Promise<AppSession> {
  return connectPeer(options);
}
