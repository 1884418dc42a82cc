import type { CoreSession } from '../wasm/session.js';
import type { EngineContext } from './context.js';
import type { LaneTable } from './lane_table.js';
import type { SessionStats } from './messages.js';
import type { TransferTable } from './transfer_table.js';

/** At most ten reports of progress a second. */
const PROGRESS_INTERVAL_MS = 100;
/** One report each second, whether or not bytes have moved. */
const STATS_INTERVAL_MS = 1_000;
/** How often the control channel's buffer is looked at while it holds something, ms. */
const BUFFERED_INTERVAL_MS = 50;

/** Reports to the window: progress and statistics, the number of lanes wanted, and the buffer of the control channel. */
export class Reports {
  readonly #context: EngineContext;
  readonly #lanes: LaneTable;
  readonly #transfers: TransferTable;
  readonly #statsOf: (session: CoreSession) => SessionStats;
  #lanesWanted = 0;
  /** Bytes that the window was told of last; undefined until a message has gone out. */
  #buffered: number | undefined;
  #bufferedTimer: ReturnType<typeof setTimeout> | undefined;
  #statsTimer: ReturnType<typeof setInterval> | undefined;
  #progressTimer: ReturnType<typeof setTimeout> | undefined;
  #reportedAt = -Infinity;

  constructor(
    context: EngineContext,
    lanes: LaneTable,
    transfers: TransferTable,
    statsOf: (session: CoreSession) => SessionStats,
  ) {
    this.#context = context;
    this.#lanes = lanes;
    this.#transfers = transfers;
    this.#statsOf = statsOf;
  }

  /** Keys are agreed: a report follows each second. */
  start(): void {
    this.#statsTimer ??= setInterval(() => this.#context.run(() => this.#report(true)), STATS_INTERVAL_MS);
  }

  stop(): void {
    clearTimeout(this.#bufferedTimer);
    clearTimeout(this.#progressTimer);
    clearInterval(this.#statsTimer);
    this.#statsTimer = undefined;
  }

  /** A message goes over the control channel: from now on the window hears of its buffer. */
  watchBuffer(): void {
    this.#buffered ??= 0;
  }

  /** Reports changes, at the end of a turn. */
  update(session: CoreSession): void {
    const count = session.lanesWanted();
    if (count !== this.#lanesWanted) {
      this.#lanesWanted = count;
      this.#context.post({ type: 'lanesWanted', count });
    }
    this.#reportBuffered();
    this.#reportProgress(session);
  }

  #reportBuffered(): void {
    if (this.#buffered === undefined) return;
    const bytes = this.#lanes.controlBuffered;
    if (bytes !== this.#buffered) this.#context.post({ type: 'buffered', bytes });
    this.#buffered = bytes;
    if (bytes === 0 || this.#bufferedTimer !== undefined) return;
    this.#bufferedTimer = setTimeout(() => {
      this.#bufferedTimer = undefined;
      this.#context.run();
    }, BUFFERED_INTERVAL_MS);
  }

  #reportProgress(session: CoreSession): void {
    if (this.#progressTimer !== undefined || !this.#transfers.hasMoved(session)) return;
    const wait = this.#reportedAt + PROGRESS_INTERVAL_MS - performance.now();
    if (wait <= 0) this.#report(false);
    else this.#progressTimer = setTimeout(() => this.#context.run(() => this.#report(false)), wait);
  }

  /** `all`: also where nothing has moved. */
  #report(all: boolean): void {
    clearTimeout(this.#progressTimer);
    this.#progressTimer = undefined;
    const session = this.#context.core()?.session;
    if (!session || this.#statsTimer === undefined) return;
    this.#reportedAt = performance.now();
    const stats = this.#statsOf(session);
    const transfers = this.#transfers.measure(session, stats);
    if (all) for (const { id, bytes } of transfers) this.#context.note('progress', { transfer: id, bytes });
    if (all || transfers.length > 0) this.#context.post({ type: 'progress', transfers, stats });
  }
}
