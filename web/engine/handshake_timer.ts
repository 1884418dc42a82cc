/**
 * Adds what a handshake adds to the time of connecting to the browser's performance timeline: an entry `millrace-handshake` from the
 * open channels to the agreed keys. `detail.cpuMs` is the processor time of the whole handshake, which may begin earlier, ms.
 */
export class HandshakeTimer {
  #openedAt: number | undefined;
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

  /** The channels are open. Only the first call counts. */
  opened(): void {
    this.#openedAt ??= performance.now();
  }

  /** Keys are agreed, and the channels are open; called within the last `run`. */
  finish(): void {
    this.#endedAt = performance.now();
  }

  #write(end: number): void {
    performance.measure('millrace-handshake', { start: this.#openedAt ?? end, end, detail: { cpuMs: this.#cpuMs } });
  }
}
