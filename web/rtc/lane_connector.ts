import { MillraceError } from '../api/errors.js';
import type { PeerConnectionClass } from '../api/options.js';
import { nextTask } from '../base/tasks.js';
import { parseConnectionMessage, type ConnectionMessage } from '../signaling/envelope.js';
import type { Fingerprints } from './fingerprint.js';
import { PeerLink } from './peer_link.js';

export interface LaneConnectorOptions {
  rtc: RTCConfiguration;
  Connection?: PeerConnectionClass | undefined;
  /** Never more, whatever either side wants. */
  maxLanes: number;
  reliable: boolean;
  /** Carries a message to the other side's connector, in band. */
  signal(message: string): void;
  attach(lane: number, channel: RTCDataChannel, reliable: boolean): void;
  onnegotiated(lane: number, maxMessageSize: number, fingerprints: Fingerprints): void;
  /** The lane's connection is gone: its channel is not to be used any more. */
  onlost(lane: number, error: MillraceError): void;
}

/** The in-band signalling carries at most this, bytes. */
const MAX_SIGNAL_BYTES = 15 * 1024;
/** Lane numbers are 32 bits in the protocol; a session that used so many has something wrong with it. */
const MAX_LANE = 0xffff;
/** Connecting must not take longer, ms: after that a lane counts as lost. */
const OPEN_TIMEOUT_MS = 15_000;
/** A lost lane is opened again after this, ms, and twice as long each time that it does not open. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 4_000;

interface Lane {
  readonly connection: PeerLink;
  readonly timer: ReturnType<typeof setTimeout>;
  opened: boolean;
  /** Another lane is about to take its place. */
  retiring: boolean;
}

/** What the connectors of the two sides say to each other. */
type LaneSignal =
  | ({ lane: number } & ConnectionMessage)
  /** To the side that opens lanes: this one is gone here. */
  | { lane: number; type: 'lost' }
  /** To the side that opens lanes: open others in place of all there are. */
  | { lane: 0; type: 'replace' }
  /** To the side that opens lanes: so many would be good to have. */
  | { lane: 0; type: 'want'; count: number };

/**
 * The bulk lanes: one peer connection each, set up through the session itself, so that the signalling server sees nothing
 * of it. Lane numbers start at 1, are given by one side, the initiator, and never come twice. Lanes that are lost are opened
 * again for as long as the session is connected.
 */
export class LaneConnector {
  readonly #options: LaneConnectorOptions;
  readonly #lanes = new Map<number, Lane>();
  #initiator = false;
  #running = false;
  #reliable: boolean;
  #lastLane = 0;
  /** By this side, and by the other one. */
  #wanted = 1;
  #wantedThere = 1;
  #pauseMs = FIRST_PAUSE_MS;
  #pause: ReturnType<typeof setTimeout> | undefined;
  /** A task goes on with `#fill`. */
  #filling = false;

  constructor(options: LaneConnectorOptions) {
    this.#options = options;
    this.#reliable = options.reliable;
  }

  /** The session is connected. `initiator`: this side opens lanes. */
  start(initiator: boolean): void {
    this.#running = true;
    this.#initiator = initiator;
    this.#pauseMs = FIRST_PAUSE_MS;
    if (!initiator) this.#signal({ lane: 0, type: 'want', count: this.#wanted });
    this.#fill();
  }

