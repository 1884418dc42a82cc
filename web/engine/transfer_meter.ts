import type { BenchmarkStats } from '../api/statistics.js';
import type { BenchmarkCore, CoreModule, CoreStats } from '../wasm/session.js';

/** One sample a second, over the last minute. The round trip is known without a measurement of its own, ms. */
const SAMPLE_INTERVAL_MS = 1_000;
const WINDOW_SAMPLES = 60;

/** Feeds the `TransferBenchmark` of one transfer with its bytes and the session's statistics. */
export class TransferMeter {
  readonly #benchmark: BenchmarkCore;
  readonly #sending: boolean;
  #bytes: number;

  /** `bytes`: left by an earlier attempt. */
  constructor(core: CoreModule, sending: boolean, bytes: number) {
    this.#benchmark = new core.TransferBenchmark(SAMPLE_INTERVAL_MS, WINDOW_SAMPLES, SAMPLE_INTERVAL_MS);
    this.#benchmark.start(performance.now());
    this.#sending = sending;
    this.#bytes = bytes;
  }

  /** `bytes`: of the transfer so far. `memoryShare`: share of its sink's memory limit in use, 0 to 1; undefined: unknown. */
  record(bytes: number, stats: CoreStats, memoryShare: number | undefined): BenchmarkStats {
    const now = performance.now();
    this.#benchmark.recordBytes(bytes - this.#bytes, now);
    this.#bytes = bytes;
    if (this.#benchmark.rttIsDue(now)) {
      if (stats.rtt !== undefined) this.#benchmark.recordRtt(stats.rtt, now);
      if (stats.packetLoss !== undefined) this.#benchmark.recordPacketLoss(stats.packetLoss, now);
    }
    this.#benchmark.setContext(this.#sending ? stats.waiting : undefined, memoryShare ?? NaN);
    return this.#benchmark.stats(now);
  }

  delete(): void {
    this.#benchmark.delete();
  }
}
