import type { CoreEvent, CoreSession } from '../core.js';
import { settledWithin } from '../deferred.js';
import { describe, MillraceError, type ErrorCode } from '../errors.js';
import { createStore } from '../sinks/choose.js';
import { SlabReader } from '../sources/slab_reader.js';
import type { FileInfo, ReceiptFile } from '../types.js';
import type { Entry } from './entry.js';
import { Incoming } from './incoming.js';
import { Lane, type LaneEvents } from './lane.js';
import { loadCore } from './load_core.js';
import { Mailbox } from './mailbox.js';
import type { FromEngine, SinkChoice, ToEngine } from './messages.js';
import { TaskQueue } from './tasks.js';

/** Work of one turn, ms; what is left goes on in a task of its own, so that a window stays alive. */
const TURN_BUDGET_MS = 8;
/** At most ten reports of progress per second. */
const REPORT_INTERVAL_MS = 100;
/**
 * Water marks of a lane, bytes: enough to keep the channel busy while the window or worker does something else, little
 * enough that what is said last does not wait behind it.
 */
const HIGH_WATER_BYTES = 1024 * 1024;
const LOW_WATER_BYTES = 256 * 1024;
/** A record is never longer (PROTOCOL.md). */
const MAX_MESSAGE_BYTES = 256 * 1024;
/**
 * Messages that came before the core was ready for them. On a reliable lane none may be lost, so they are kept, in order,
 * until it takes them. The credit that a peer has keeps this near zero; a peer beyond this bound ignores its credit.
 */
const MAX_HELD_BYTES = 4 * 1024 * 1024;
/** What an orderly end may take, ms, before connections are cut. */
const RELEASE_TIMEOUT_MS = 1_000;

/**
 * Everything that touches the core, the channels, the sources and the sinks; the same in a worker and in a window.
 * Nothing polls: every turn starts with an event.
 */
export class Engine implements LaneEvents {
  readonly #post: (message: FromEngine) => void;
  readonly #tasks = new TaskQueue(() => this.#turn());
  readonly #lanes = new Map<number, Lane>();
  readonly #entries = new Map<number, Entry>();
  readonly #entryById = new Map<string, Entry>();
  /** Unfinished files being removed. */
  readonly #cleanups = new Set<Promise<void>>();
  #session: CoreSession | undefined;
  #mailbox: Mailbox | undefined;
  #turning = false;
  #received = 0;
  #heldBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #reportTimer: ReturnType<typeof setTimeout> | undefined;
  #reportedAt = -Infinity;
  #closed: { code: string; detail: string } | undefined;
  #released = false;

  constructor(post: (message: FromEngine) => void) {
    this.#post = post;
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
        void this.#start();
        return;
      case 'addLane':
        this.#addLane(message.lane, message.channel);
        return;
      case 'laneLimit':
        this.#lanes.get(message.lane)?.setLimit(message.maxMessageSize);
        return;
      case 'dropLane': {
        const lane = this.#lanes.get(message.lane);
        if (lane) this.#dropLane(lane);
        return;
      }
      case 'close':
        this.#end(message.code, message.detail);
        break;
      case 'signal':
        this.#session?.signal(message.message, performance.now());
        break;
      case 'send':
        this.#offer(message);
        break;
      default:
        this.#command(message);
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
    if (lane.held.length > 0 || !this.#deliver(lane, message)) this.#hold(lane, message);
    this.#turn();
  }

  async #start(): Promise<void> {
    try {
      const core = await loadCore();
      if (this.#closed) return;
      const entropy = crypto.getRandomValues(new Uint8Array(64));
      this.#session = new core.Session(entropy, performance.now());
      entropy.fill(0);
      this.#mailbox = new Mailbox(core, this.#session);
      this.#session.setWaterMarks(HIGH_WATER_BYTES, LOW_WATER_BYTES);
    } catch (caught) {
      this.#closed ??= { code: 'internal', detail: `the core did not load: ${describe(caught)}` };
    }
    this.#turn();
  }

  // Lanes

  #addLane(number: number, channel: RTCDataChannel): void {
    if (this.#lanes.has(number)) return;
    this.#lanes.set(number, new Lane(number, channel, LOW_WATER_BYTES, this));
  }

  #dropLane(lane: Lane): void {
    if (this.#lanes.get(lane.number) !== lane) return;
    this.#lanes.delete(lane.number);
    lane.dispose();
    for (const message of lane.held.splice(0)) this.#heldBytes -= message.byteLength;
    if (lane.known) this.#session?.closeLane(lane.number, performance.now());
    else if (lane.number === 0) this.#closed ??= { code: 'connection-lost', detail: 'the control channel closed' };
    this.#post({ type: 'laneClosed', lane: lane.number });
    this.#turn();
  }

  #openLanes(session: CoreSession): void {
    for (const lane of this.#lanes.values()) {
      if (lane.known || !lane.ready) continue;
      lane.known = true;
      session.openLane(lane.number, lane.maxMessageSize, true, performance.now());
      this.#post({ type: 'laneOpened', lane: lane.number });
    }
  }

