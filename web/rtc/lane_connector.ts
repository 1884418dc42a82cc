import { MillraceError } from '../api/errors.js';
import { nextTask } from '../base/tasks.js';
import type { ConnectionMessage } from '../signaling/envelope.js';
import { readConnection } from './connection_stats.js';
import { ConnectionDiary } from './connection_diary.js';
import { FIRST_LANES, FirstLanes } from './first_lanes.js';
import type { LaneConnectorOptions } from './lane_options.js';
import { LaneMessages } from './lane_messages.js';
import { MAX_LANE } from './lane_signal.js';
import { PeerLink } from './peer_link.js';
import { RelayRoom } from './relay_room.js';

/** A lane that has not opened after this time, ms, counts as lost. */
const OPEN_TIMEOUT_MS = 15_000;
/** Back-off before a lost lane is opened again, ms. It doubles with each failed attempt. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 4_000;
/**
 * Behind a relay, a lane for which this side has gathered all candidates has this time, ms, to find a relay at the other side, or a direct
 * path.
 */
const RELAY_PATIENCE_MS = 3_000;

interface Lane {
  readonly connection: PeerLink;
  readonly diary: ConnectionDiary;
  readonly timer: ReturnType<typeof setTimeout>;
  /** Runs while no relay has room for the lane. */
  relayTimer?: ReturnType<typeof setTimeout>;
  opened: boolean;
  /** Another lane is about to replace it. */
  retiring: boolean;
}

/**
 * The bulk lanes: one connection each, signalled in band, so that the signalling server sees nothing of them but the first ones. One
 * side, the initiator, opens lanes and numbers them, after the first ones; a number is never used twice. Lost lanes are opened again while
 * the session is connected. Where a relay has no room for another lane, those that are open have to do for a minute.
 */
export class LaneConnector {
  readonly #options: LaneConnectorOptions;
  readonly #lanes = new Map<number, Lane>();
  #initiator = false;
  #running = false;
  #reliable: boolean;
  #lastLane = FIRST_LANES;
  readonly #first: FirstLanes | undefined;
  /** The number of lanes that this side wants, and that the other side wants. */
  #wanted = 1;
  #wantedThere = 1;
  #pauseMs = FIRST_PAUSE_MS;
  #pause: ReturnType<typeof setTimeout> | undefined;
  readonly #relayRoom = new RelayRoom(() => this.#fill());
  /** A task continues `#fill`. */
  #filling = false;
  readonly #messages: LaneMessages;

