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
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(), this.#sampleInterval);
    this.#tick();
  }

  /** Records bytes of the transfer. Ignored, here and below: negative or non-finite numbers, and calls before `start` or after `stop`. */
  recordBytes(bytes: number): void {
    this.#core.recordBytes(toNumber(bytes), performance.now());
  }

  /** Records a round trip, ms. */
  recordRtt(rtt: number): void {
    this.#core.recordRtt(toNumber(rtt), performance.now());
  }

  /** Records a packet loss, 0 to 1. */
  recordPacketLoss(loss: number): void {
    this.#core.recordPacketLoss(toNumber(loss), performance.now());
  }

  /** Current statistics; after `stop`, the last ones. */
  stats(): BenchmarkStats {
    return this.#core.stats(performance.now());
  }

  /** Ends the measurement and its timer; gives the last statistics. */
  stop(): BenchmarkStats {
    clearInterval(this.#timer);
    this.#core.stop(performance.now());
    return this.stats();
  }

  #tick(): void {
    const now = performance.now();
    if (this.#core.advance(now)) callListener(() => this.onStats?.(this.stats()));
    if (this.#core.rttIsDue(now)) void this.#takeRtt();
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

/** NaN, which the core ignores, for a value that is no number. */
function toNumber(value: unknown): number {
  return typeof value === 'number' ? value : NaN;
}
