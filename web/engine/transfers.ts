import { MillraceError, type ErrorCode } from '../api/errors.js';
import type { BenchmarkStats } from '../api/statistics.js';
import type { FileInfo, ReceiptFile } from '../api/types.js';
import { deferred, type Deferred } from '../base/deferred.js';
import { createStore, type StoreChoice } from '../sinks/choose.js';
import { toSinkError } from '../sinks/sink_error.js';
import { openSources } from '../sources/combined_reader.js';
import type { SourceBody } from '../sources/source.js';
import type { SourceReader } from '../sources/source_reader.js';
import type { CoreEvent, CoreModule, CoreSession, CoreStats } from '../wasm/session.js';
import { checkOffer } from './check_offer.js';
import type { Entry } from './entry.js';
import type { LogFields } from './event_log.js';
import { Incoming } from './incoming.js';
import type { Mailbox } from './mailbox.js';
import type { FromEngine, SinkChoice, ToEngine } from './messages.js';
import { TransferMeter } from './transfer_meter.js';

export interface OpenCore {
  readonly module: CoreModule;
  readonly session: CoreSession;
  readonly mailbox: Mailbox;
}

/** What the transfers need of their engine. */
export interface TransfersHost {
  post(message: FromEngine): void;
  /** The session and its memory, while it lasts. */
  core(): OpenCore | undefined;
  /** Runs `event`, which tells the session something, and the turn that follows from it. */
  run(event?: () => void): void;
  /** For the log, where there is one. */
  note(type: string, fields: LogFields): void;
}

type TransferCommand = Extract<
  ToEngine,
  { type: 'accept' | 'reject' | 'pause' | 'fail' | 'stream' | 'streamFailed' }
>;
type TransferEvent = Extract<CoreEvent, { transfer: number }>;
type Failure = Pick<Extract<CoreEvent, { type: 'failed' }>, 'code' | 'detail' | 'byPeer'>;

/** Ends after which what is partial is of no use: somebody did not want it, or it is not what was offered. */
const DISCARDED: ReadonlySet<string> = new Set([
  'aborted',
  'cancelled',
  'hash-mismatch',
  'invalid-argument',
  'rejected',
  'source-changed',
  'too-large',
]);

/** The transfers of a session between the core, their sources and their sinks. */
export class Transfers {
  readonly #host: TransfersHost;
  readonly #entries = new Map<number, Entry>();
  readonly #entryById = new Map<string, Entry>();
  /** Unfinished files being put away. */
  readonly #cleanups = new Set<Promise<void>>();
  /** Transfers that are done, but not quite tidied up. */
  readonly #completions = new Set<Promise<void>>();
  /** Streams that the window was asked for, by transfer and file. */
  readonly #streams = new Map<string, Deferred<WritableStream<Uint8Array>>>();
  /** One transfer at a time uses the core's buffer for what an earlier attempt left. */
  #claiming: Promise<void> = Promise.resolve();
  #received = 0;

  constructor(host: TransfersHost) {
    this.#host = host;
  }

  get all(): Iterable<Entry> {
    return this.#entries.values();
  }

  get count(): number {
    return this.#entries.size;
  }

