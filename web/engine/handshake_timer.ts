/**
 * Adds the time that a handshake takes to the browser's performance timeline: an entry `millrace-handshake` from the open
 * channel to the agreed keys. Its `detail.cpuMs` is the processor time in between, ms.
 */
export class HandshakeTimer {
  readonly #startedAt = performance.now();
  #endedAt: number | undefined;
  #cpuMs = 0;

  /** Counts `work` as part of the handshake. */
  run<T>(work: () => T): T {
    const start = performance.now();
    try {
      return work();
    } finally {
      this.#cpuMs += performance.now() - start;
      if (this.#endedAt !== undefined) this.#write(this.#endedAt);
    }
  }

  /** Keys are agreed; called within the last `run`. */
  finish(): void {
    this.#endedAt = performance.now();
  }

  #write(end: number): void {
    performance.measure('millrace-handshake', { start: this.#startedAt, end, detail: { cpuMs: this.#cpuMs } });
  }
}