  // Messages from the other side

  /** False: not now. */
  #deliver(lane: Lane, message: ArrayBuffer): boolean {
    const session = this.#session;
    if (!session || !this.#mailbox || !lane.known) return false;
    const address = session.inputBuffer(lane.number, message.byteLength);
    if (address === 0) return false;
    this.#mailbox.copyIn(address, new Uint8Array(message));
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
    const finished = this.#work();
    this.#turning = false;
    if (!finished) this.#tasks.schedule();
    else if (this.#closed) void this.#release(this.#closed);
  }

  /** False: the time is up, and there is more. */
  #work(): boolean {
    const session = this.#session;
    if (!session) return true;
    const now = performance.now();
    this.#openLanes(session);
    for (const lane of this.#lanes.values()) {
      if (lane.known) session.setBuffered(lane.number, lane.bufferedAmount, now);
    }
    if (now >= session.nextTimeout()) session.advanceTime(now);
    this.#deliverHeld();

    const deadline = now + TURN_BUDGET_MS;
    while (this.#pass(session, deadline)) {
      if (performance.now() >= deadline) return false;
    }
    this.#reportSoon(session);
    this.#setTimer(session);
    return true;
  }

  /** Does what the core wants done; true: there may be more. */
  #pass(session: CoreSession, deadline: number): boolean {
    let busy = false;
    while (session.pollWrite()) {
      busy = true;
      this.#write(session);
    }
    while (session.pollOutput(performance.now())) {
      busy = true;
      this.#send();
      if (performance.now() >= deadline) return true;
    }
    while (session.pollRead()) {
      busy = true;
      this.#read(session);
      if (performance.now() >= deadline) return true;
    }
    for (let event = session.pollEvent(); event; event = session.pollEvent()) {
      busy = true;
      this.#handleEvent(session, event);
    }
    return busy;
  }

  #setTimer(session: CoreSession): void {
    const at = session.nextTimeout();
    if (at === this.#timerAt && this.#timer !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = at;
    if (at === Infinity) return;
    // Timers may fire a little early by the clock of `performance.now()`.
    const delay = Math.min(Math.max(0, Math.ceil(at - performance.now())), 60_000);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#turn();
    }, delay);
  }

  #send(): void {
    const mailbox = this.#mailbox!;
    const lane = this.#lanes.get(mailbox.get(0));
    lane?.send(mailbox.view(mailbox.get(1), mailbox.get(2)));
  }

  #read(session: CoreSession): void {
    const mailbox = this.#mailbox!;
    const read = mailbox.get(0);
    const entry = this.#entries.get(mailbox.get(1));
    const file = mailbox.get(2);
    const offset = mailbox.get(3);
    const length = mailbox.get(4);
    const address = mailbox.get(5);
    if (!entry?.reader) {
      session.readDone(read, 0, performance.now());
      return;
    }
    let to = address;
    const found = entry.reader.read(file, offset, length, (piece) => {
      // Once the transfer is over, the buffer belongs to somebody else.
      if (!this.#isLive(entry)) return;
      mailbox.copyIn(to, piece);
      to += piece.length;
    });
    if (typeof found === 'number') {
      session.readDone(read, found, performance.now());
      return;
    }
    found.then(
      (bytes) => this.#answer((open) => open.readDone(read, bytes, performance.now())),
      (caught: unknown) => {
        this.#fail(entry, 'source-failed', `${entry.files[file]?.name}: ${describe(caught)}`);
        this.#answer((open) => open.readDone(read, 0, performance.now()));
      },
    );
  }

  #write(session: CoreSession): void {
    const mailbox = this.#mailbox!;
    const write = mailbox.get(0);
    const entry = this.#entries.get(mailbox.get(1));
    const file = mailbox.get(2);
    const bytes = mailbox.view(mailbox.get(5), mailbox.get(4));
    const offset = mailbox.get(3);
    try {
      const pending = entry?.incoming?.write(file, offset, bytes);
      if (pending) {
        const answer = (): void => this.#answer((open) => open.writeDone(write, performance.now()));
        pending.then(answer, (caught: unknown) => {
          this.#failSink(entry!, caught);
          answer();
        });
        return;
      }
    } catch (caught) {
      this.#failSink(entry!, caught);
    }
    session.writeDone(write, performance.now());
  }

  /** Hands the core an answer that took a while, if the session is still there. */
  #answer(give: (session: CoreSession) => void): void {
    if (!this.#session) return;
    give(this.#session);
    this.#turn();
  }

  // Transfers

  #offer({ id, files, blobs }: Extract<ToEngine, { type: 'send' }>): void {
    if (!this.#session) {
      this.#post({ type: 'failed', id, code: 'closed', detail: '', byPeer: false });
      return;
    }
    const token = crypto.getRandomValues(new Uint8Array(16));
    const transfer = this.#session.offer(files, token, performance.now());
    this.#add({
      id,
      transfer,
      files: files.map((file, index) => ({ id: index, ...file })),
      totalBytes: files.reduce((sum, file) => sum + (file.size ?? 0), 0),
      reader: new SlabReader(blobs),
      blobs: new Map(),
      reportedBytes: 0,
    });
  }

  #command(message: Extract<ToEngine, { type: 'accept' | 'reject' | 'pause' | 'fail' }>): void {
    const entry = this.#entryById.get(message.id);
    const session = this.#session;
    if (!entry || !session) return;
    const now = performance.now();
    switch (message.type) {
      case 'accept':
        void this.#accept(entry, message.sink);
        break;
      case 'reject':
        session.reject(entry.transfer, message.reason, now);
        this.#remove(entry);
        break;
      case 'pause':
        session.setPaused(entry.transfer, message.paused, now);
        break;
      case 'fail':
        this.#fail(entry, message.code, message.detail);
        break;
    }
  }

  async #accept(entry: Entry, sink: SinkChoice): Promise<void> {
    if (entry.reader || entry.accepting) return;
    entry.accepting = true;
    try {
      const store = await createStore(sink, entry.totalBytes);
      if (!this.#isLive(entry) || !this.#session) {
        this.#cleanUp(store.abort());
        return;
      }
      entry.incoming = new Incoming(store, entry.files);
      this.#session.accept(entry.transfer, performance.now());
    } catch (caught) {
      this.#failSink(entry, caught);
    }
    this.#turn();
  }

  async #finishFile(entry: Entry, file: number, size: number): Promise<void> {
    try {
      const blob = await entry.incoming?.finish(file, size);
      if (!this.#isLive(entry) || !this.#session) return;
      if (blob) entry.blobs.set(file, blob);
      this.#session.fileStored(entry.transfer, file, performance.now());
    } catch (caught) {
      this.#failSink(entry, caught);
    }
    this.#turn();
  }

  #failSink(entry: Entry, caught: unknown): void {
    const full = caught instanceof DOMException && caught.name === 'QuotaExceededError';
    const error = MillraceError.from(caught, full ? 'out-of-space' : 'sink-failed');
    this.#fail(entry, error.code, describe(caught));
  }

  /** Ends a transfer from this side. */
  #fail(entry: Entry, code: ErrorCode, detail: string): void {
    if (!this.#isLive(entry)) return;
    this.#session?.fail(entry.transfer, code, detail, performance.now());
    this.#remove(entry);
    this.#post({ type: 'failed', id: entry.id, code, detail, byPeer: false });
  }

  #add(entry: Entry): void {
    this.#entries.set(entry.transfer, entry);
    this.#entryById.set(entry.id, entry);
  }

  /** The transfer did not come to its end: what was stored of it goes. */
  #remove(entry: Entry): void {
    this.#forget(entry);
    if (entry.incoming) this.#cleanUp(entry.incoming.abort());
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.transfer);
    this.#entryById.delete(entry.id);
    entry.reader?.close();
  }

  #isLive(entry: Entry): boolean {
    return this.#entries.get(entry.transfer) === entry;
  }

  #cleanUp(cleanup: Promise<void>): void {
    const settled = cleanup
      .catch(() => {}) // Nobody is left who could act on it; `removeStored` reaches what stays behind.
      .finally(() => this.#cleanups.delete(settled));
    this.#cleanups.add(settled);
  }

  #handleEvent(session: CoreSession, event: CoreEvent): void {
    switch (event.type) {
      case 'established':
        this.#post({ type: 'established', initiator: event.initiator });
        return;
      case 'signal':
        this.#post({ type: 'signal', message: event.message });
        return;
      case 'disconnected':
      case 'reconnected':
        return; // No reconnect timeout is set: a lost control lane ends the session.
      case 'closed':
        this.#closed ??= { code: event.code, detail: event.detail };
        return;
      case 'offer': {
        this.#received += 1;
        const id = `receive-${this.#received}`;
        const files: FileInfo[] = event.files.map((file, index) => ({ id: index, ...file }));
        const { transfer, totalBytes } = event;
        if (totalBytes === null) {
          // No sink of this side takes a file of unknown size yet.
          session.reject(transfer, 'streams of unknown size are not supported here', performance.now());
          return;
        }
        this.#add({ id, transfer, files, totalBytes, blobs: new Map(), reportedBytes: 0 });
        this.#post({ type: 'offer', id, files, totalBytes });
        return;
      }
    }

    const entry = this.#entries.get(event.transfer);
    if (!entry) return; // It ended on this side meanwhile.
    switch (event.type) {
      case 'accepted':
        this.#post({ type: 'accepted', id: entry.id });
        break;
      case 'paused':
        this.#post({ type: 'paused', id: entry.id, paused: event.paused });
        break;
      case 'fileReceived':
        void this.#finishFile(entry, event.file, event.size);
        break;
      case 'done': {
        const files = event.files.map(({ id, size, root }): ReceiptFile => {
          const blob = entry.blobs.get(id);
          return { id, name: entry.files[id]?.name ?? '', size, root, ...(blob ? { blob } : {}) };
        });
        const folder = entry.incoming?.folder;
        this.#forget(entry);
        this.#post({
          type: 'done',
          id: entry.id,
          bytes: event.bytes,
          files,
          stats: session.stats(),
          ...(folder === undefined ? {} : { folder }),
        });
        break;
      }
      case 'failed':
        this.#remove(entry);
        this.#post({ type: 'failed', id: entry.id, code: event.code, detail: event.detail, byPeer: event.byPeer });
        break;
    }
  }

  // Reports

  #reportSoon(session: CoreSession): void {
    if (this.#reportTimer !== undefined || this.#entries.size === 0) return;
    let changed = false;
    for (const entry of this.#entries.values()) {
      if (session.transferBytes(entry.transfer) > entry.reportedBytes) changed = true;
    }
    if (!changed) return;
    const wait = this.#reportedAt + REPORT_INTERVAL_MS - performance.now();
    if (wait <= 0) this.#report();
    else this.#reportTimer = setTimeout(() => this.#report(), wait);
  }

  #report(): void {
    this.#reportTimer = undefined;
    const session = this.#session;
    if (!session || this.#released) return;
    this.#reportedAt = performance.now();
    const transfers: { id: string; bytes: number }[] = [];
    for (const entry of this.#entries.values()) {
      const bytes = session.transferBytes(entry.transfer);
      // The core answers 0 for a transfer that has ended, which this engine may not have heard of yet.
      if (bytes <= entry.reportedBytes) continue;
      entry.reportedBytes = bytes;
      transfers.push({ id: entry.id, bytes });
    }
    if (transfers.length > 0) this.#post({ type: 'progress', transfers, stats: session.stats() });
  }

  // The end

  /** Ends the session from this side; the turn that follows sends what is left to say. */
  #end(code: ErrorCode, detail: string): void {
    this.#session?.close(code, detail, performance.now());
    this.#closed ??= { code, detail };
  }

  /** Lets go of everything. `closed` goes out at once, `released` when nothing is under way any more. */
  async #release({ code, detail }: { code: string; detail: string }): Promise<void> {
    this.#released = true;
    this.#tasks.close();
    clearTimeout(this.#timer);
    clearTimeout(this.#reportTimer);
    for (const entry of [...this.#entries.values()]) this.#remove(entry);
    this.#session?.delete();
    this.#session = undefined;
    this.#mailbox = undefined;
    this.#post({ type: 'closed', code, detail });

    // Control first: the other side should hear why before it sees lanes close.
    const control = this.#lanes.get(0);
    this.#lanes.delete(0);
    const channels = (control?.finish() ?? Promise.resolve()).then(() =>
      Promise.all([...this.#lanes.values()].map((lane) => lane.finish())),
    );
    await settledWithin(Promise.all([channels, ...this.#cleanups]), RELEASE_TIMEOUT_MS);
    for (const lane of this.#lanes.values()) lane.dispose();
    this.#lanes.clear();
    this.#post({ type: 'released' });
  }
}
