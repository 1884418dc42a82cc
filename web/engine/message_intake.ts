import { inOneBuffer } from '../base/bytes.js';
import type { FromEngine } from './messages.js';

/** Messages of the other side that the window has not heard of: those of one turn are posted together. */
export class MessageIntake {
  #messages: Uint8Array[] = [];

  add(message: Uint8Array): void {
    this.#messages.push(message);
  }

  /** Called before anything else is posted, so that messages keep their place among events. */
  flush(post: (message: FromEngine) => void): void {
    if (this.#messages.length === 0) return;
    const messages = inOneBuffer(this.#messages);
    this.#messages = [];
    post({ type: 'messages', messages });
  }
}
