import type { Signaling } from '../api/options.js';

/** The room's signalling as one session sees it: only the messages between its two sides. */
export class PairSignaling implements Signaling {
  onmessage: Signaling['onmessage'] = null;
  onerror: NonNullable<Signaling['onerror']> | null = null;
  readonly #say: (body: object) => void;
  readonly #reopen: () => void;
  #closed = false;

  constructor(say: (body: object) => void, reopen: () => void) {
    this.#say = say;
    this.#reopen = reopen;
  }

  send(message: object): void {
    if (!this.#closed) this.#say(message);
  }

  hear(message: unknown): void {
    if (!this.#closed) this.onmessage?.(message);
  }

  reopen(): void {
    this.#reopen();
  }

  close(): void {
    this.#closed = true;
  }
}
