import type { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';

type Listener = NonNullable<Signaling['onerror']>;

/** A way that fails before `connect` listens for it: the failure is kept for whoever listens later. */
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

  /** It is tried again. */
  protected forgetFailure(): void {
    this.#failure = undefined;
  }
}
