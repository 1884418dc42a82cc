import type { CoreSession } from '../wasm/session.js';

/** What waits for the control channel, in the core and in its buffer, at most: other queued frames never wait for more. Bytes. */
const MAX_WAITING_BYTES = 64 * 1024;
/** The core gets more messages once no more than this waits. In small portions, they would travel in small records. Bytes. */
const REFILL_BYTES = 32 * 1024;

/** The window's messages on their way to the core, no faster than the control channel takes them. */
export class MessageOutbox {
  #queue: Uint8Array[] = [];
  /** The first message of the queue that the core does not have. */
  #next = 0;
  #handled = 0;

  /** Bytes that the core got. */
  get handled(): number {
    return this.#handled;
  }

  add(messages: readonly Uint8Array[]): void {
    this.#queue.push(...messages);
  }

  /** A message that goes to the core at once. */
  sendNow(session: CoreSession | undefined, message: Uint8Array): void {
    this.#handled += message.length;
    session?.message(message, performance.now());
  }

  /** Gives the core what there is room for. `waiting`: bytes that wait for the control channel. */
  feed(session: CoreSession, waiting: number): void {
    if (waiting <= REFILL_BYTES) this.#give(session, MAX_WAITING_BYTES - waiting);
  }

  /** Gives the core everything: what was said before the end is sent before the end. */
  flush(session: CoreSession): void {
    this.#give(session, Infinity);
  }

  #give(session: CoreSession, most: number): void {
    const end = this.#handled + most;
    while (this.#next < this.#queue.length && this.#handled < end) {
      const message = this.#queue[this.#next]!;
      this.#next += 1;
      this.sendNow(session, message);
    }
    if (this.#next === this.#queue.length && this.#next > 0) {
      this.#queue = [];
      this.#next = 0;
    }
  }
}
