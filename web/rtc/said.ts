import type { ConnectionMessage } from '../signaling/envelope.js';

/** More candidates than any real machine has. */
const MAX_CANDIDATES = 256;

/** What this side has said about one connection, to be repeated where the signalling may have lost it. */
export class Said {
  #description: ConnectionMessage | undefined;
  readonly #candidates: ConnectionMessage[] = [];

  /** A newer description replaces the previous one. Candidates stay: the first ones may come before their description. */
  add(message: ConnectionMessage): void {
    if (message.type === 'description') this.#description = message;
    else if (this.#candidates.length < MAX_CANDIDATES) this.#candidates.push(message);
  }

  /** Every message, the description first. */
  get messages(): readonly ConnectionMessage[] {
    return this.#description === undefined ? [] : [this.#description, ...this.#candidates];
  }
}
