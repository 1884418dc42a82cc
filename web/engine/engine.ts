import { describe, MillraceError, type ErrorCode } from '../api/errors.js';
import { inOneBuffer } from '../base/bytes.js';
import { settledWithin } from '../base/deferred.js';
import { Driver } from '../base/driver.js';
import { toWellFormed } from '../base/well_formed.js';
import { adoptCore, loadCore } from '../wasm/load_session.js';
import { CONTROL_LANE, type CoreEvent, type CoreSession } from '../wasm/session.js';
import type { EngineContext, OpenCore } from './context.js';
import { withEntropy } from './entropy.js';
import { EventLog } from './event_log.js';
import { HandshakeTimer } from './handshake_timer.js';
import { LaneTable } from './lane_table.js';
import { Mailbox } from './mailbox.js';
import { MessageOutbox } from './message_outbox.js';
import type { Ending, FromEngine, SessionStats, ToEngine } from './messages.js';
import { abortStream } from './receive_transfers.js';
import { Reports } from './reports.js';
import { Transfers } from './transfers.js';

/** How long an orderly end may take before connections are cut, ms. */
const RELEASE_TIMEOUT_MS = 1_000;
/** How long a lost connection may stay away, ms: a lift, a tunnel, a change of networks. */
const RECONNECT_TIMEOUT_MS = 60_000;
/** How long there may be no lane for bulk, ms: opening one may take several attempts. */
const LANE_TIMEOUT_MS = 30_000;
/** The log is handed over before these messages: a transfer's log is complete when the transfer ends. */
const FLUSHED_BEFORE: ReadonlySet<FromEngine['type']> = new Set(['progress', 'done', 'failed', 'closed']);

/**
 * Connects the core with channels, sources and sinks; the same in a worker and in a window. It takes the window's messages and
 * the core's events, and passes each to the part that handles it. Nothing polls: every turn starts with an event.
 */
