import type { MillraceError } from '../api/errors.js';
import type { Offer, Peer } from '../api/types.js';
import { AsyncLoop } from '../base/async_loop.js';
import { callListener } from '../base/report_exception.js';
import { toLoopEnd } from './loop_end.js';

/** Offers that may wait for a listener. */
const MAX_WAITING_OFFERS = 64;

/** Offers of the other side on their way to the page. They wait until the page listens; those that are withdrawn meanwhile go. */
export class IncomingOffers {
  readonly #fire: (offer: Offer) => void;
  readonly #waiting = new Set<Offer>();
  readonly #loops = new Set<OfferLoop>();
  #listener: Peer['onincoming'] = null;
  #hasEventListener = false;
  #end: MillraceError | undefined;

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

  /** As `Peer.offers`. */
  open(): AsyncIterableIterator<Offer> {
    const loop = new OfferLoop(() => this.#loops.delete(loop));
    if (this.#end) {
      loop.end(toLoopEnd(this.#end));
    } else {
      this.#loops.add(loop);
      this.#deliver();
    }
    return loop;
  }

  /** Delivers the offer as soon as the page listens. Returns false if too many offers wait already. */
  add(offer: Offer): boolean {
    if (this.#waiting.size >= MAX_WAITING_OFFERS) return false;
    this.#waiting.add(offer);
    offer.addEventListener('statechange', () => {
      this.#waiting.delete(offer);
      for (const loop of this.#loops) loop.remove(offer);
    });
    this.#deliver();
    return true;
  }

  /** The session is over, and its offers are withdrawn. */
  end(error: MillraceError): void {
    this.#end = error;
    this.#waiting.clear();
    for (const loop of this.#loops) loop.end(toLoopEnd(error));
  }

  #deliverSoon(): void {
    if (this.#waiting.size > 0) queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    if (!this.#listener && !this.#hasEventListener && this.#loops.size === 0) return;
    const offers = [...this.#waiting];
    this.#waiting.clear();
    for (const offer of offers) {
      this.#fire(offer);
      callListener(() => this.#listener?.(offer));
      // A listener may have answered it.
      if (offer.state === 'open') for (const loop of this.#loops) loop.push(offer);
    }
  }
}

/** One loop over `Peer.offers()`. It has open offers only: what a listener has answered, it does not get. */
class OfferLoop extends AsyncLoop<Offer> {
  readonly #offers = new Set<Offer>();
  readonly #onclose: () => void;

  constructor(onclose: () => void) {
    super();
    this.#onclose = onclose;
  }

  push(offer: Offer): void {
    this.#offers.add(offer);
    this.wake();
  }

  remove(offer: Offer): void {
    this.#offers.delete(offer);
  }

  protected override take(): { readonly value: Offer } | undefined {
    for (const offer of this.#offers) {
      this.#offers.delete(offer);
      return { value: offer };
    }
    return undefined;
  }

  protected override onclose(): void {
    this.#onclose();
  }
}
