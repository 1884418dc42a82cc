/** Counts what arrives, and the longest silence between. */
export class Arrivals {
  bytes = 0;
  #lastAt = null;
  #longestSilenceMs = 0;

  add(bytes) {
    this.#longestSilenceMs = this.#silenceMs();
    this.bytes += bytes;
    this.#lastAt = performance.now();
  }

  soFar() {
    return { bytes: this.bytes, longestSilenceMs: this.#silenceMs() };
  }

  /** The one that lasts still counts. */
  #silenceMs() {
    return Math.max(this.#longestSilenceMs, this.#lastAt === null ? 0 : performance.now() - this.#lastAt);
  }
}
