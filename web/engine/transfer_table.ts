import { MillraceError, type ErrorCode } from '../api/errors.js';
import type { BenchmarkStats } from '../api/statistics.js';
import type { ReceiptFile } from '../api/types.js';
import { toWellFormed } from '../base/well_formed.js';
import type { CoreEvent, CoreSession } from '../wasm/session.js';
import type { EngineContext } from './context.js';
import type { Entry } from './entry.js';
import type { LogFields } from './event_log.js';
import type { Ending, SessionStats } from './messages.js';
import { TransferMeter } from './transfer_meter.js';

/** Ends after which partial files are useless: one side did not want them, or the offered files have changed. */
const DISCARDED: ReadonlySet<string> = new Set([
  'aborted',
  'cancelled',
  'hash-mismatch',
  'invalid-argument',
  'rejected',
  'source-changed',
  'too-large',
]);

/** The live transfers of a session, and everything that is the same for both directions: progress, pauses and ends. */
export class TransferTable {
  readonly #context: EngineContext;
  /** Gives the session's statistics, lanes included. */
  readonly #statsOf: (session: CoreSession) => SessionStats;
  readonly #entries = new Map<number, Entry>();
  readonly #entryById = new Map<string, Entry>();
  /** Unfinished files that are being put away. */
  readonly #cleanups = new Set<Promise<void>>();
  /** Transfers that are done, and whose stores are being finished. */
  readonly #completions = new Set<Promise<void>>();

  constructor(context: EngineContext, statsOf: (session: CoreSession) => SessionStats) {
    this.#context = context;
    this.#statsOf = statsOf;
  }

  /** By its number in the core; undefined once it has ended on this side. */
  get(transfer: number): Entry | undefined {
    return this.#entries.get(transfer);
  }

  /** By its name in the window. */
  find(id: string): Entry | undefined {
    return this.#entryById.get(id);
  }

  add(entry: Entry): void {
    this.#entries.set(entry.transfer, entry);
    this.#entryById.set(entry.id, entry);
    this.#note(entry, 'offered');
  }

  isLive(entry: Entry): boolean {
    return this.#entries.get(entry.transfer) === entry;
  }

  // Progress

  /** Whether bytes have moved since the window was told of any. */
  hasMoved(session: CoreSession): boolean {
    for (const entry of this.#entries.values()) {
      if (session.transferBytes(entry.transfer) > entry.reportedBytes) return true;
    }
    return false;
  }

  /** Bytes and statistics of each accepted transfer. */
  measure(session: CoreSession, stats: SessionStats): { id: string; bytes: number; stats: BenchmarkStats }[] {
    const measured: { id: string; bytes: number; stats: BenchmarkStats }[] = [];
    for (const entry of this.#entries.values()) {
      if (!entry.meter) continue;
      // The core answers 0 for a transfer that has ended, before the engine polls that it has.
      const bytes = Math.max(session.transferBytes(entry.transfer), entry.reportedBytes);
      entry.reportedBytes = bytes;
      const memoryShare = entry.direction === 'receive' ? entry.incoming?.memoryShare : undefined;
      measured.push({ id: entry.id, bytes, stats: entry.meter.record(bytes, stats, memoryShare) });
    }
    return measured;
  }

  /** The transfer is accepted, on whichever side. */
  start(entry: Entry): void {
    const core = this.#context.core();
    if (!core || entry.meter) return;
    const { module, session } = core;
    entry.meter = new TransferMeter(module, entry.direction === 'send', session.transferBytes(entry.transfer));
    this.#note(entry, 'accepted');
  }

  pause(session: CoreSession, entry: Entry, paused: boolean): void {
    session.setPaused(entry.transfer, paused, performance.now());
    this.#note(entry, paused ? 'paused' : 'resumed', { byPeer: false });
  }

  pausedByPeer(entry: Entry, paused: boolean): void {
    this.#note(entry, paused ? 'paused' : 'resumed', { byPeer: true });
    this.#context.post({ type: 'paused', id: entry.id, paused });
  }

