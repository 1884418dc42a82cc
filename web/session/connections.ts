import type { MillraceError } from '../api/errors.js';
import type { FromEngine } from '../engine/messages.js';
import type { EnginePort } from '../engine/port.js';
import { ControlConnector } from '../rtc/control_connector.js';
import type { Fingerprints } from '../rtc/fingerprint.js';
import { LaneConnector } from '../rtc/lane_connector.js';
import { PathMonitor } from '../rtc/path_monitor.js';
import type { Pairing } from '../signaling/pairing.js';
import type { Settings } from './settings.js';

export interface ConnectionsOptions {
  readonly port: EnginePort;
  readonly settings: Settings;
  readonly pairing: Pairing;
  /** False: the control connection broke and is being repaired. True: it works (again). */
  readonly onsteady: (steady: boolean) => void;
  /** The first control connection did not come up. Called once. */
  readonly onfailed: (error: MillraceError) => void;
  /** The other side is gone, or someone else answers in its name. Called once. */
  readonly ongone: (error: MillraceError) => void;
  readonly log: (level: 'info' | 'warning', message: string) => void;
}

/**
 * The connections of a session: the control connection with its repair, the lanes, and the measurement of the path. The engine
 * gets their channels through the port.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #port: EnginePort;
  readonly #control: ControlConnector;
  readonly #lanes: LaneConnector;
  readonly #path: PathMonitor;
  #connectedOnce = false;
  #handshakeBegan = false;

  /** Errors: as `PeerLink`. */
  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#path = new PathMonitor({
      connection: () => this.#control.connection,
      say: (message) => this.#port.post({ type: 'signal', message }),
      onpath: (hostPair, cellular) => this.#port.post({ type: 'path', hostPair, cellular }),
      onpackets: (sent, received) => this.#port.post({ type: 'packets', sent, received }),
    });
    this.#lanes = this.#makeLanes();
    this.#control = this.#makeControl();
  }

  /** The channel of the first handshake is open: the other side may have used its one guess at a code. */
  get handshakeBegan(): boolean {
    return this.#handshakeBegan;
  }

  /** Takes a message of the engine. Returns false if the message does not concern connections. */
  handle(message: FromEngine): boolean {
    switch (message.type) {
      case 'established':
      case 'reconnected':
        this.#connectedOnce = true;
        this.#control.established();
        this.#lanes.start(message.initiator);
        return true;
      case 'disconnected':
        this.#lanes.stop();
        this.#control.disconnected();
        return true;
      case 'lanesWanted':
        this.#lanes.want(message.count);
        return true;
      case 'lossy':
        this.#options.log('warning', 'unreliable lanes lost more than 5 % of their records: reliable lanes replace them');
        this.#lanes.makeReliable();
        return true;
      case 'signal':
        if (!this.#path.handle(message.message)) this.#lanes.handle(message.message);
        return true;
      case 'laneOpened':
        this.#onLaneOpened(message.lane);
        return true;
      case 'laneClosed':
        this.#lanes.closed(message.lane);
        return true;
      default:
        return false;
    }
  }

  /** The session ends: nothing new is made. The open channels stay until `close`, for what the engine still sends. */
  stopRepairs(): void {
    this.#path.stop();
    this.#control.stopRepairs();
    this.#lanes.stopRepairs();
  }

  close(): void {
    this.#lanes.stop();
    this.#control.close();
  }

  #onLaneOpened(lane: number): void {
    if (lane === 0 && !this.#connectedOnce) {
      this.#handshakeBegan = true;
      this.#control.handshaking();
    }
    this.#lanes.opened(lane);
    this.#options.log('info', `lane ${lane} is open`);
  }

  #onSteady(steady: boolean): void {
    this.#options.onsteady(steady);
    this.#path.run(steady);
    if (steady) this.#lanes.check();
  }

  #makeControl(): ControlConnector {
    const { settings, pairing, onfailed, ongone } = this.#options;
    return new ControlConnector({
      rtc: settings.rtc,
      Connection: settings.Connection,
      pairing,
      patient: settings.signaling.patience !== undefined,
      attach: (channel) => this.#attach(0, channel, true),
      onnegotiated: (maxMessageSize, fingerprints) => this.#limit(0, maxMessageSize, fingerprints),
      check: () => this.#port.post({ type: 'check' }),
      reopenSignaling: () => settings.signaling.reopen?.(),
      onrenew: () => {
        this.#lanes.stop();
        this.#port.post({ type: 'renew' });
      },
      onsteady: (steady) => this.#onSteady(steady),
      onfailed,
      ongone,
    });
  }

  #makeLanes(): LaneConnector {
    const { settings, log } = this.#options;
    return new LaneConnector({
      rtc: settings.rtc,
      Connection: settings.Connection,
      maxLanes: settings.mostLanes,
      reliable: settings.reliable,
      signal: (message) => this.#port.post({ type: 'signal', message }),
      attach: (lane, channel, reliable) => this.#attach(lane, channel, reliable),
      onnegotiated: (lane, maxMessageSize, fingerprints) => this.#limit(lane, maxMessageSize, fingerprints),
      onlost: (lane, error) => {
        this.#port.post({ type: 'dropLane', lane });
        log('warning', error.detail);
      },
    });
  }

  #attach(lane: number, channel: RTCDataChannel, reliable: boolean): void {
    this.#port.post({ type: 'addLane', lane, channel, reliable }, [channel]);
  }

  #limit(lane: number, maxMessageSize: number, fingerprints: Fingerprints): void {
    this.#port.post({ type: 'laneLimit', lane, maxMessageSize, fingerprints });
  }
}
