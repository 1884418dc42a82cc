/** A STUN server that answers does so within a round trip or two, ms. */
const STUN_MS = 1_000;
/** An allocation at a TURN server over TLS takes six round trips, ms. */
const TURN_MS = 4_000;

/**
 * The end of gathering for a description that people carry: it waits for candidates, but not for a server that does not answer, for which
 * a browser waits 10 s or longer. From the first candidate on, STUN servers have 1 s and TURN servers 4 s; from the first relay candidate on,
 * other servers have 1 s.
 */
export class Gathering {
  readonly #onend: () => void;
  readonly #hasTurn: () => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasRelay = false;
  #ended = false;

  /** `hasTurn`: whether the connection uses TURN servers. `onend` is called once. */
  constructor(hasTurn: () => boolean, onend: () => void) {
    this.#hasTurn = hasTurn;
    this.#onend = onend;
  }

  /** The browser found a candidate. */
  found(candidate: string): void {
    const isRelay = / typ relay( |$)/.test(candidate);
    if (this.#timer === undefined) this.#endIn(this.#hasTurn() && !isRelay ? TURN_MS : STUN_MS);
    else if (isRelay && !this.#hasRelay) this.#endIn(STUN_MS);
    this.#hasRelay ||= isRelay;
  }

  /** The browser has found all candidates. */
  end(): void {
    this.stop();
    if (this.#ended) return;
    this.#ended = true;
    this.#onend();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #endIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.end(), ms);
  }
}
