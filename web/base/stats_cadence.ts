import type { Bottleneck } from '../api/statistics.js';

const INTERVAL_MS = 1_000;

/** When statistics are worth an event: each second, and when what they say has changed. */
export class StatsCadence {
  #at = -Infinity;
  #said = '';

  isDue({ bottleneck, chunkSize, lanes }: { bottleneck: Bottleneck; chunkSize: number; lanes: readonly object[] }): boolean {
    const now = performance.now();
    const says = `${bottleneck} ${chunkSize} ${lanes.length}`;
    if (now - this.#at < INTERVAL_MS && says === this.#said) return false;
    this.#at = now;
    this.#said = says;
    return true;
  }
}
