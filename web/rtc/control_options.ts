import type { MillraceError } from '../api/errors.js';
import type { PeerConnectionClass } from '../api/options.js';
import type { ConnectionMessage } from '../signaling/envelope.js';
import type { Pairing } from '../signaling/pairing.js';
import type { Configurations } from './configurations.js';
import type { Fingerprints } from './fingerprint.js';

/** What a `ControlConnector` needs of its session, and reports to it. */
export interface ControlConnectorOptions {
  rtc: Configurations;
  Connection?: PeerConnectionClass | undefined;
  pairing: Pairing;
  /** The first path may still come up after it has failed: with manual signalling, people carry the messages. */
  patient?: boolean;
  readonly attach: (channel: RTCDataChannel, lane: 'control' | 'pulse') => void;
  /** Both descriptions of the first connection are set, and no people carry the messages: the handshake may begin over the signalling. */
  readonly ondescribed: (maxMessageSize: number, fingerprints: Fingerprints) => void;
  /** Takes a message of the handshake that the other side sent through the signalling; see `ControlConnector.sendHandshake`. */
  readonly onhandshake: (index: number, message: Uint8Array) => void;
  /** Takes what the other side said of one of the first lanes through the signalling; see `ControlConnector.sendLane`. */
  readonly onlane: (lane: number, messages: readonly ConnectionMessage[]) => void;
  /** Sends a step of looking for a better path to `ControlConnector.hearInBand` of the other side, over the connection itself. */
  readonly sayInBand: (text: string) => void;
  readonly onnegotiated: (maxMessageSize: number, fingerprints: Fingerprints) => void;
  /** The session asks the other side for a sign of life; `disconnected` is called if none comes. */
  readonly check: () => void;
  /** The signalling is needed, and may have closed or died silently. */
  readonly reopenSignaling: () => void;
  /** A new connection begins: the session gives up the old channels before `attach` is called again. */
  readonly onrenew: () => void;
  /** False: the connection is being repaired. True: it works again. */
  readonly onsteady: (steady: boolean) => void;
  /** The connection was silent, has perhaps found another path, and works again. */
  readonly onmoved: () => void;
  /** The first connection did not come up. Called once. */
  readonly onfailed: (error: MillraceError) => void;
  /** The other side is gone, or ('authentication-failed') someone else answers in its name. Called once. */
  readonly ongone: (error: MillraceError) => void;
}
