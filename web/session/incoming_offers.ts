import type { Offer, Peer } from '../api/types.js';
import { reportException } from '../base/report_exception.js';

/** Offers that may wait for a listener. */
const MAX_WAITING_OFFERS = 64;

/** Offers of the other side on their way to the page. They wait until the page listens. */
export class IncomingOffers {
  readonly #fire: (offer: Offer) => void;
  readonly #waiting: Offer[] = [];
  #listener: Peer['onincoming'] = null;
  #hasEventListener = false;

  /** `fire`: dispatches the event 'incoming'. */
  constructor(fire: (offer: Offer) => void) {
    this.#fire = fire;
  }

  get listener(): Peer['onincoming'] {
    return this.#listener;
  }

  /** Anything but a function counts as null, as for the browser's own event handlers. */
  set listener(listener: Peer['onincoming']) {
    this.#listener = typeof listener === 'function' ? listener : null;
    if (this.#listener) this.#deliverSoon();
  }

  /** A listener for the event 'incoming' was added. */
  onEventListener(): void {
    this.#hasEventListener = true;
    this.#deliverSoon();
  }

  /** Delivers the offer as soon as the page listens. Returns false if too many offers wait already. */
  add(offer: Offer): boolean {
    if (this.#waiting.length >= MAX_WAITING_OFFERS) return false;
    this.#waiting.push(offer);
    this.#deliver();
    return true;
  }

  clear(): void {
    this.#waiting.length = 0;
  }

  #deliverSoon(): void {
    if (this.#waiting.length > 0) queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    if (!this.#listener && !this.#hasEventListener) return;
    for (const offer of this.#waiting.splice(0)) {
      this.#fire(offer);
      try {
        this.#listener?.(offer);
      } catch (caught) {
        reportException(caught);
      }
    }
  }
}
