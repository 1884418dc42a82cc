import { MillraceError } from '../api/errors.js';
import type { AbortableWriter } from './sink.js';

/** The files of one store that are open or being opened. None of them stays open when the transfer ends early. */
export class OpenWriters<Writer extends AbortableWriter> {
  readonly #open = new Set<Writer>();
  readonly #opening = new Set<Promise<Writer>>();
  #aborted = false;

  /** Errors: rejects as `opening` does, and with 'cancelled' if `abort` was called in the meantime. */
  async add(opening: Promise<Writer>): Promise<Writer> {
    this.#opening.add(opening);
    try {
      const writer = await opening;
      if (this.#aborted) throw new MillraceError('cancelled', 'the transfer ended while a file was being opened');
      this.#open.add(writer);
      return writer;
    } finally {
      this.#opening.delete(opening);
    }
  }

  /** The writer has closed its file. */
  delete(writer: Writer): void {
    this.#open.delete(writer);
  }

  [Symbol.iterator](): Iterator<Writer> {
    return this.#open.values();
  }

  /** Aborts all writers, including those that are still being opened. Called once, after the last `add`. */
  async abort(): Promise<void> {
    this.#aborted = true;
    const opened = [...this.#open].map((writer) => writer.abort());
    const opening = [...this.#opening].map(async (promise) => (await promise).abort());
    await Promise.allSettled([...opened, ...opening]);
    this.#open.clear();
  }
}
