import type { ConnectionReport } from '../api/connection_report.js';
import { MillraceError } from '../api/errors.js';
import type { FromEngine } from '../engine/messages.js';
import type { EnginePort } from '../engine/port.js';
import type { Configurations } from '../rtc/configurations.js';
import type { ConnectionPath } from '../rtc/connection_stats.js';
import type { ConnectionRecord } from '../rtc/connection_diary.js';
import { ControlConnector } from '../rtc/control_connector.js';
import { diagnoseFullRelay } from '../rtc/diagnose.js';
import type { Fingerprints } from '../rtc/fingerprint.js';
import { LaneConnector } from '../rtc/lane_connector.js';
import { PathMonitor } from '../rtc/path_monitor.js';
import { PathUpgrade } from '../rtc/path_upgrade.js';
import type { Pairing } from '../signaling/pairing.js';
import { CONTROL_LANE, PULSE_LANE } from '../wasm/session.js';
import type { Settings } from './settings.js';

export interface ConnectionsOptions {
  readonly port: EnginePort;
  readonly settings: Settings;
  readonly rtc: Configurations;
  readonly pairing: Pairing;
  /** False: the control connection broke and is being repaired. True: it works (again). */
  readonly onsteady: (steady: boolean) => void;
  /** The first control connection did not come up. Called once. */
  readonly onfailed: (error: MillraceError) => void;
  /** The other side is gone, or someone else answers in its name. Called once. */
  readonly ongone: (error: MillraceError) => void;
  /** As `PathMonitorOptions.onpath`. */
  readonly onpath: (path: ConnectionPath, rtt: number | undefined) => void;
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
  readonly #upgrade = new PathUpgrade(() => this.#lookForDirectPath());
  /** The control connection uses a relay. */
  #pathKind: ConnectionPath['kind'] | undefined;
  /** The relay had no room for the last lane. */
  #fullRelay: ConnectionReport | undefined;
  #connectedOnce = false;
  #handshakeBegan = false;

