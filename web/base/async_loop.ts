import { deferred, type Deferred } from './deferred.js';

type Result<T> = IteratorResult<T, undefined>;

/** One `for await` loop. A class derived from it says where the values come from, and calls `wake` when there may be new ones. */
export abstract class AsyncLoop<T> implements AsyncIterableIterator<T, undefined> {
  readonly #waiting: Deferred<Result<T>>[] = [];
  #closed = false;
  #end: { readonly error: unknown } | undefined;

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result<T>> {
    const waiting = deferred<Result<T>>();
    this.#waiting.push(waiting);
    this.wake();
    return waiting.promise;
  }

  return(): Promise<Result<T>> {
    this.#close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** There may be new values. */
  wake(): void {
    while (this.#waiting.length > 0 && !this.#closed) {
      const taken = this.take();
      if (taken) this.#waiting.shift()!.resolve({ done: false, value: taken.value });
      else if (this.#end) this.#finish(this.#end.error);
      else return;
    }
    if (this.#closed) for (const waiting of this.#waiting.splice(0)) waiting.resolve({ done: true, value: undefined });
  }

  /** No further value comes. After the last one, the loop throws `error`, or just ends where that is undefined. */
  end(error?: unknown): void {
    this.#end = { error };
    this.wake();
  }

  /** Takes the next value; undefined if there is none now. */
  protected abstract take(): { readonly value: T } | undefined;

  /** The loop needs no more values. Called once. */
  protected onclose(): void {}

  #finish(error: unknown): void {
    if (error !== undefined) this.#waiting.shift()!.reject(error);
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onclose();
    this.wake();
  }
}