  /** Resolves when everything that is done has been said to be. */
  async completed(): Promise<void> {
    await Promise.all(this.#completions);
  }

  /** Resolves when nothing is being put away any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#cleanups);
  }

  /** What has moved of each accepted transfer, and how. */
  measure(session: CoreSession, stats: CoreStats): { id: string; bytes: number; stats: BenchmarkStats }[] {
    const measured: { id: string; bytes: number; stats: BenchmarkStats }[] = [];
    for (const entry of this.#entries.values()) {
      if (!entry.meter) continue;
      // The core answers 0 for a transfer that has ended, which the engine may not have heard of yet.
      const bytes = Math.max(session.transferBytes(entry.transfer), entry.reportedBytes);
      entry.reportedBytes = bytes;
      measured.push({ id: entry.id, bytes, stats: entry.meter.record(bytes, stats, entry.incoming?.memoryShare) });
    }
    return measured;
  }

  offer({ id, secret, files, bodies }: Extract<ToEngine, { type: 'send' }>): void {
    const core = this.#host.core();
    if (!core) throw new MillraceError('closed');
    checkOffer(files, secret);
    const reader = this.#openSources(bodies);
    let transfer: number;
    try {
      transfer = core.session.offer(files, secret, performance.now());
    } catch (caught) {
      reader.close();
      throw caught;
    }
    const infos = files.map((file, index) => ({ id: index, ...file }));
    this.#add({ id, transfer, token: '', files: infos, totalBytes: null, reader, blobs: new Map(), reportedBytes: 0 });
  }

  /** A call of the page threw `caught`: its transfer fails, and the others continue. */
  failCall(id: string, caught: unknown): void {
    const { code, detail } = MillraceError.from(caught, 'internal');
    const entry = this.#entryById.get(id);
    if (entry) this.#fail(entry, code, detail);
    else this.#host.post({ type: 'failed', id, code, detail, byPeer: false });
  }

  command(message: TransferCommand): void {
    const entry = this.#entryById.get(message.id);
    const core = this.#host.core();
    if (!entry || !core) return;
    const now = performance.now();
    switch (message.type) {
      case 'accept':
        void this.#accept(entry, message.sink, message.directory);
        break;
      case 'reject':
        core.session.reject(entry.transfer, message.reason, now);
        this.#remove(entry, 'rejected');
        break;
      case 'pause':
        core.session.setPaused(entry.transfer, message.paused, now);
        this.#note(entry, message.paused ? 'paused' : 'resumed', { byPeer: false });
        break;
      case 'fail':
        this.#fail(entry, message.code, message.detail);
        break;
      case 'stream':
        this.#takeStream(entry, message.file)?.resolve(message.stream);
        break;
      case 'streamFailed':
        this.#takeStream(entry, message.file)?.reject(new MillraceError('sink-failed', message.detail));
        break;
    }
  }

  handleEvent(session: CoreSession, event: TransferEvent): void {
    if (event.type === 'offer') {
      this.#receiveOffer(event);
      return;
    }
    const entry = this.#entries.get(event.transfer);
    if (!entry) return; // It ended on this side meanwhile.
    switch (event.type) {
      case 'accepted':
        this.#startMeter(entry);
        this.#note(entry, 'accepted');
        this.#host.post({ type: 'accepted', id: entry.id });
        break;
      case 'paused':
        this.#note(entry, event.paused ? 'paused' : 'resumed', { byPeer: true });
        this.#host.post({ type: 'paused', id: entry.id, paused: event.paused });
        break;
      case 'fileReceived':
        void this.#finishFile(entry, event.file, event.size);
        break;
      case 'done':
        void this.#track(this.#completions, this.#complete(session, entry, event));
        break;
      case 'failed':
        this.#removeAndTell(entry, event);
        break;
    }
  }

  /** Answers the read that the mailbox holds. */
  read({ session, mailbox }: OpenCore): void {
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
    const fail = (caught: unknown): void => {
      const { code, detail } = MillraceError.from(caught, 'source-failed');
      this.#fail(entry, code, `${entry.files[file]?.name}: ${detail}`);
    };
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
        fail(caught);
        this.#answer((open) => open.readDone(read, 0, performance.now()));
      },
    );
  }

  /** Does the write that the mailbox holds. */
  write({ session, mailbox }: OpenCore): void {
    const write = mailbox.get(0);
    const entry = this.#entries.get(mailbox.get(1));
    const file = mailbox.get(2);
    const offset = mailbox.get(3);
    const bytes = mailbox.view(mailbox.get(5), mailbox.get(4));
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

  /** The session is over with `code`; `settled` tells when nothing is under way any more. */
  end(code: string): void {
    for (const entry of [...this.#entries.values()]) this.#remove(entry, code);
  }

  #openSources(bodies: readonly SourceBody[]): SourceReader {
    try {
      return openSources(bodies);
    } catch (caught) {
      throw MillraceError.from(caught, 'source-failed');
    }
  }

  #receiveOffer({ transfer, token, files, totalBytes }: Extract<CoreEvent, { type: 'offer' }>): void {
    this.#received += 1;
    const id = `receive-${this.#received}`;
    const infos: FileInfo[] = files.map((file, index) => ({ id: index, ...file }));
    this.#add({ id, transfer, token, files: infos, totalBytes, blobs: new Map(), reportedBytes: 0 });
    this.#host.post({ type: 'offer', id, files: infos, totalBytes });
  }

  async #accept(entry: Entry, sink: SinkChoice, directory: FileSystemDirectoryHandle | undefined): Promise<void> {
    if (entry.reader || entry.accepting) return;
    entry.accepting = true;
    try {
      const store = await createStore(this.#toStoreChoice(entry, sink), entry, directory);
      if (!this.#isLive(entry)) {
        void this.#cleanUp(store.abort(true));
        return;
      }
      entry.incoming = new Incoming(store, entry.files);
      const claimed = this.#claiming.then(() => this.#claim(entry));
      this.#claiming = claimed.catch(() => {});
      await claimed;
      if (this.#isLive(entry)) {
        this.#host.core()?.session.accept(entry.transfer, performance.now());
        this.#startMeter(entry);
        this.#note(entry, 'accepted');
      }
    } catch (caught) {
      this.#failSink(entry, caught);
    }
    this.#host.run();
  }

  #toStoreChoice(entry: Entry, sink: SinkChoice): StoreChoice {
    if (typeof sink === 'object') return { directory: sink };
    return sink === 'stream' ? { open: (file) => this.#openStream(entry, file) } : sink;
  }

  /** Tells the core what an earlier attempt left. */
  async #claim(entry: Entry): Promise<void> {
    const core = this.#host.core();
    if (!core || !entry.incoming) return;
    const { session, mailbox } = core;
    const address = session.existingBuffer();
    await entry.incoming.readExisting(
      (length) => mailbox.view(address, length),
      (file, offset, length) => {
        if (!this.#isLive(entry) || this.#host.core() !== core) return false;
        session.addExisting(entry.transfer, file, offset, length);
        return true;
      },
    );
  }

  async #finishFile(entry: Entry, file: number, size: number): Promise<void> {
    try {
      const blob = await entry.incoming?.finish(file, size);
      if (!this.#isLive(entry)) return;
      if (blob) entry.blobs.set(file, blob);
      this.#host.core()?.session.fileStored(entry.transfer, file, performance.now());
    } catch (caught) {
      this.#failSink(entry, caught);
    }
    this.#host.run();
  }

  async #complete(session: CoreSession, entry: Entry, event: Extract<CoreEvent, { type: 'done' }>): Promise<void> {
    const stats = session.stats(performance.now());
    const transferStats = entry.meter?.record(event.bytes, stats, undefined);
    this.#forget(entry);
    const files = event.files.map(({ id, size, root }): ReceiptFile => {
      const blob = entry.blobs.get(id);
      return { id, name: entry.files[id]?.name ?? '', size, root, ...(blob ? { blob } : {}) };
    });
    const folder = entry.incoming?.folder;
    // Every file is stored and proven; what remains of its making is no reason to call it failed.
    await entry.incoming?.complete().catch(() => {});
    this.#note(entry, 'done', { bytes: event.bytes });
    this.#host.post({
      type: 'done',
      id: entry.id,
      bytes: event.bytes,
      files,
      stats,
      transferStats,
      ...(folder === undefined ? {} : { folder }),
    });
  }

  #startMeter(entry: Entry): void {
    const core = this.#host.core();
    if (!core || entry.meter) return;
    entry.meter = new TransferMeter(core.module, entry.reader !== undefined, core.session.transferBytes(entry.transfer));
  }

  #openStream(entry: Entry, file: FileInfo): Promise<WritableStream<Uint8Array>> {
    const stream = deferred<WritableStream<Uint8Array>>();
    this.#streams.set(`${entry.id} ${file.id}`, stream);
    this.#host.post({ type: 'openStream', id: entry.id, file });
    return stream.promise;
  }

  #takeStream(entry: Entry, file: number): Deferred<WritableStream<Uint8Array>> | undefined {
    const key = `${entry.id} ${file}`;
    const stream = this.#streams.get(key);
    this.#streams.delete(key);
    return stream;
  }

  /** Hands the core an answer that took a while, if the session is still there. */
  #answer(give: (session: CoreSession) => void): void {
    const core = this.#host.core();
    if (core) this.#host.run(() => give(core.session));
  }

  #failSink(entry: Entry, caught: unknown): void {
    const { code, detail } = toSinkError(caught);
    this.#fail(entry, code, detail);
  }

  /** Ends a transfer from this side. */
  #fail(entry: Entry, code: ErrorCode, detail: string): void {
    if (!this.#isLive(entry)) return;
    this.#host.core()?.session.fail(entry.transfer, code, detail, performance.now());
    this.#removeAndTell(entry, { code, detail, byPeer: false });
  }

  /** Whoever hears that it failed finds the disk as it stays. */
  #removeAndTell(entry: Entry, { code, detail, byPeer }: Failure): void {
    const tell = (): void => this.#host.post({ type: 'failed', id: entry.id, code, detail, byPeer });
    this.#note(entry, 'failed', { code, byPeer });
    const removed = this.#remove(entry, code);
    if (removed) void removed.then(tell);
    else tell();
  }

  #note(entry: Entry, state: string, fields: LogFields = {}): void {
    this.#host.note('transfer', { transfer: entry.id, state, ...fields });
  }

  #add(entry: Entry): void {
    this.#entries.set(entry.transfer, entry);
    this.#entryById.set(entry.id, entry);
    this.#note(entry, 'offered');
  }

  /** The transfer did not come to its end. The answer, where there was something to clean up, resolves when that is done. */
  #remove(entry: Entry, code: string): Promise<void> | undefined {
    this.#forget(entry);
    for (const { id } of entry.files) {
      this.#takeStream(entry, id)?.reject(new MillraceError('cancelled', 'the transfer ended'));
    }
    return entry.incoming && this.#cleanUp(entry.incoming.abort(!DISCARDED.has(code)));
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.transfer);
    this.#entryById.delete(entry.id);
    entry.reader?.close();
    entry.meter?.delete();
    delete entry.meter;
  }

  #isLive(entry: Entry): boolean {
    return this.#entries.get(entry.transfer) === entry;
  }

  #cleanUp(cleanup: Promise<void>): Promise<void> {
    // Nobody is left who could act on a failure; `removeStored` reaches what stays behind.
    return this.#track(this.#cleanups, cleanup.catch(() => {}));
  }

  #track(set: Set<Promise<void>>, work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => set.delete(tracked));
    set.add(tracked);
    return tracked;
  }
}