  /** Errors: as `PeerLink`. */
  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#port = options.port;
    options.rtc.onwarning = (message) => options.log('warning', message);
    this.#path = new PathMonitor({
      connection: () => this.#control.connection,
      say: (message) => this.#port.post({ type: 'signal', message }),
      onpath: (path, rtt) => {
        this.#onPathKind(path.kind);
        options.onpath(path, rtt);
      },
      onnetwork: (hostPair, cellular) => this.#port.post({ type: 'path', hostPair, cellular }),
      onpackets: (sent, received) => this.#port.post({ type: 'packets', sent, received }),
    });
    this.#lanes = this.#makeLanes();
    this.#control = this.#makeControl();
    if (options.pairing.initiator) this.#lanes.openFirst();
  }

  /** The channels of the first handshake are open: the other side may have used its one guess at a code. */
  get handshakeBegan(): boolean {
    return this.#handshakeBegan;
  }

  /** As `ControlConnector.explain`. A session that ends because the relay has no room for a lane says so. */
  explain(error: MillraceError): MillraceError {
    const detail = this.#fullRelay;
    if (error.code !== 'lane-closed' || !detail) return this.#control.explain(error);
    return new MillraceError('connection-failed', 'the relay has no room for a connection that carries files', { detail, cause: error });
  }

  /** As `ControlConnector.signalingFailed`. */
  signalingFailed(): void {
    this.#control.signalingFailed();
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
      case 'handshake':
        this.#control.sendHandshake(message.index, message.message);
        return true;
      case 'disconnected':
        this.#lanes.stop();
        this.#control.disconnected();
        return true;
      case 'lanesWanted':
        this.#lanes.want(message.count);
        return true;
      case 'silent':
        this.#control.silence(message.silent);
        return true;
      case 'lossy':
        this.#options.log('warning', 'unreliable lanes lost more than 5 % of their records: reliable lanes replace them');
        this.#lanes.makeReliable();
        return true;
      case 'signal':
        if (!this.#control.hearInBand(message.message) && !this.#path.handle(message.message)) this.#lanes.handle(message.message);
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

  /** The network may have changed: the control connection is checked now, or its repair goes on at once. */
  check(): void {
    this.#control.check();
  }

  /** The session ends: nothing new is made. The open channels stay until `close`, for what the engine still sends. */
  stopRepairs(): void {
    this.#path.stop();
    this.#upgrade.stop();
    this.#control.stopRepairs();
    this.#lanes.stopRepairs();
  }

  close(): void {
    this.#lanes.stop();
    this.#control.close();
  }

  #onLaneOpened(lane: number): void {
    if (lane === CONTROL_LANE && !this.#connectedOnce) {
      this.#handshakeBegan = true;
      this.#control.handshaking();
    }
    if (lane !== CONTROL_LANE) this.#fullRelay = undefined;
    this.#lanes.opened(lane);
    this.#options.log('info', `lane ${lane} is open`);
  }

  #onSteady(steady: boolean): void {
    this.#options.onsteady(steady);
    this.#path.run(steady);
    if (steady) this.#lanes.check();
    else this.#upgrade.stop();
  }

  #onPathKind(kind: ConnectionPath['kind']): void {
    const wasRelayed = this.#pathKind === 'relay';
    this.#pathKind = kind;
    this.#upgrade.found(kind);
    if (wasRelayed && kind !== 'relay') void this.#lanes.replaceRelayed();
    else this.#lanes.pathFound();
  }

  /** Not where only relays may be used, and not where the relay has no room for one more: the restart may need it. */
  #lookForDirectPath(): void {
    if (this.#options.rtc.current.iceTransportPolicy !== 'relay' && !this.#fullRelay) this.#control.lookForBetterPath();
  }

  #onRelayFull(record: ConnectionRecord, open: number): void {
    const known = this.#fullRelay !== undefined;
    this.#fullRelay = diagnoseFullRelay(record);
    const code = this.#fullRelay.servers.flatMap(({ errors }) => errors).find((error) => error.code !== 701)?.code;
    if (!known) this.#options.log('warning', `the relay has no room for another lane${code === undefined ? '' : ` (${code})`}: ${open} must do`);
  }

  #makeControl(): ControlConnector {
    const { settings, rtc, pairing, onfailed, ongone } = this.#options;
    return new ControlConnector({
      rtc,
      Connection: settings.Connection,
      pairing,
      patient: settings.signaling.patience !== undefined,
      attach: (channel, lane) => this.#attach(lane === 'control' ? CONTROL_LANE : PULSE_LANE, channel, lane === 'control'),
      ondescribed: (maxMessageSize, fingerprints) => this.#port.post({ type: 'described', maxMessageSize, fingerprints }),
      onlane: (lane, messages) => this.#lanes.hearFirst(lane, messages),
      onhandshake: (index, message) => this.#port.post({ type: 'handshake', index, message }),
      sayInBand: (message) => this.#port.post({ type: 'signal', message }),
      onnegotiated: (maxMessageSize, fingerprints) => this.#limit(CONTROL_LANE, maxMessageSize, fingerprints),
      check: () => this.#port.post({ type: 'check' }),
      reopenSignaling: () => settings.signaling.reopen?.(),
      onrenew: () => {
        this.#lanes.stop();
        this.#port.post({ type: 'renew' });
      },
      onsteady: (steady) => this.#onSteady(steady),
      onmoved: () => this.#lanes.replace(),
      onfailed,
      ongone,
    });
  }

  #makeLanes(): LaneConnector {
    const { settings, rtc, log } = this.#options;
    return new LaneConnector({
      rtc,
      Connection: settings.Connection,
      maxLanes: settings.mostLanes,
      reliable: settings.reliable,
      pathKind: () => this.#pathKind,
      onrelayfull: (record, open) => this.#onRelayFull(record, open),
      sayFirst: this.#mayOpenFirst() ? (lane, messages) => this.#control.sendLane(lane, messages) : undefined,
      signal: (message) => this.#port.post({ type: 'signal', message }),
      attach: (lane, channel, reliable) => this.#attach(lane, channel, reliable),
      onnegotiated: (lane, maxMessageSize, fingerprints) => this.#limit(lane, maxMessageSize, fingerprints),
      onlost: (lane, error) => {
        this.#port.post({ type: 'dropLane', lane });
        log('warning', error.explanation);
      },
    });
  }

  /**
   * The first lanes look for direct paths, are told to the signalling, which people do not like to carry, and are known to end at the other
   * side only because its records are sealed.
   */
  #mayOpenFirst(): boolean {
    const { settings, rtc } = this.#options;
    const isDirect = !settings.privacy && rtc.current.iceTransportPolicy !== 'relay';
    return isDirect && settings.encryption && settings.signaling.patience === undefined;
  }

  #attach(lane: number, channel: RTCDataChannel, reliable: boolean): void {
    this.#port.post({ type: 'addLane', lane, channel, reliable }, [channel]);
  }

  #limit(lane: number, maxMessageSize: number, fingerprints: Fingerprints): void {
    this.#port.post({ type: 'laneLimit', lane, maxMessageSize, fingerprints });
  }
}