  // The end of a transfer

  /** Every byte is stored and proven. */
  complete(session: CoreSession, entry: Entry, event: Extract<CoreEvent, { type: 'done' }>): void {
    const completion = this.#track(this.#completions, this.#complete(session, entry, event));
    completion.catch((caught: unknown) =>
      this.#context.run(() => {
        throw caught;
      }),
    );
  }

  /** Ends a transfer from this side. No effect on one that has ended. */
  fail(entry: Entry, code: ErrorCode, detail: string): void {
    if (!this.isLive(entry)) return;
    this.#context.core()?.session.fail(entry.transfer, code, toWellFormed(detail), performance.now());
    this.ended(entry, { code, detail, byPeer: false });
  }

  /** The transfer has failed. The window hears of it once unfinished files are put away. */
  ended(entry: Entry, { code, detail, byPeer }: Ending): void {
    const tell = (): void => this.#context.post({ type: 'failed', id: entry.id, code, detail, byPeer });
    this.#note(entry, 'failed', { code, byPeer });
    const removed = this.remove(entry, code);
    if (removed) void removed.then(tell);
    else tell();
  }

  /** Forgets a transfer that ended early. Returns a promise where there are files to put away; it resolves afterwards. */
  remove(entry: Entry, code: string): Promise<void> | undefined {
    this.#forget(entry);
    if (entry.direction === 'send') return undefined;
    for (const stream of entry.streams.values()) stream.reject(new MillraceError('cancelled', 'the transfer ended'));
    entry.streams.clear();
    return entry.incoming && this.cleanUp(entry.incoming.abort(!DISCARDED.has(code)));
  }

  /** The session is over with `code`: forgets all transfers. */
  end(code: string): void {
    for (const entry of [...this.#entries.values()]) void this.remove(entry, code);
  }

  /** Makes `settled` wait for `cleanup` too. */
  cleanUp(cleanup: Promise<void>): Promise<void> {
    // The transfer is over, so a failure is not reported; `removeStored` removes files that stay behind.
    return this.#track(this.#cleanups, cleanup.catch(() => {}));
  }

  /** Resolves when the window has heard of every transfer that is done. */
  async completed(): Promise<void> {
    await Promise.all(this.#completions);
  }

  /** Resolves when all unfinished files are put away. */
  async settled(): Promise<void> {
    await Promise.all(this.#cleanups);
  }

  async #complete(session: CoreSession, entry: Entry, event: Extract<CoreEvent, { type: 'done' }>): Promise<void> {
    const stats = this.#statsOf(session);
    const transferStats = entry.meter?.record(event.bytes, stats, undefined);
    this.#forget(entry);
    const incoming = entry.direction === 'receive' ? entry.incoming : undefined;
    const files = event.files.map(({ id, size, root }): ReceiptFile => {
      const blob = entry.direction === 'receive' ? entry.blobs.get(id) : undefined;
      return { id, name: entry.files[id]?.name ?? '', size, root, ...(blob ? { blob } : {}) };
    });
    const folder = incoming?.folder;
    // Every file is stored and proven: the transfer is a success even if its journal cannot be removed.
    await incoming?.complete().catch(() => {});
    this.#note(entry, 'done', { bytes: event.bytes });
    this.#context.post({
      type: 'done',
      id: entry.id,
      bytes: event.bytes,
      files,
      stats,
      transferStats,
      ...(folder === undefined ? {} : { folder }),
    });
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.transfer);
    this.#entryById.delete(entry.id);
    if (entry.direction === 'send') entry.reader.close();
    entry.meter?.delete();
    entry.meter = undefined;
  }

  #note(entry: Entry, state: string, fields: LogFields = {}): void {
    this.#context.note('transfer', { transfer: entry.id, state, ...fields });
  }

  #track(set: Set<Promise<void>>, work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => set.delete(tracked));
    set.add(tracked);
    return tracked;
  }
}
