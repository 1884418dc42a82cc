/**
 * When a connection that uses a relay looks for a direct path, ms after it was found to do so: a local name that is resolved late, or a
 * network that opens up a moment later, are the usual reasons for a relay that is not needed.
 */
const ATTEMPTS_MS = [2_000, 20_000];

/** Decides when a connection through a relay looks for a direct path. */
export class PathUpgrade {
  readonly #look: () => void;
  #attempts: number[] = [];
  #relayed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `look`: looks for another path; the one in use stays as long as there is no better one. */
  constructor(look: () => void) {
    this.#look = look;
  }

  /** The kind of the path in use, each time that it is read. */
  found(kind: 'direct' | 'relay'): void {
    const relayed = kind === 'relay';
    if (relayed === this.#relayed) return;
    this.stop();
    this.#relayed = relayed;
    this.#attempts = relayed ? [...ATTEMPTS_MS] : [];
    this.#next();
  }

  /** The connection is gone, or being repaired: the next path begins anew. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#relayed = false;
    this.#attempts = [];
  }

  #next(): void {
    const ms = this.#attempts.shift();
    if (ms === undefined) return;
    this.#timer = setTimeout(() => {
      this.#look();
      this.#next();
    }, ms);
  }
}
