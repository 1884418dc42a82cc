import type { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';

type Listener = NonNullable<Signaling['onerror']>;

/** Keeps a failure that happens before `connect` listens, and reports it to the listener that comes later. */
export abstract class LateFailure {
  #failure: MillraceError | undefined;
  #onerror: Listener | null = null;

  get onerror(): Listener | null {
    return this.#onerror;
  }

  set onerror(listener: Listener | null) {
    this.#onerror = listener;
    if (this.#failure) listener?.(this.#failure);
  }

  protected get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  protected tellFailure(error: MillraceError): void {
    this.#failure = error;
    this.#onerror?.(error);
  }

  /** Another attempt begins. */
  protected forgetFailure(): void {
    this.#failure = undefined;
  }
}
