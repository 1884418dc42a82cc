import type { BenchmarkStats } from '../api/statistics.js';
import { callback, checkOptions, number, type OptionsOf } from '../api/shape.js';
import { callListener } from '../base/report_exception.js';
import { core, keep } from '../wasm/parts.js';
import type { BenchmarkCore } from '../wasm/session.js';

const shapes = {
  /** ms, at least 10; default 1000. */
  sampleInterval: number({ least: 10, unit: 'ms' }),
  /** Number of kept samples, 1 to 3600; default 60. */
  windowSize: number({ least: 1, most: 3600 }),
  /** Interval of the calls of `measureRtt`, ms; default 5000. */
  rttInterval: number({ least: 1, unit: 'ms' }),
  /** Measures a round trip, ms; undefined where it is unknown. */
  measureRtt: callback<() => number | undefined | Promise<number | undefined>>(),
  /** First value of `TransferBenchmark.onStats`. */
  onStats: callback<(stats: BenchmarkStats) => void>(),
};

const bytesShape = number({ least: 0, unit: 'bytes' });
const rttShape = number({ least: 0, unit: 'ms' });
const packetsShape = number({ least: 0, whole: true, unit: 'packets' });
const ratioShape = number({ least: 0, most: 1 });

/** Options of a `TransferBenchmark`. */
export interface TransferBenchmarkOptions extends OptionsOf<typeof shapes> {}

/** Measures one transfer over any transport. A timer runs between `start` and `stop`. */
export class TransferBenchmark {
  /** Called with the statistics after each sample. */
  onStats: ((stats: BenchmarkStats) => void) | undefined;
  readonly #core: BenchmarkCore;
  readonly #sampleInterval: number;
  readonly #measureRtt: TransferBenchmarkOptions['measureRtt'];
  #timer: ReturnType<typeof setInterval> | undefined;
  #measuring = false;
  /** Packets that no sample has yet. */
  #packets = { sent: 0, lost: 0 };

  /** Errors: throws 'invalid-argument' for invalid options. */
  constructor(options: TransferBenchmarkOptions = {}) {
    const { sampleInterval = 1000, windowSize = 60, rttInterval = 5000, measureRtt, onStats } = checkOptions(options, shapes);
    this.#core = keep(this, new (core().TransferBenchmark)(sampleInterval, windowSize, rttInterval));
    this.#sampleInterval = sampleInterval;
    this.#measureRtt = measureRtt;
    this.onStats = onStats;
  }

  /** Starts the measurement; what was recorded before is discarded. */
  start(): void {
    this.#core.start(performance.now());
    this.#packets = { sent: 0, lost: 0 };
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(), this.#sampleInterval);
    this.#tick();
  }

  /**
   * Records bytes of the transfer. No effect, here and below, before `start` and after `stop`.
   * Errors, here and below: throws 'invalid-argument' for a number that cannot be, and for anything else.
   */
  recordBytes(bytes: number): void {
    this.#core.recordBytes(bytesShape.check(bytes, 'bytes'), performance.now());
  }

  /** Records a round trip, ms. */
  recordRtt(rtt: number): void {
    this.#core.recordRtt(rttShape.check(rtt, 'rtt'), performance.now());
  }

  /** Counts packets that were sent. */
  recordPacketsSent(packets: number): void {
    const sent = packetsShape.check(packets, 'packets');
    if (this.#timer !== undefined) this.#packets.sent += sent;
  }

  /** Counts packets that were lost, of those that `recordPacketsSent` counts. Each sample has the loss of its interval. */
  recordPacketLoss(packets: number): void {
    const lost = packetsShape.check(packets, 'packets');
    if (this.#timer !== undefined) this.#packets.lost += lost;
  }

  /** Records a loss as a share of the packets, 0 to 1, where somebody else has counted them. */
  recordLossRatio(ratio: number): void {
    this.#core.recordPacketLoss(ratioShape.check(ratio, 'ratio'), performance.now());
  }

  /** Current statistics; after `stop`, the last ones. */
  stats(): BenchmarkStats {
    return this.#core.stats(performance.now());
  }

  /** Ends the measurement and its timer; gives the last statistics. */
  stop(): BenchmarkStats {
    this.#takeLoss();
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#core.stop(performance.now());
    return this.stats();
  }

  #tick(): void {
    const now = performance.now();
    this.#takeLoss();
    if (this.#core.advance(now)) callListener(() => this.onStats?.(this.stats()));
    if (this.#core.rttIsDue(now)) void this.#takeRtt();
  }

  /** Losses that were counted before the packets themselves wait for these. */
  #takeLoss(): void {
    const { sent, lost } = this.#packets;
    if (sent === 0) return;
    this.#packets = { sent: 0, lost: 0 };
    this.recordLossRatio(Math.min(1, lost / sent));
  }

  async #takeRtt(): Promise<void> {
    if (!this.#measureRtt || this.#measuring) return;
    this.#measuring = true;
    try {
      const rtt = await this.#measureRtt();
      if (rtt !== undefined) this.recordRtt(rtt);
    } catch {
      // Unknown this time; the next interval asks again.
    } finally {
      this.#measuring = false;
    }
  }
}
