import type { MillraceError } from '../api/errors.js';
import type { PeerConnectionClass } from '../api/options.js';
import type { Pairing } from '../signaling/pairing.js';
import type { Fingerprints } from './fingerprint.js';

/** What a `ControlConnector` needs of its session, and reports to it. */
export interface ControlConnectorOptions {
  rtc: RTCConfiguration;
  Connection?: PeerConnectionClass | undefined;
  pairing: Pairing;
  /** The first path may still come up after it has failed: with manual signalling, people carry the messages. */
  patient?: boolean;
  readonly attach: (channel: RTCDataChannel) => void;
  readonly onnegotiated: (maxMessageSize: number, fingerprints: Fingerprints) => void;
  /** The session asks the other side for a sign of life; `disconnected` is called if none comes. */
  readonly check: () => void;
  /** The signalling is needed again, and may have closed. */
  readonly reopenSignaling: () => void;
  /** A new connection begins: the session gives up the old channel before `attach` is called again. */
  readonly onrenew: () => void;
  /** False: the connection is being repaired. True: it works again. */
  readonly onsteady: (steady: boolean) => void;
  /** The first connection did not come up. Called once. */
  readonly onfailed: (error: MillraceError) => void;
  /** The other side is gone, or ('authentication-failed') someone else answers in its name. Called once. */
  readonly ongone: (error: MillraceError) => void;
}
