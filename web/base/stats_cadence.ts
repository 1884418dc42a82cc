const INTERVAL_MS = 1_000;

/** Tells when statistics are due for an event: once a second, and when bottleneck, chunk size or lanes have changed. */
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
