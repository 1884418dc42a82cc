import { describe, MillraceError, type ErrorCode } from '../api/errors.js';
import { settledWithin } from '../base/deferred.js';
import { Driver } from '../base/driver.js';
import { toWellFormed } from '../base/well_formed.js';
import { adoptCore } from '../wasm/load_session.js';
import { CONTROL_LANE, type CoreEvent, type CoreSession } from '../wasm/session.js';
import { Agreements } from './agreements.js';
import type { EngineContext, OpenCore } from './context.js';
import { withEntropy } from './entropy.js';
import { EventLog } from './event_log.js';
import { LaneTable } from './lane_table.js';
import { MessageIntake } from './message_intake.js';
import { MessageOutbox } from './message_outbox.js';
import type { Ending, FromEngine, ToEngine } from './messages.js';
import { openCore } from './open_core.js';
import { abortStream } from './receive_transfers.js';
import { Reports } from './reports.js';
import { Transfers } from './transfers.js';

/** How long an orderly end may take before connections are cut, ms. */
const RELEASE_TIMEOUT_MS = 1_000;

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
  readonly #intake = new MessageIntake();
  readonly #agreements = new Agreements();
  #core: OpenCore | undefined;
  /** Only if the page asked for a log. */
  #log: EventLog | undefined;
  #ending: Ending | undefined;
  #released = false;

  constructor(post: (message: FromEngine) => void) {
    this.#post = (message) => {
      this.#intake.flush(post);
      this.#log?.flushBefore(message.type);
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
      run: (event) => this.#driver.run(event && (() => this.#agreements.run(event))),
      onviolation: (detail) => this.#end('protocol-violation', detail),
      oncontrolclosed: () => {
        if (!this.#agreements.established) this.#closed('connection-lost', 'the control connection closed');
      },
    });
    const statsOf = (session: CoreSession) => this.#lanes.describe(session.stats(performance.now()));
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
      // At once: no turn follows.
      this.#core?.session.close('internal', toWellFormed(describe(error)), performance.now());
      while (this.#core?.session.pollOutput(performance.now())) this.#lanes.send(this.#core);
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
      case 'limit':
        session?.setMostBytesPerSecond(message.bytesPerSecond, now);
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

  async #start(message: Extract<ToEngine, { type: 'start' }>): Promise<void> {
    const { trace, secretKind } = message.options;
    this.#lanes.start(message.waterMarks.low, secretKind);
    try {
      this.#core = await openCore(message, () => !this.#ending);
      const session = this.#core?.session;
      if (session && trace) this.#log = new EventLog(session, (lines) => this.#post({ type: 'log', lines }));
    } catch (caught) {
      const { code, explanation } = MillraceError.from(caught, 'internal');
      this.#closed(code, `the core did not load: ${explanation}`);
    }
    this.#driver.run();
  }

  #renew(): void {
    this.#lanes.renew();
    if (!this.#core) return;
    const { module, session } = this.#core;
    const now = performance.now();
    session.closeLane(CONTROL_LANE, now);
    withEntropy(module.handshakeEntropyBytes(), (entropy) => session.reconnect(entropy, now));
  }

  // Turns

  #turn(deadline: number): boolean {
    if (this.#core && this.#lanes.handshakeBegins) this.#agreements.begin();
    const finished = this.#agreements.run(() => this.#work(deadline));
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
    this.#intake.flush(this.#post);
    return busy;
  }

  #handleEvent(session: CoreSession, event: CoreEvent): void {
    switch (event.type) {
      case 'established': {
        const { type, initiator, ...agreement } = event;
        this.#agreements.agree({ type, initiator, agreement });
        this.#tellAgreement();
        break;
      }
      case 'reconnected':
        this.#log?.note('connection', { state: 'back' });
        this.#agreements.finish();
        this.#reports.start();
        this.#post({ type: event.type, initiator: event.initiator });
        break;
      case 'disconnected':
        this.#log?.note('connection', { state: 'lost' });
        this.#lanes.disconnected();
        if (this.#agreements.isEarly) {
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
        this.#intake.add(event.message);
        break;
      case 'closed':
        this.#closed(event.code, event.detail, event.byPeer);
        break;
      default:
        this.#transfers.handleEvent(session, event);
    }
  }

  #tellAgreement(): void {
    if (!this.#lanes.controlReady) return;
    this.#agreements.opened();
    const news = this.#agreements.takeNews();
    if (!news) return;
    this.#reports.start();
    this.#post(news);
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
