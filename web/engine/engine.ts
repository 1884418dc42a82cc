import { describe, type ErrorCode } from '../api/errors.js';
import { settledWithin } from '../base/deferred.js';
import { randomBytes } from '../base/ids.js';
import { TaskQueue } from '../base/tasks.js';
import type { Fingerprints } from '../rtc/fingerprint.js';
import { loadCore } from '../wasm/load_session.js';
import type { CoreEvent, CoreSession } from '../wasm/session.js';
import { EventLog } from './event_log.js';
import { HandshakeTimer } from './handshake_timer.js';
import { Lane, type LaneEvents } from './lane.js';
import { Mailbox } from './mailbox.js';
import type { FromEngine, ToEngine } from './messages.js';
import { Transfers, type OpenCore } from './transfers.js';

/** Work of one turn, ms; what is left goes on in a task of its own, so that a window stays alive. */
const TURN_BUDGET_MS = 8;
/** At most ten reports of progress per second. */
const REPORT_INTERVAL_MS = 100;
/** And one a second in any case. */
const STATS_INTERVAL_MS = 1_000;
/** A timer that is due within this has to be on time, ms. */
const SOON_MS = 10;
/** Where messages go over the control channel, that it has emptied down to this is told at once, bytes. */
const CONTROL_LOW_WATER = 16 * 1024;
/** And otherwise at this interval, ms, while it holds something. */
const BUFFERED_INTERVAL_MS = 50;
/** A record is never longer (PROTOCOL.md). */
const MAX_MESSAGE_BYTES = 256 * 1024;
/**
 * Messages that came before the core was ready for them. On a reliable lane none may be lost, so they are kept, in order,
 * until it takes them. The credit that a peer has keeps this near zero; a peer beyond this bound ignores its credit.
 */
const MAX_HELD_BYTES = 4 * 1024 * 1024;
/** What an orderly end may take, ms, before connections are cut. */
const RELEASE_TIMEOUT_MS = 1_000;
/** How long a lost connection may stay away, ms: a lift, a tunnel, a change of networks. */
const RECONNECT_TIMEOUT_MS = 60_000;
/** How long there may be no bulk lane, ms: it takes a few attempts to open one. */
const LANE_TIMEOUT_MS = 30_000;
/** Before these the window gets what the log has: a transfer's log is whole when it ends. */
const FLUSHED_BEFORE: ReadonlySet<FromEngine['type']> = new Set(['progress', 'done', 'failed', 'closed']);

/**
 * Everything that touches the core, the channels, the sources and the sinks; the same in a worker and in a window.
 * Nothing polls: every turn starts with an event.
 */
export class Engine implements LaneEvents {
  readonly #post: (message: FromEngine) => void;
  readonly #tasks = new TaskQueue(() => this.#turn());
  readonly #lanes = new Map<number, Lane>();
  readonly #transfers: Transfers;
  #core: OpenCore | undefined;
  /** Where the page asked for one. */
  #log: EventLog | undefined;
  #entropyBytes = 0;
  /** Of the present connection. */
  #fingerprints: Fingerprints | undefined;
  /** While a handshake is under way. */
  #handshake: HandshakeTimer | undefined;
  /** Keys were agreed, ever. */
  #established = false;
  #lanesWanted = 0;
  #lowWater = 0;
  #turning = false;
  #heldBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  /** Told last; undefined while no message has gone out. */
  #buffered: number | undefined;
  #bufferedTimer: ReturnType<typeof setTimeout> | undefined;
  #statsTimer: ReturnType<typeof setInterval> | undefined;
  #reportTimer: ReturnType<typeof setTimeout> | undefined;
  #reportedAt = -Infinity;
  #closed: { code: string; detail: string } | undefined;
  #released = false;