  constructor(options: LaneConnectorOptions) {
    this.#options = options;
    this.#reliable = options.reliable;
    this.#messages = new LaneMessages((text) => options.signal(text), (lane, error) => this.#lose(lane, error));
    this.#first = options.sayFirst && new FirstLanes({
      count: Math.min(FIRST_LANES, options.maxLanes),
      say: options.sayFirst,
      sayInBand: (lane, message) => this.#messages.say(lane, message),
      create: (lane) => this.#create(lane),
      giveUp: (lane, detail) => this.#lose(lane, new MillraceError('lane-closed', `lane ${lane}: ${detail}`)),
    });
  }

  /** The first control connection is being set up, and this side makes its descriptions: the first lanes are opened beside it. */
  openFirst(): void {
    void this.#first?.open();
  }

  /** Takes what the other side said of one of the first lanes, through the signalling. */
  hearFirst(lane: number, messages: readonly ConnectionMessage[]): void {
    if (this.#first?.hear(lane, messages, false)) this.#take(lane, messages);
  }

  /** The session is connected. `initiator`: this side opens lanes. */
  start(initiator: boolean): void {
    this.#running = true;
    this.#initiator = initiator;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#first?.connected();
    if (!initiator) this.#messages.signal({ lane: 0, type: 'want', count: this.#wanted });
    this.pathFound();
  }

  /** This side would like to have `count` lanes. */
  want(count: number): void {
    this.#wanted = count;
    if (!this.#running) return;
    if (this.#initiator) this.#fill();
    else this.#messages.signal({ lane: 0, type: 'want', count });
  }

  /** `pathKind` may answer something else than before. */
  pathFound(): void {
    if (this.#running && this.#options.pathKind() === 'relay') this.#first?.giveUpAll('the path needs a relay');
    this.#fill();
  }

  /** The session ends: open lanes stay until `stop`, and no lane is opened. */
  stopRepairs(): void {
    this.#running = false;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#relayRoom.forget();
  }

  /** The session lost its connection: there is no in-band signalling, and its lanes are gone. */
  stop(): void {
    this.stopRepairs();
    this.#first?.stop();
    for (const lane of [...this.#lanes.keys()]) this.#close(lane);
    this.#messages.reset();
  }

  /** Takes a message of the other side's connector. Invalid messages are ignored, because the other side is not trusted. */
  handle(text: string): void {
    const signal = this.#messages.read(text);
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
        if (signal.full) this.#hearFull(signal.lane);
        this.#lose(signal.lane, new MillraceError('lane-closed', `lane ${signal.lane} closed at the other side`), false);
        break;
      default:
        if (signal.lane <= FIRST_LANES) this.#first?.hear(signal.lane, signal.messages, true);
        else if (this.#isNew(signal.lane, signal.messages)) this.#create(signal.lane);
        this.#take(signal.lane, signal.messages);
    }
  }

  /** The lane's channel is open. */
  opened(lane: number): void {
    const entry = this.#lanes.get(lane);
    if (!entry) return;
    clearTimeout(entry.timer);
    clearTimeout(entry.relayTimer);
    this.#first?.forget(lane);
    entry.opened = true;
    this.#pauseMs = FIRST_PAUSE_MS;
    if (!this.#initiator) return;
    const next = [...this.#lanes].find(([, { retiring }]) => retiring)?.[0];
    if (next !== undefined) this.#lose(next, new MillraceError('lane-closed', `lane ${lane} replaces it`));
    this.#fill();
  }

  /** The lane's channel closed. */
  closed(lane: number): void {
    this.#lose(lane, new MillraceError('lane-closed', `the channel of lane ${lane} closed`));
  }

  /** Replaces lanes whose connection broke while the network changed. */
  check(): void {
    for (const [lane, { connection, opened }] of [...this.#lanes]) {
      if (opened && connection.state !== 'connected') this.#lose(lane, new MillraceError('lane-closed', `lane ${lane}: ${connection.state}`));
    }
  }

  /** The path of the control connection has perhaps changed: new lanes take the place of the old ones. */
  replace(): void {
    if (this.#running && this.#initiator) this.#replaceAll();
  }

  /** The control connection has a direct path now: new lanes take the place of those that use a relay. */
  async replaceRelayed(): Promise<void> {
    for (const [, lane] of this.#running && this.#initiator ? [...this.#lanes] : []) {
      const stats = await readConnection(lane.connection.connection);
      if (stats?.path?.kind === 'relay') lane.retiring = true;
    }
    this.#fill();
  }

  /** Makes this side's lanes reliable: unreliable ones are replaced. */
  makeReliable(): void {
    if (this.#reliable) return;
    this.#reliable = true;
    if (this.#initiator) this.#replaceAll();
    else this.#messages.signal({ lane: 0, type: 'replace' });
  }

  #isNew(lane: number, [first]: readonly ConnectionMessage[]): boolean {
    const isOffer = first?.type === 'description' && first.kind === 'offer';
    // Twice, because a new lane opens before the lane that it replaces is closed.
    return !this.#initiator && isOffer && lane > this.#lastLane && this.#lanes.size < 2 * this.#options.maxLanes;
  }

  #replaceAll(): void {
    for (const lane of this.#lanes.values()) lane.retiring = true;
    this.#fill();
  }

  /**
   * Opens missing lanes, and closes surplus ones: the youngest first, whose congestion windows are the smallest. One lane per
   * task, because to make or end a connection blocks the window for milliseconds.
   */
  #fill(): void {
    if (!this.#running || !this.#initiator || this.#pause !== undefined || this.#filling) return;
    const target = Math.min(Math.max(this.#wanted, this.#wantedThere), this.#options.maxLanes, this.#relayRoom.lanes);
    const staying = [...this.#lanes].filter(([, { retiring }]) => !retiring).map(([lane]) => lane);
    if (staying.length < target && this.#lastLane < MAX_LANE) {
      if (!this.#mayOpen(staying)) return;
      if (!this.#create(this.#lastLane + 1)) return;
    } else if (staying.length > target) {
      const lane = staying.at(-1)!;
      this.#end(lane, new MillraceError('lane-closed', `lane ${lane} is not needed`));
    } else {
      return;
    }
    this.#filling = true;
    void nextTask().then(() => {
      this.#filling = false;
      this.#fill();
    });
  }

  /**
   * Where a relay may be needed, the first lane opens alone: of a relay with little room, several lanes would each get a part of what one
   * needs, and none would open.
   */
  #mayOpen(staying: readonly number[]): boolean {
    return staying.length === 0 || this.#options.pathKind() === 'direct' || staying.some((lane) => this.#lanes.get(lane)?.opened);
  }

  /** Returns false if the browser makes no more connections now. */
  #create(lane: number): boolean {
    this.#lastLane = Math.max(this.#lastLane, lane);
    const first = this.#first?.has(lane) ? this.#first : undefined;
    const reliable = this.#reliable;
    const diary = new ConnectionDiary(() => this.#awaitRelay(lane));
    let connection: PeerLink;
    try {
      connection = new PeerLink({
        diary,
        rtc: first ? this.#options.rtc.direct : this.#options.rtc,
        Connection: this.#options.Connection,
        initiator: first ? first.offers : this.#initiator,
        channels: [{ label: `millrace-bulk-${lane}`, ordered: false, reliable }],
        send: (message) => {
          if (!this.#first?.send(lane, message)) this.#messages.say(lane, message);
        },
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
    this.#lanes.set(lane, { connection, diary, timer, opened: false, retiring: false });
    return true;
  }

  /** Without a relay, a lane has no path where the control connection needs one. */
  #awaitRelay(lane: number): void {
    const entry = this.#lanes.get(lane);
    if (!entry || entry.opened || this.#first?.has(lane) || entry.relayTimer !== undefined || !this.#lacksRelay(entry)) return;
    entry.relayTimer = setTimeout(() => {
      delete entry.relayTimer;
      if (this.#lacksRelay(entry)) this.#refuse(lane, entry);
    }, RELAY_PATIENCE_MS);
  }

  #lacksRelay({ diary }: Lane): boolean {
    const { gathered, local, remote } = diary.record(false);
    return gathered && this.#options.pathKind() === 'relay' && ![...local, ...remote].some(({ type }) => type === 'relay');
  }

  /** The relay has no room for the lane. More lanes are tried later, or soon where none is open: relays that nobody uses expire. */
  #refuse(lane: number, { diary }: Lane): void {
    const open = this.#countOpen();
    this.#options.onrelayfull(diary.record(false), open);
    // The side that opens lanes decides.
    if (!this.#running || !this.#initiator) return;
    this.#relayRoom.refused(open);
    this.#messages.signal({ lane, type: 'lost', full: true });
    this.#lose(lane, new MillraceError('connection-failed', `lane ${lane}: the relay has no room for it`), false);
  }

  /** The other side found that the relay has no room for a lane. */
  #hearFull(lane: number): void {
    const entry = this.#lanes.get(lane);
    if (entry && !entry.opened && this.#options.pathKind() === 'relay') this.#options.onrelayfull(entry.diary.record(false), this.#countOpen());
  }

  #countOpen(): number {
    return [...this.#lanes.values()].filter(({ opened }) => opened).length;
  }

  /** Closes a lane, and opens another one later. `tell`: the other side may not know of it. */
  #lose(lane: number, error: MillraceError, tell = true): void {
    if (this.#end(lane, error, tell)) this.#fillLater();
  }

  /** As `#lose`, without a replacement. Returns false if there is no such lane. */
  #end(lane: number, error: MillraceError, tell = true): boolean {
    if (!this.#close(lane)) return false;
    this.#options.onlost(lane, error);
    if (this.#running && tell) this.#messages.signal({ lane, type: 'lost', full: false });
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
    clearTimeout(entry.relayTimer);
    this.#first?.forget(lane);
    this.#messages.forget(lane, entry.opened);
    this.#lanes.delete(lane);
    entry.connection.close();
    return true;
  }

  #take(lane: number, messages: readonly ConnectionMessage[]): void {
    for (const message of messages) this.#lanes.get(lane)?.connection.handle(message);
  }
}
