const INTERVAL_MS = 1_000;

/** Decides when statistics are worth an event: each second, and when the bottleneck, chunk size or number of lanes has changed. */
export class StatsCadence {
  #at = -Infinity;
  #said = '';

  isDue({ bottleneck, chunkSize, lanes }: { bottleneck: string; chunkSize: number; lanes: readonly object[] }): boolean {
    const now = performance.now();
    const says = `${bottleneck} ${chunkSize} ${lanes.length}`;
    if (now - this.#at < INTERVAL_MS && says === this.#said) return false;
    this.#at = now;
    this.#said = says;
    return true;
  }
}
