/** How often the capacity is measured, ms. */
const INTERVAL_MS = 10_000;

/** What an agent's connections carried so far. */
export interface CapacitySample {
  /** Bytes of messages, since the agent joined. */
  readonly batchBytes: number;
  /** What each connection is known to carry, bytes per second. */
  readonly rates: readonly number[];
}

/** Measures what an agent can forward: the most that one of its connections, or its messages, have been seen to carry. */
export class CapacityMeter {
  readonly #timer: ReturnType<typeof setInterval>;
  #batchBytes = 0;
  #capacity = 0;

  /** `oncapacity`: bytes per second, after each measurement. */
  constructor(sample: () => CapacitySample, oncapacity: (capacity: number) => void) {
    this.#timer = setInterval(() => {
      const { batchBytes, rates } = sample();
      const messageRate = ((batchBytes - this.#batchBytes) * 1000) / INTERVAL_MS;
      this.#batchBytes = batchBytes;
      this.#capacity = Math.max(this.#capacity, messageRate, ...rates);
      oncapacity(Math.floor(this.#capacity));
    }, INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