  /** This side would like to have so many lanes. */
  want(count: number): void {
    this.#wanted = count;
    if (!this.#running) return;
    if (this.#initiator) this.#fill();
    else this.#signal({ lane: 0, type: 'want', count });
  }

  /** The session ends: what there is stays until `stop`, and nothing new is made. */
  stopRepairs(): void {
    this.#running = false;
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }

  /** The session is not connected any more: there is no signalling, and its lanes are gone. */
  stop(): void {
    this.stopRepairs();
    for (const lane of [...this.#lanes.keys()]) this.#close(lane);
  }

  /** Takes a message of the other side's connector. What makes no sense is ignored: the other side is not trusted. */
  handle(text: string): void {
    const signal = parseLaneSignal(text);
    if (!signal || !this.#running) return;
    switch (signal.type) {
      case 'replace':
        if (this.#initiator) this.#replaceAll();
        break;
      case 'want':
        this.#wantedThere = signal.count;
        this.#fill();
        break;
      case 'lost':
        this.#lose(signal.lane, new MillraceError('lane-closed', `lane ${signal.lane} closed at the other side`), false);
        break;
      default:
        if (this.#isNew(signal)) this.#create(signal.lane);
        this.#lanes.get(signal.lane)?.connection.handle(signal);
    }
  }

  /** The lane's channel is open. */
  opened(lane: number): void {
    const entry = this.#lanes.get(lane);
    if (!entry) return;
    clearTimeout(entry.timer);
    entry.opened = true;
    this.#pauseMs = FIRST_PAUSE_MS;
    if (!this.#initiator) return;
    const next = [...this.#lanes].find(([, { retiring }]) => retiring)?.[0];
    if (next !== undefined) this.#lose(next, new MillraceError('lane-closed', `lane ${lane} takes its place`));
  }

  /** The lane's channel closed. */
  closed(lane: number): void {
    this.#lose(lane, new MillraceError('lane-closed', `the channel of lane ${lane} closed`));
  }

  /** Lanes whose connection does not work are opened anew: the network changed under them. */
  check(): void {
    for (const [lane, { connection, opened }] of [...this.#lanes]) {
      if (opened && connection.state !== 'connected') this.#lose(lane, new MillraceError('lane-closed', `lane ${lane}: ${connection.state}`));
    }
  }

  /** From now on this side's lanes are reliable, and those that are not are replaced. */
  makeReliable(): void {
    if (this.#reliable) return;
    this.#reliable = true;
    if (this.#initiator) this.#replaceAll();
    else this.#signal({ lane: 0, type: 'replace' });
  }

  #isNew(signal: LaneSignal): boolean {
    return (
      !this.#initiator &&
      signal.type === 'description' &&
      signal.kind === 'offer' &&
      signal.lane > this.#lastLane &&
      // Twice, because a lane is open before the one that it replaces is closed.
      this.#lanes.size < 2 * this.#options.maxLanes
    );
  }

  #replaceAll(): void {
    for (const lane of this.#lanes.values()) lane.retiring = true;
    this.#fill();
  }

  /**
   * Opens what is missing, and closes what is too much: the youngest, whose windows are the smallest. One in a task: to make or
   * end a connection keeps the window for milliseconds.
   */
  #fill(): void {
    if (!this.#running || !this.#initiator || this.#pause !== undefined || this.#filling) return;
    const target = Math.min(Math.max(this.#wanted, this.#wantedThere), this.#options.maxLanes);
    const staying = [...this.#lanes].filter(([, { retiring }]) => !retiring).map(([lane]) => lane);
    if (staying.length < target && this.#lastLane < MAX_LANE) {
      if (!this.#create(this.#lastLane + 1)) return;
    } else if (staying.length > target) {
      const lane = staying.at(-1)!;
      this.#end(lane, new MillraceError('lane-closed', `lane ${lane} does not pay`));
    } else {
      return;
    }
    this.#filling = true;
    void nextTask().then(() => {
      this.#filling = false;
      this.#fill();
    });
  }

  /** False: the browser makes no more connections now. */
  #create(lane: number): boolean {
    this.#lastLane = lane;
    const reliable = this.#reliable;
    let connection: PeerLink;
    try {
      connection = new PeerLink({
        rtc: this.#options.rtc,
        Connection: this.#options.Connection,
        initiator: this.#initiator,
        label: `millrace-bulk-${lane}`,
        channel: { ordered: false, reliable },
        send: (message) => this.#signal({ lane, ...message }),
        attach: (channel) => this.#options.attach(lane, channel, reliable),
        onnegotiated: (maxMessageSize, fingerprints) => this.#options.onnegotiated(lane, maxMessageSize, fingerprints),
        onstate: (state) => {
          if (state === 'failed') this.#lose(lane, new MillraceError('connection-failed', `lane ${lane}: no path`));
        },
        onlost: (error) => this.#lose(lane, error),
      });
    } catch (caught) {
      this.#options.onlost(lane, MillraceError.from(caught, 'connection-failed'));
      this.#fillLater();
      return false;
    }
    const timer = setTimeout(
      () => this.#lose(lane, new MillraceError('timeout', `lane ${lane} did not open`)),
      OPEN_TIMEOUT_MS,
    );
    this.#lanes.set(lane, { connection, timer, opened: false, retiring: false });
    return true;
  }

  /** `tell`: the other side may not know of it. */
  #lose(lane: number, error: MillraceError, tell = true): void {
    if (this.#end(lane, error, tell)) this.#fillLater();
  }

  /** As `#lose`, for good; false: there is no such lane. */
  #end(lane: number, error: MillraceError, tell = true): boolean {
    if (!this.#close(lane)) return false;
    this.#options.onlost(lane, error);
    if (this.#running && tell) this.#signal({ lane, type: 'lost' });
    return true;
  }

  #fillLater(): void {
    if (!this.#running || !this.#initiator || this.#pause !== undefined) return;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#fill();
    }, this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  #close(lane: number): boolean {
    const entry = this.#lanes.get(lane);
    if (!entry) return false;
    clearTimeout(entry.timer);
    this.#lanes.delete(lane);
    entry.connection.close();
    return true;
  }

  #signal(signal: LaneSignal): void {
    const text = JSON.stringify(signal);
    if (new TextEncoder().encode(text).length > MAX_SIGNAL_BYTES) {
      throw new MillraceError('too-large', `the description of lane ${signal.lane}`);
    }
    this.#options.signal(text);
  }
}

function parseLaneSignal(text: string): LaneSignal | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('lane' in value) || !('type' in value)) return undefined;
  const { lane, type } = value;
  if (type === 'replace') return { lane: 0, type };
  if (type === 'want') {
    const count = 'count' in value ? value.count : undefined;
    return typeof count === 'number' && Number.isInteger(count) && count >= 1 ? { lane: 0, type, count } : undefined;
  }
  if (typeof lane !== 'number' || !Number.isInteger(lane) || lane < 1 || lane > MAX_LANE) return undefined;
  if (type === 'lost') return { lane, type };
  const message = parseConnectionMessage(value);
  return message && { lane, ...message };
}