export class Engine {
  readonly #post: (message: FromEngine) => void;
  readonly #driver = new Driver({
    work: (deadline) => this.#turn(deadline),
    nextTimeout: () => this.#core?.session.nextTimeout() ?? Infinity,
    onfatal: (error) => this.fail(error),
  });
  readonly #lanes: LaneTable;
  readonly #transfers: Transfers;
  readonly #reports: Reports;
  readonly #outbox = new MessageOutbox();
  #core: OpenCore | undefined;
  /** Only if the page asked for a log. */
  #log: EventLog | undefined;
  #entropyBytes = 0;
  /** While a handshake is under way. */
  #handshake: HandshakeTimer | undefined;
  /** Keys are agreed, and the window hears of it when the channels are open. */
  #agreedEarly: Extract<FromEngine, { type: 'established' }> | undefined;
  /** Keys were agreed, on this connection or on an earlier one. */
  #established = false;
  #ending: Ending | undefined;
  /** Messages of the other side that the window has not heard of: those of one turn are posted together. */
  #received: Uint8Array[] = [];
  #released = false;

  constructor(post: (message: FromEngine) => void) {
    this.#post = (message) => {
      this.#postMessages(post);
      if (FLUSHED_BEFORE.has(message.type)) this.#log?.flush();
      post(message);
    };
    const context: EngineContext = {
      post: this.#post,
      core: () => this.#core,
      run: (event) => this.#driver.run(event),
      note: (type, fields) => this.#log?.note(type, fields),
    };
    this.#lanes = new LaneTable({
      ...context,
      // Work on messages and channels is part of a handshake that is under way.
      run: (event) => this.#driver.run(event && (() => this.#timed(event))),
      onviolation: (detail) => this.#end('protocol-violation', detail),
      oncontrolclosed: () => {
        if (!this.#established) this.#closed('connection-lost', 'the control connection closed');
      },
    });
    const statsOf = (session: CoreSession): SessionStats => {
      const stats = session.stats(performance.now());
      return { ...stats, lanes: this.#lanes.describe(stats.lanes) };
    };
    this.#transfers = new Transfers(context, statsOf);
    this.#reports = new Reports(context, this.#lanes, this.#transfers.table, this.#outbox, statsOf);
  }

  /**
   * Takes a message of the window. An exception in a call of the page fails that call's transfer; any other exception ends the
   * session with 'internal'.
   */
  handle(message: ToEngine): void {
    if (message.type === 'stream' && this.#driver.stopped) {
      abortStream(message.stream);
      return;
    }
    this.#driver.run(() => {
      try {
        this.#handle(message);
      } catch (caught) {
        if (!this.#failCall(message, caught)) throw caught;
      }
    });
  }

  /** Ends the session with 'internal', for an exception that nothing else handled. No effect on a session that has ended. */
  fail(error: unknown): void {
    if (this.#released) return;
    this.#driver.stop();
    const stack = error instanceof Error ? error.stack : undefined;
    this.#ending ??= { code: 'internal', detail: describe(error), byPeer: false, stack };
    try {
      this.#sendClose('internal', describe(error));
    } catch {
      // The core itself has failed: the other side only sees its channels close.
    }
    void this.#release();
  }

  /** Returns false if `message` is not a call of the page, or the core itself is broken. */
  #failCall(message: ToEngine, caught: unknown): boolean {
    // After a trap, nothing in the core's memory can be trusted.
    if (caught instanceof WebAssembly.RuntimeError) return false;
    if ('id' in message) this.#transfers.failCall(message.id, caught);
    else if (message.type !== 'messages' && message.type !== 'signal') return false;
    this.#log?.note('call', { type: message.type, error: describe(caught) });
    return true;
  }

  #handle(message: ToEngine): void {
    const session = this.#core?.session;
    const now = performance.now();
    switch (message.type) {
      case 'probe':
        // In a worker, the channel itself is the answer.
        message.channel.close();
        this.#post({ type: 'probed', transferred: typeof message.channel.send === 'function' });
        break;
      case 'core':
        adoptCore(message.module);
        break;
      case 'start':
        void this.#start(message);
        break;
      case 'addLane':
        this.#lanes.add(message.lane, message.channel, message.reliable);
        break;
      case 'laneLimit':
        this.#lanes.setLimit(message.lane, message.maxMessageSize, message.fingerprints);
        break;
      case 'described':
        this.#lanes.begin(message.maxMessageSize, message.fingerprints);
        break;
      case 'handshake':
        this.#lanes.takeEarly(message.index, message.message);
        break;
      case 'dropLane':
        this.#lanes.drop(message.lane);
        break;
      case 'path':
        session?.setPath(message.hostPair, message.cellular);
        break;
      case 'packets':
        session?.onPacketCounts(message.sent, message.received, now);
        break;
      case 'check':
        session?.checkPeer(now);
        break;
      case 'renew':
        this.#renew();
        break;
      case 'close':
        this.#end(message.code, message.detail);
        break;
      case 'signal':
        session?.signal(message.message, now);
        break;
      case 'messages':
        if (!message.atOnce) this.#outbox.add(message.messages);
        else for (const one of message.messages) this.#outbox.sendNow(session, one);
        break;
      default:
        this.#transfers.command(message);
    }
  }

  async #start({ options: settings, waterMarks }: Extract<ToEngine, { type: 'start' }>): Promise<void> {
    this.#lanes.setLowWater(waterMarks.low);
    this.#lanes.setSecretKind(settings.secretKind);
    try {
      const core = await loadCore();
      if (this.#ending) return;
      this.#entropyBytes = core.handshakeEntropyBytes();
      const options = { ...settings, reconnectTimeout: RECONNECT_TIMEOUT_MS, laneTimeout: LANE_TIMEOUT_MS };
      const session = withEntropy(this.#entropyBytes, (entropy) => new core.Session(entropy, options, performance.now()));
      session.setWaterMarks(waterMarks.high, waterMarks.low);
      this.#core = { module: core, session, mailbox: new Mailbox(core, session) };
      if (settings.trace) this.#log = new EventLog(session, (lines) => this.#post({ type: 'log', lines }));
    } catch (caught) {
      const { code, explanation } = MillraceError.from(caught, 'internal');
      this.#closed(code, `the core did not load: ${explanation}`);
    } finally {
      settings.secret.fill(0);
    }
    this.#driver.run();
  }

  #renew(): void {
    this.#lanes.renew();
    const session = this.#core?.session;
    if (!session) return;
    const now = performance.now();
    session.closeLane(CONTROL_LANE, now);
    withEntropy(this.#entropyBytes, (entropy) => session.reconnect(entropy, now));
  }

  // Turns

  #turn(deadline: number): boolean {
    if (this.#core && this.#lanes.handshakeBegins) this.#handshake = new HandshakeTimer();
    const finished = this.#timed(() => this.#work(deadline));
    // What was said before the end has to arrive first, such as the receipt of a transfer that was the last one.
    if (finished && this.#ending && !this.#core?.session.draining()) void this.#release();
    return finished;
  }

  /** Returns false if the deadline has passed and there is more to do. */
  #work(deadline: number): boolean {
    if (!this.#core) return true;
    const { session } = this.#core;
    const now = performance.now();
    this.#lanes.update(session, now);
    if (this.#lanes.controlReady) this.#handshake?.opened();
    this.#tellAgreement();
    if (now >= session.nextTimeout()) session.advanceTime(now);
    this.#lanes.deliverHeld();
    this.#outbox.feed(session, session.controlBytesWaiting() + this.#lanes.controlBuffered);
    while (this.#pass(this.#core, deadline)) {
      if (performance.now() >= deadline) return false;
    }
    this.#reports.update(session);
    return true;
  }

  /** Serves the core's requests. Returns true if there may be more. */
  #pass(core: OpenCore, deadline: number): boolean {
    const { session } = core;
    let busy = false;
    while (session.pollWrite()) {
      busy = true;
      this.#transfers.write(core);
    }
    while (session.pollOutput(performance.now())) {
      busy = true;
      this.#lanes.send(core);
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
    this.#postMessages(this.#post);
    return busy;
  }

  #handleEvent(session: CoreSession, event: CoreEvent): void {
    switch (event.type) {
      case 'established': {
        const { type, initiator, ...agreement } = event;
        this.#agreedEarly = { type, initiator, agreement };
        this.#tellAgreement();
        break;
      }
      case 'reconnected':
        this.#log?.note('connection', { state: 'back' });
        this.#agreed();
        this.#post({ type: event.type, initiator: event.initiator });
        break;
      case 'disconnected':
        this.#log?.note('connection', { state: 'lost' });
        this.#lanes.disconnected();
        if (this.#agreedEarly) {
          this.#end('connection-lost', 'the connection broke before its channels were open');
          break;
        }
        this.#post({ type: 'disconnected' });
        break;
      case 'laneRetired':
        this.#lanes.drop(event.lane);
        break;
      case 'silent':
        this.#log?.note('connection', { state: event.silent ? 'silent' : 'heard' });
        this.#post(event);
        break;
      case 'lossy':
        this.#log?.note('connection', { state: 'lossy' });
        this.#post({ type: 'lossy' });
        break;
      case 'signal':
        this.#post(event);
        break;
      case 'message':
        this.#received.push(event.message);
        break;
      case 'closed':
        this.#closed(event.code, event.detail, event.byPeer);
        break;
      default:
        this.#transfers.handleEvent(session, event);
    }
  }

  /** Before anything else, so that messages keep their place among events. */
  #postMessages(post: (message: FromEngine) => void): void {
    if (this.#received.length === 0) return;
    const messages = inOneBuffer(this.#received);
    this.#received = [];
    post({ type: 'messages', messages });
  }

  #tellAgreement(): void {
    const message = this.#agreedEarly;
    if (!message || !this.#lanes.controlReady) return;
    this.#agreedEarly = undefined;
    this.#agreed();
    this.#post(message);
  }

  #agreed(): void {
    this.#established = true;
    this.#reports.start();
    this.#handshake?.finish();
    this.#handshake = undefined;
  }

  #timed<T>(work: () => T): T {
    return this.#handshake ? this.#handshake.run(work) : work();
  }

  // The end

  /** Ends the session from this side. The turn that follows sends the reason to the other side. */
  #end(code: ErrorCode, detail: string): void {
    if (this.#core) this.#outbox.flush(this.#core.session);
    this.#core?.session.close(code, toWellFormed(detail), performance.now());
    this.#closed(code, detail);
  }

  /** The first reason is the one that counts. */
  #closed(code: string, detail: string, byPeer = false): void {
    this.#ending ??= { code, detail, byPeer };
  }

  /** Sends the reason at once, where no turn follows. */
  #sendClose(code: ErrorCode, detail: string): void {
    if (!this.#core) return;
    this.#core.session.close(code, toWellFormed(detail), performance.now());
    while (this.#core.session.pollOutput(performance.now())) this.#lanes.send(this.#core);
  }

  /**
   * Lets go of everything. `closed` follows once the window has heard of every transfer that is done: the other side may leave
   * right after its receipt. `released` follows when channels are closed and files are put away.
   */
  async #release(): Promise<void> {
    const ending = this.#ending!;
    this.#released = true;
    this.#driver.stop();
    this.#reports.stop();
    const { table } = this.#transfers;
    try {
      this.#log?.note('connection', { state: 'closed', code: ending.code });
      this.#log?.detach();
      table.end(ending.code);
      this.#core?.session.delete();
    } catch {
      // The core has failed. Its memory goes with its instance.
    }
    this.#core = undefined;
    await settledWithin(table.completed(), RELEASE_TIMEOUT_MS);
    this.#post({ type: 'closed', ...ending });

    const channels = this.#lanes.finish();
    await settledWithin(Promise.all([channels, table.settled()]), RELEASE_TIMEOUT_MS);
    this.#lanes.dispose();
    this.#post({ type: 'released' });
  }
}
