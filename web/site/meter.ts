/** Measures the speed over the last few seconds, and the remaining time, from byte counts. */
export class Meter {
  static readonly windowMs = 4_000;
  /** Counts closer together than this are merged, ms, which bounds the list at any event rate. */
  static readonly spacingMs = 100;
  readonly #samples: { at: number; bytes: number }[] = [];

  /** `now`: ms, never falling. */
  record(bytes: number, now: number): void {
    const last = this.#samples.at(-1);
    const beforeLast = this.#samples.at(-2);
    if (last !== undefined && beforeLast !== undefined && now - beforeLast.at < Meter.spacingMs) {
      last.at = now;
      last.bytes = bytes;
    } else {
      this.#samples.push({ at: now, bytes });
    }
    while (this.#samples.length > 2 && now - (this.#samples[0]?.at ?? now) > Meter.windowMs) {
      this.#samples.shift();
    }
  }

  /** Bytes per second; undefined while it is unknown. */
  speed(): number | undefined {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at - first.at < Meter.spacingMs) return undefined;
    return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000;
  }

  /** Seconds; undefined where it is unknown. */
  secondsLeft(totalBytes: number): number | undefined {
    const speed = this.speed();
    const last = this.#samples.at(-1);
    if (speed === undefined || last === undefined || speed <= 0) return undefined;
    return (totalBytes - last.bytes) / speed;
  }
}