  constructor(post: (message: FromEngine) => void) {
    this.#post = (message) => {
      if (FLUSHED_BEFORE.has(message.type)) this.#log?.flush();
      post(message);
    };
    this.#transfers = new Transfers({
      post: this.#post,
      core: () => this.#core,
      turn: () => this.#turn(),
      note: (type, fields) => this.#log?.note(type, fields),
    });
  }

  handle(message: ToEngine): void {
    if (this.#released) return;
    switch (message.type) {
      case 'probe':
        // In a worker, the channel itself is the answer.
        message.channel.close();
        this.#post({ type: 'probed', transferred: typeof message.channel.send === 'function' });
        return;
      case 'start':
        void this.#start(message);
        return;
      case 'addLane':
        this.#addLane(message.lane, message.channel, message.reliable);
        return;
      case 'laneLimit':
        if (message.lane === 0) this.#fingerprints = message.fingerprints;
        this.#lanes.get(message.lane)?.setLimit(message.maxMessageSize);
        return;
      case 'dropLane': {
        const lane = this.#lanes.get(message.lane);
        if (lane) this.#dropLane(lane);
        return;
      }
      case 'path':
        this.#core?.session.setPath(message.hostPair, message.cellular);
        return;
      case 'packets':
        this.#core?.session.onPacketCounts(message.sent, message.received, performance.now());
        return;
      case 'check':
        this.#core?.session.checkPeer(performance.now());
        break;
      case 'renew':
        this.#renew();
        break;
      case 'close':
        this.#end(message.code, message.detail);
        break;
      case 'signal':
        this.#core?.session.signal(message.message, performance.now());
        break;
      case 'message':
        this.#buffered ??= 0;
        this.#core?.session.message(message.message, performance.now());
        break;
      case 'send':
        this.#transfers.offer(message);
        break;
      default:
        this.#transfers.command(message);
    }
    this.#turn();
  }

  onready(_lane: Lane): void {
    this.#turn();
  }

  ondrained(_lane: Lane): void {
    this.#turn();
  }

  onclosed(lane: Lane): void {
    this.#dropLane(lane);
  }

  onmessage(lane: Lane, message: ArrayBuffer): void {
    if (this.#handshake) this.#handshake.run(() => this.#take(lane, message));
    else this.#take(lane, message);
    this.#turn();
  }

  async #start({ options: settings, waterMarks }: Extract<ToEngine, { type: 'start' }>): Promise<void> {
    this.#lowWater = waterMarks.low;
    try {
      const core = await loadCore();
      if (this.#closed) return;
      this.#entropyBytes = core.handshakeEntropyBytes();
      const options = { ...settings, reconnectTimeout: RECONNECT_TIMEOUT_MS, laneTimeout: LANE_TIMEOUT_MS };
      const session = this.#withEntropy((entropy) => new core.Session(entropy, options, performance.now()));
      session.setWaterMarks(waterMarks.high, waterMarks.low);
      this.#core = { module: core, session, mailbox: new Mailbox(core, session) };
      if (settings.trace) this.#log = new EventLog(session, (lines) => this.#post({ type: 'log', lines }));
      this.#statsTimer = setInterval(() => this.#report(true), STATS_INTERVAL_MS);
    } catch (caught) {
      this.#closed ??= { code: 'internal', detail: `the core did not load: ${describe(caught)}` };
    } finally {
      settings.secret.fill(0);
    }
    this.#turn();
  }

  // Lanes

  #addLane(number: number, channel: RTCDataChannel, reliable: boolean): void {
    if (this.#lanes.has(number)) return;
    this.#lanes.set(number, new Lane(number, channel, reliable, number === 0 ? CONTROL_LOW_WATER : this.#lowWater, this));
  }

  #dropLane(lane: Lane): void {
    if (this.#lanes.get(lane.number) !== lane) return;
    this.#forgetLane(lane);
    if (lane.known) {
      // What follows is the core's to say: it may have ended already, for a reason that was not polled for yet.
      this.#core?.session.closeLane(lane.number, performance.now());
    } else if (lane.number === 0 && !this.#established) {
      this.#closed ??= { code: 'connection-lost', detail: 'the control channel closed' };
    }
    this.#post({ type: 'laneClosed', lane: lane.number });
    this.#turn();
  }

  #forgetLane(lane: Lane): void {
    this.#lanes.delete(lane.number);
    lane.dispose();
    for (const message of lane.held.splice(0)) this.#heldBytes -= message.byteLength;
  }

  #openLanes(session: CoreSession): void {
    for (const lane of this.#lanes.values()) {
      // The core takes bulk lanes only while it is connected; those that are early wait.
      if (lane.known || !lane.ready || (lane.number !== 0 && !session.connected())) continue;
      lane.known = true;
      if (lane.number === 0) this.#bindConnection(session);
      session.openLane(lane.number, lane.maxMessageSize, lane.reliable, performance.now());
      this.#post({ type: 'laneOpened', lane: lane.number });
    }
  }

  #bindConnection(session: CoreSession): void {
    const { local = '', remote = '' } = this.#fingerprints ?? {};
    const encoder = new TextEncoder();
    session.setFingerprints(encoder.encode(local), encoder.encode(remote));
  }

  /** The window makes a new connection: the old one is of no use any more, whatever became of it. */
  #renew(): void {
    for (const lane of [...this.#lanes.values()]) this.#forgetLane(lane);
    this.#fingerprints = undefined;
    const session = this.#core?.session;
    if (!session) return;
    const now = performance.now();
    session.closeLane(0, now);
    this.#withEntropy((entropy) => session.reconnect(entropy, now));
  }

  // Messages from the other side

  #take(lane: Lane, message: ArrayBuffer): void {
    if (lane.held.length > 0 || !this.#deliver(lane, message)) this.#hold(lane, message);
  }

  /** False: not now. */
  #deliver(lane: Lane, message: ArrayBuffer): boolean {
    if (!this.#core || !lane.known) return false;
    const { session, mailbox } = this.#core;
    const address = session.inputBuffer(lane.number, message.byteLength);
    if (address === 0) return false;
    mailbox.copyIn(address, new Uint8Array(message));
    session.handleInput(lane.number, performance.now());
    return true;
  }

  #hold(lane: Lane, message: ArrayBuffer): void {
    const size = message.byteLength;
    if (size === 0 || size > MAX_MESSAGE_BYTES || this.#heldBytes + size > MAX_HELD_BYTES) {
      const detail = size === 0 || size > MAX_MESSAGE_BYTES ? `a message of ${size} bytes` : 'more than its credit';
      this.#end('protocol-violation', detail);
      return;
    }
    lane.held.push(message);
    this.#heldBytes += size;
  }

  #deliverHeld(): void {
    if (this.#heldBytes === 0) return;
    for (const lane of this.#lanes.values()) {
      while (lane.held.length > 0 && this.#deliver(lane, lane.held[0]!)) {
        this.#heldBytes -= lane.held.shift()!.byteLength;
      }
    }
  }

  // Turns

  #turn(): void {
    if (this.#released) return;
    if (this.#turning) {
      // Something within a turn failed at once, such as a send: what follows from it gets a turn of its own.
      this.#tasks.schedule();
      return;
    }
    this.#turning = true;
    const control = this.#lanes.get(0);
    if (this.#core && control?.ready && !control.known) this.#handshake = new HandshakeTimer();
    const finished = this.#handshake ? this.#handshake.run(() => this.#work()) : this.#work();
    this.#turning = false;
    if (!finished) this.#tasks.schedule();
    else if (this.#closed) void this.#release(this.#closed);
  }

  /** False: the time is up, and there is more. */
  #work(): boolean {
    if (!this.#core) return true;
    const { session } = this.#core;
    const now = performance.now();
    this.#openLanes(session);
    for (const lane of this.#lanes.values()) {
      if (lane.known) session.setBuffered(lane.number, lane.bufferedAmount, now);
    }
    if (now >= session.nextTimeout()) session.advanceTime(now);
    this.#deliverHeld();

    const deadline = now + TURN_BUDGET_MS;
    while (this.#pass(this.#core, deadline)) {
      if (performance.now() >= deadline) return false;
    }
    this.#sayLanesWanted(session);
    this.#sayBuffered();
    this.#reportSoon(session);
    this.#setTimer(session);
    return true;
  }

  /** Does what the core wants done; true: there may be more. */
  #pass(core: OpenCore, deadline: number): boolean {
    const { session } = core;
    let busy = false;
    while (session.pollWrite()) {
      busy = true;
      this.#transfers.write(core);
    }
    while (session.pollOutput(performance.now())) {
      busy = true;
      this.#send(core);
      if (performance.now() >= deadline) return true;
    }
    while (session.pollRead()) {
      busy = true;
      this.#transfers.read(core);
      if (performance.now() >= deadline) return true;
    }
    for (let event = session.pollEvent(); event; event = session.pollEvent()) {
      busy = true;
      this.#handleEvent(session, event);
    }
    return busy;
  }

  #sayLanesWanted(session: CoreSession): void {
    const count = session.lanesWanted();
    if (count === this.#lanesWanted) return;
    this.#lanesWanted = count;
    this.#post({ type: 'lanesWanted', count });
  }

  #sayBuffered(): void {
    if (this.#buffered === undefined) return;
    const bytes = this.#lanes.get(0)?.bufferedAmount ?? 0;
    if (bytes !== this.#buffered) this.#post({ type: 'buffered', bytes });
    this.#buffered = bytes;
    if (bytes === 0 || this.#bufferedTimer !== undefined) return;
    this.#bufferedTimer = setTimeout(() => {
      this.#bufferedTimer = undefined;
      this.#sayBuffered();
    }, BUFFERED_INTERVAL_MS);
  }

  #setTimer(session: CoreSession): void {
    const at = session.nextTimeout();
    const now = performance.now();
    if (this.#timer !== undefined) {
      if (this.#timerAt === at) return;
      // One that is early makes a turn that sets the next, which costs less than to set it with each turn. Not where it is
      // soon, as while bulk is paced: browsers hold up timers that timers set by 4 ms.
      if (this.#timerAt < at && at - now > SOON_MS) return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = at;
    if (at === Infinity) return;
    // Timers may fire a little early by the clock of `performance.now()`.
    const delay = Math.min(Math.max(0, Math.ceil(at - now)), 60_000);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#turn();
    }, delay);
  }

  #send({ mailbox }: OpenCore): void {
    this.#lanes.get(mailbox.get(0))?.send(mailbox.view(mailbox.get(1), mailbox.get(2)));
  }

  #handleEvent(session: CoreSession, event: CoreEvent): void {
    switch (event.type) {
      case 'established': {
        const { type, initiator, ...agreement } = event;
        this.#agreed();
        this.#post({ type, initiator, agreement });
        break;
      }
      case 'reconnected':
        this.#log?.note('connection', { state: 'back' });
        this.#agreed();
        this.#post({ type: event.type, initiator: event.initiator });
        break;
      case 'disconnected':
        this.#log?.note('connection', { state: 'lost' });
        // Those that the core does not know belong to the next connection already.
        for (const lane of [...this.#lanes.values()]) if (lane.known) this.#forgetLane(lane);
        this.#post({ type: 'disconnected' });
        break;
      case 'laneRetired': {
        const lane = this.#lanes.get(event.lane);
        if (lane) this.#dropLane(lane);
        break;
      }
      case 'lossy':
        this.#log?.note('connection', { state: 'lossy' });
        this.#post({ type: 'lossy' });
        break;
      case 'signal':
      case 'message':
        this.#post(event);
        break;
      case 'closed':
        this.#closed ??= { code: event.code, detail: event.detail };
        break;
      default:
        this.#transfers.handleEvent(session, event);
    }
  }

  #agreed(): void {
    this.#established = true;
    this.#handshake?.finish();
    this.#handshake = undefined;
  }

  // Reports

  #reportSoon(session: CoreSession): void {
    if (this.#reportTimer !== undefined || this.#transfers.count === 0) return;
    let changed = false;
    for (const entry of this.#transfers.all) {
      if (session.transferBytes(entry.transfer) > entry.reportedBytes) changed = true;
    }
    if (!changed) return;
    const wait = this.#reportedAt + REPORT_INTERVAL_MS - performance.now();
    if (wait <= 0) this.#report(false);
    else this.#reportTimer = setTimeout(() => this.#report(false), wait);
  }

  /** `all`: also where nothing has moved. */
  #report(all: boolean): void {
    clearTimeout(this.#reportTimer);
    this.#reportTimer = undefined;
    const session = this.#core?.session;
    if (!session || this.#released || !this.#established) return;
    this.#reportedAt = performance.now();
    const stats = session.stats(this.#reportedAt);
    const transfers = this.#transfers.measure(session, stats);
    if (all) for (const { id, bytes } of transfers) this.#log?.note('progress', { transfer: id, bytes });
    if (all || transfers.length > 0) this.#post({ type: 'progress', transfers, stats });
  }

  // The end

  /** Ends the session from this side; the turn that follows sends what is left to say. */
  #end(code: ErrorCode, detail: string): void {
    this.#core?.session.close(code, detail, performance.now());
    this.#closed ??= { code, detail };
  }

  /**
   * Lets go of everything. `closed` goes out as soon as all that is done has been said to be: the other side may leave right
   * after its receipt. `released` follows when nothing is under way any more.
   */
  async #release({ code, detail }: { code: string; detail: string }): Promise<void> {
    this.#released = true;
    this.#tasks.close();
    clearTimeout(this.#timer);
    clearTimeout(this.#reportTimer);
    clearTimeout(this.#bufferedTimer);
    clearInterval(this.#statsTimer);
    this.#log?.note('connection', { state: 'closed', code });
    this.#log?.detach();
    this.#transfers.end(code);
    this.#core?.session.delete();
    this.#core = undefined;
    await settledWithin(this.#transfers.completed(), RELEASE_TIMEOUT_MS);
    this.#post({ type: 'closed', code, detail });

    // Control first: the other side should hear why before it sees lanes close.
    const control = this.#lanes.get(0);
    this.#lanes.delete(0);
    const channels = (control?.finish() ?? Promise.resolve()).then(() =>
      Promise.all([...this.#lanes.values()].map((lane) => lane.finish())),
    );
    await settledWithin(Promise.all([channels, this.#transfers.settled()]), RELEASE_TIMEOUT_MS);
    for (const lane of this.#lanes.values()) lane.dispose();
    this.#lanes.clear();
    this.#post({ type: 'released' });
  }

  /** Lends the random bytes of one handshake and wipes them. */
  #withEntropy<T>(use: (entropy: Uint8Array) => T): T {
    const entropy = randomBytes(this.#entropyBytes);
    try {
      return use(entropy);
    } finally {
      entropy.fill(0);
    }
  }
}
