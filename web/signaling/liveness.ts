/** Time for the far end to answer a probe, ms: as long as the wire took to open, which are three round trips or more, within these bounds. */
const LEAST_ANSWER_MS = 1_000;
const ANSWER_MS = 2_000;
/** A far end that answers probes gets one at this interval, ms: half of the usual 45 to 60 s for which routers keep an idle mapping. */
const HEARTBEAT_MS = 20_000;
/** A wire that is younger than this, ms, is not replaced for its silence alone. */
const TRUSTED_MS = 30_000;

export interface LivenessOptions {
  /** The time that the wire took to open, ms. */
  readonly openingMs: number;
  /** Sends a probe. False if the far end is not known to answer: then nothing has to be sent. */
  readonly probe: () => boolean;
  /** A probe was sent: whether the wire works is not known until `onalive` or `ondead`. */
  readonly ondoubt: () => void;
  readonly onalive: () => void;
  /** Nothing arrives over the wire any more. Called once. */
  readonly ondead: () => void;
}

/**
 * Whether an open wire still works. A network that changes or sleeps leaves sockets behind that look open for minutes.
 *
 * A far end that answers probes has 1 to 2 s for each. Other servers only forward messages, and their silence proves nothing: a wire
 * to one of them counts as dead if it is needed, has been open for 30 s, and was silent for the last 2 s.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  readonly #openedAt = performance.now();
  readonly #heartbeat: ReturnType<typeof setInterval>;
  #heardAt = this.#openedAt;
  #answerTimer: ReturnType<typeof setTimeout> | undefined;

  /** The wire has just opened. */
  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#heartbeat = setInterval(() => this.#probe(), HEARTBEAT_MS);
  }

  /** Something came over the wire. It answers no probe: it may have been sent before. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  /** The far end answered a probe. */
  answered(): void {
    if (this.#answerTimer === undefined) return;
    clearTimeout(this.#answerTimer);
    this.#answerTimer = undefined;
    this.#options.onalive();
  }

  /** The wire is needed now. */
  check(): void {
    if (this.#probe()) return;
    const now = performance.now();
    if (now - this.#openedAt >= TRUSTED_MS && now - this.#heardAt >= ANSWER_MS) this.#die();
  }

  stop(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#answerTimer);
  }

  #probe(): boolean {
    if (this.#answerTimer !== undefined) return true;
    if (!this.#options.probe()) return false;
    const answerMs = Math.min(ANSWER_MS, Math.max(LEAST_ANSWER_MS, this.#options.openingMs));
    this.#answerTimer = setTimeout(() => this.#die(), answerMs);
    this.#options.ondoubt();
    return true;
  }

  #die(): void {
    this.stop();
    this.#options.ondead();
  }
}
