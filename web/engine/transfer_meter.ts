import type { BenchmarkStats } from '../api/statistics.js';
import type { BenchmarkCore, CoreModule, CoreStats } from '../wasm/session.js';

/** ms: requirement D2. The round trip is there without being measured for this. */
const SAMPLE_INTERVAL_MS = 1_000;
const WINDOW_SAMPLES = 60;

/** One transfer's `TransferBenchmark`: it is told what has moved and how the link is. */
export class TransferMeter {
  readonly #benchmark: BenchmarkCore;
  readonly #sending: boolean;
  #bytes: number;

  /** `bytes`: what an earlier attempt left. */
  constructor(core: CoreModule, sending: boolean, bytes: number) {
    this.#benchmark = new core.TransferBenchmark(SAMPLE_INTERVAL_MS, WINDOW_SAMPLES, SAMPLE_INTERVAL_MS);
    this.#benchmark.start(performance.now());
    this.#sending = sending;
    this.#bytes = bytes;
  }

  /** `bytes`: of the transfer so far. `memoryShare`: in use of what its sink may take, 0 to 1. */
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
