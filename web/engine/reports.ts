import type { CoreSession } from '../wasm/session.js';
import type { EngineContext } from './context.js';
import type { LaneTable } from './lane_table.js';
import type { MessageOutbox } from './message_outbox.js';
import type { SessionStats } from './messages.js';
import type { TransferTable } from './transfer_table.js';

/** At most ten reports of progress a second. */
const PROGRESS_INTERVAL_MS = 100;
/** One report each second, whether or not bytes have moved. */
const STATS_INTERVAL_MS = 1_000;
/** What waits is reported when it has changed by this much, or has become nothing: small messages need no report each. Bytes. */
const BUFFERED_STEP_BYTES = 16 * 1024;
/** How often it is looked at what waits for the control channel, while something does, ms. */
const BUFFERED_INTERVAL_MS = 50;

/** Reports to the window: progress and statistics, the number of lanes wanted, and what waits for the control channel. */
export class Reports {
  readonly #context: EngineContext;
  readonly #lanes: LaneTable;
  readonly #transfers: TransferTable;
  readonly #outbox: MessageOutbox;
  readonly #statsOf: (session: CoreSession) => SessionStats;
  #lanesWanted = 0;
  /** As the window was told last. */
  #reported = { bytes: 0, handled: 0 };
  #bufferedTimer: ReturnType<typeof setTimeout> | undefined;
  #statsTimer: ReturnType<typeof setInterval> | undefined;
  #progressTimer: ReturnType<typeof setTimeout> | undefined;
  #reportedAt = -Infinity;

  constructor(
    context: EngineContext,
    lanes: LaneTable,
    transfers: TransferTable,
    outbox: MessageOutbox,
    statsOf: (session: CoreSession) => SessionStats,
  ) {
    this.#context = context;
    this.#lanes = lanes;
    this.#transfers = transfers;
    this.#outbox = outbox;
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

  /** Reports changes, at the end of a turn. */
  update(session: CoreSession): void {
    const count = session.lanesWanted();
    if (count !== this.#lanesWanted) {
      this.#lanesWanted = count;
      this.#context.post({ type: 'lanesWanted', count });
    }
    this.#reportBuffered(session);
    this.#reportProgress(session);
  }

  #reportBuffered(session: CoreSession): void {
    const { handled } = this.#outbox;
    // Once the window has sent a message.
    if (handled === 0) return;
    const bytes = session.controlBytesWaiting() + this.#lanes.controlBuffered;
    const last = this.#reported;
    const change = Math.max(Math.abs(bytes - last.bytes), handled - last.handled);
    if (change >= BUFFERED_STEP_BYTES || (bytes === 0 && last.bytes > 0)) {
      this.#reported = { bytes, handled };
      this.#context.post({ type: 'buffered', bytes, handled });
    }
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
