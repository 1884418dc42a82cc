/**
 * A promise whose work begins when somebody first waits for it, so that making one costs nothing and nothing is left unhandled.
 * Work that failed begins again with the next wait.
 */
export class LazyPromise<T> implements Promise<T> {
  readonly [Symbol.toStringTag] = 'LazyPromise';
  readonly #begin: () => Promise<T>;
  #work: Promise<T> | undefined;

  constructor(begin: () => Promise<T>) {
    this.#begin = begin;
  }

  then<A = T, B = never>(onValue?: ((value: T) => A | PromiseLike<A>) | null, onError?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<A | B> {
    return this.#start().then(onValue, onError);
  }

  catch<B = never>(onError?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.#start().catch(onError);
  }

  finally(onEnd?: (() => void) | null): Promise<T> {
    return this.#start().finally(onEnd);
  }

  #start(): Promise<T> {
    if (this.#work) return this.#work;
    const work = this.#begin();
    this.#work = work;
    work.catch(() => {
      this.#work = undefined;
    });
    return work;
  }
}
