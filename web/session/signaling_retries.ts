import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';

/** A server that restarts is back within a few seconds, ms. */
const RETRY_PAUSE_MS = 1_000;

/**
 * Opens the signalling again when it fails between pairing and the agreement on keys. The two sides know each other by then, and
 * the connection may come up without the signalling. A signalling that cannot be opened again fails the attempt.
 */
export class SignalingRetries {
  readonly #signaling: Signaling;
  #failure: MillraceError | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `fail`: ends the attempt. */
  constructor(signaling: Signaling, fail: (error: MillraceError) => void) {
    this.#signaling = signaling;
    signaling.onerror = (caught: unknown) => {
      const error = MillraceError.from(caught, 'signaling-failed');
      if (signaling.reopen) this.#retrySoon(error);
      else fail(error);
    };
  }

  /** Why the signalling does not work at the moment. */
  get failure(): MillraceError | undefined {
    return this.#failure;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#signaling.onerror = null;
  }

  #retrySoon(error: MillraceError): void {
    this.#failure = error;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#failure = undefined;
      this.#signaling.reopen?.();
    }, RETRY_PAUSE_MS);
  }
}
