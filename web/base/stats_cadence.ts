const INTERVAL_MS = 1_000;

/** The part of statistics whose changes are worth an event. */
interface Watched {
  readonly bottleneck: string;
  readonly chunkSize: number;
  readonly lanes: readonly { readonly state: string }[];
}

/** Decides when statistics are worth an event: each second, and when the bottleneck, the chunk size or the open lanes change. */
export class StatsCadence {
  #at = -Infinity;
  #reported = '';

  isDue({ bottleneck, chunkSize, lanes }: Watched): boolean {
    const now = performance.now();
    const open = lanes.filter(({ state }) => state === 'open').length;
    const watched = `${bottleneck} ${chunkSize} ${open}`;
    if (now - this.#at < INTERVAL_MS && watched === this.#reported) return false;
    this.#at = now;
    this.#reported = watched;
    return true;
  }
}
