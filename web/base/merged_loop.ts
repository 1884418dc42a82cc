import { AsyncLoop } from './async_loop.js';

/** A value that waits, and what reads the next one of the same loop. */
interface Ready<T> {
  readonly value: T;
  readonly readOn: () => void;
}

/**
 * One loop over the values of several loops, which come and go. Of each it reads one value ahead, so that further values wait
 * where they are. A loop that throws is left out from then on.
 */
export class MergedLoop<T> extends AsyncLoop<T> {
  readonly #loops = new Set<AsyncIterator<unknown>>();
  readonly #ready: Ready<T>[] = [];
  readonly #onclose: () => void;
  #ending = false;

  constructor(onclose: () => void) {
    super();
    this.#onclose = onclose;
  }

  add<U>(loop: AsyncIterator<U>, convert: (value: U) => T): void {
    this.#loops.add(loop);
    void this.#read(loop, convert);
  }

  /** No further loop comes: ends when all loops have ended. */
  endSoon(): void {
    this.#ending = true;
    if (this.#loops.size === 0) this.end();
  }

  protected override take(): { readonly value: T } | undefined {
    const ready = this.#ready.shift();
    ready?.readOn();
    return ready;
  }

  protected override onclose(): void {
    this.#onclose();
    for (const loop of this.#loops) void loop.return?.();
  }

  async #read<U>(loop: AsyncIterator<U>, convert: (value: U) => T): Promise<void> {
    try {
      const result = await loop.next();
      if (result.done !== true) {
        this.#ready.push({ value: convert(result.value), readOn: () => void this.#read(loop, convert) });
        this.wake();
        return;
      }
    } catch {
      // The loop that failed has told its own reader.
    }
    this.#loops.delete(loop);
    if (this.#ending) this.endSoon();
  }
}
