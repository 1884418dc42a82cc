import type { MillraceError } from '../api/errors.js';
import type { PeerConnectionClass } from '../api/options.js';
import type { ConnectionMessage } from '../signaling/envelope.js';
import type { Configurations } from './configurations.js';
import type { ConnectionRecord } from './connection_diary.js';
import type { ConnectionPath } from './connection_stats.js';
import type { Fingerprints } from './fingerprint.js';

/** What a `LaneConnector` needs of its session, and reports to it. */
export interface LaneConnectorOptions {
  rtc: Configurations;
  Connection?: PeerConnectionClass | undefined;
  /** The upper bound, whatever either side wants. */
  maxLanes: number;
  reliable: boolean;
  /** Of the control connection; undefined while it is not known. */
  pathKind(): ConnectionPath['kind'] | undefined;
  /** The relay has no room for this lane; `open` lanes stay. Called each time that it refuses one. */
  onrelayfull(record: ConnectionRecord, open: number): void;
  /** Says something of one of the first lanes through the signalling; undefined where lanes have to wait for the control connection. */
  readonly sayFirst: ((lane: number, messages: readonly ConnectionMessage[]) => void) | undefined;
  /** Carries a message to the other side's connector, in band. */
  signal(message: string): void;
  attach(lane: number, channel: RTCDataChannel, reliable: boolean): void;
  onnegotiated(lane: number, maxMessageSize: number, fingerprints: Fingerprints): void;
  /** The lane's connection is gone: its channel must not be used any more. */
  onlost(lane: number, error: MillraceError): void;
}
