import type { PeerMessage } from '../signaling/envelope.js';

/**
 * Time for an answer over the signalling once the other side may be gone, ms: each side needs up to 2 s to find out that its own
 * way to the room is dead.
 */
const ANSWER_TIMEOUT_MS = 5_000;
/** The other side may come back to the room within this time, so the question is repeated, ms. */
const PING_INTERVAL_MS = 1_000;

export interface PresenceOptions {
  send(message: PeerMessage): void;
  /** Messages take as long as the people who carry them: a missing answer says nothing. */
  patient: boolean;
  /** The other side did not answer in time. */
  onsilent(): void;
}

/** Whether the other side is still there, as far as the signalling tells. */
export class Presence {
  readonly #options: PresenceOptions;
  #heardAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #repetition: ReturnType<typeof setInterval> | undefined;
  /** The other side said that it leaves. */
  left = false;
  /** The other side may be gone. */
  doubted = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Takes every message of the other side, and answers its pings. */
  handle(message: PeerMessage): void {
    this.#heardAt = performance.now();
    clearInterval(this.#repetition);
    if (message.type === 'ping') this.#options.send({ type: 'pong' });
  }

  /** Pings the other side. `onsilent` follows if nothing comes from it. */
  ask(): void {
    if (this.#timer !== undefined || this.#options.patient) return;
    const askedAt = performance.now();
    this.#options.send({ type: 'ping' });
    this.#repetition = setInterval(() => this.#options.send({ type: 'ping' }), PING_INTERVAL_MS);
    this.#timer = setTimeout(() => {
      this.stop();
      if (this.#heardAt < askedAt) this.#options.onsilent();
    }, ANSWER_TIMEOUT_MS);
  }

  /** No answer is awaited any more. */
  stop(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#repetition);
    this.#timer = undefined;
  }
}
