import type { BenchmarkStats } from '../api/statistics.js';
import { core, keep } from '../wasm/parts.js';
import type { BenchmarkCore } from '../wasm/session.js';
import { checkNumber } from './check.js';

/** How samples are taken. */
export interface TransferBenchmarkOptions {
  /** ms, from 10 on; default 1000. */
  sampleInterval?: number;
  /** Samples kept, 1 to 3600; default 60. */
  windowSize?: number;
  /** How often `measureRtt` is called, ms; default 5000. */
  rttInterval?: number;
  /** Answers a round trip, ms; undefined where it cannot be told. */
  measureRtt?: () => number | undefined | Promise<number | undefined>;
  /** After each sample. */
  onStats?: (stats: BenchmarkStats) => void;
}

/** Measures one transfer, whatever carries it. Between `start` and `stop` a timer is running. */
export class TransferBenchmark {
  /** Is told the statistics after each sample. */
  onStats: ((stats: BenchmarkStats) => void) | undefined;
  readonly #core: BenchmarkCore;
  readonly #sampleInterval: number;
  readonly #measureRtt: TransferBenchmarkOptions['measureRtt'];
  #timer: ReturnType<typeof setInterval> | undefined;
  #measuring = false;

  /** Errors: throws 'invalid-argument' for numbers out of their ranges. */
  constructor(options: TransferBenchmarkOptions = {}) {
    const { sampleInterval = 1000, windowSize = 60, rttInterval = 5000, measureRtt, onStats } = options;
    checkNumber('sampleInterval', sampleInterval, 10);
    checkNumber('windowSize', windowSize, 1, 3600);
    checkNumber('rttInterval', rttInterval, 1);
    this.#core = keep(this, new core.TransferBenchmark(sampleInterval, windowSize, rttInterval));
    this.#sampleInterval = sampleInterval;
    this.#measureRtt = measureRtt;
    this.onStats = onStats;
  }

  /** Begins anew. */
  start(): void {
    this.#core.start(performance.now());
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(), this.#sampleInterval);
    this.#tick();
  }

  /** Ignored, here and below: what is no finite number from 0 on, and anything before `start` or after `stop`. */
  recordBytes(bytes: number): void {
    this.#core.recordBytes(bytes, performance.now());
  }

  /** ms. */
  recordRtt(rtt: number): void {
    this.#core.recordRtt(rtt, performance.now());
  }

  /** 0 to 1. */
  recordPacketLoss(loss: number): void {
    this.#core.recordPacketLoss(loss, performance.now());
  }

  /** Statistics of now; of the end, after `stop`. */
  stats(): BenchmarkStats {
    return this.#core.stats(performance.now());
  }

  /** Ends the measurement and its timer. */
  stop(): BenchmarkStats {
    clearInterval(this.#timer);
    this.#core.stop(performance.now());
    return this.stats();
  }

  #tick(): void {
    const now = performance.now();
    if (this.#core.advance(now)) this.onStats?.(this.stats());
    if (this.#core.rttIsDue(now)) void this.#takeRtt();
  }

  async #takeRtt(): Promise<void> {
    if (!this.#measureRtt || this.#measuring) return;
    this.#measuring = true;
    try {
      const rtt = await this.#measureRtt();
      if (rtt !== undefined) this.recordRtt(rtt);
    } catch {
      // Not known this time; the next interval asks again.
    } finally {
      this.#measuring = false;
    }
  }
}
