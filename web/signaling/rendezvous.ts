import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { randomHex } from '../base/ids.js';
import { isLeft, parseEnvelope, type Body } from './envelope.js';
import { AgreedPairing, type Pairing } from './pairing.js';

/** A signalling may lose a message: `pair` is repeated after this time, ms. */
const PAIR_INTERVAL_MS = 1_000;
/** A side that has not answered so many times `pair` counts as gone. (A reloaded page leaves its id behind.) */
const MAX_PAIR_ATTEMPTS = 5;
/** With so many of them left, this side checks its own way to the room. */
const CHECKED_PAIR_ATTEMPTS = 3;
/** A free side that hears of one with a lower id is asked by it sooner, ms; otherwise it checks its own way to the room. */
const QUESTION_MS = 2_000;
/** Members of the room that are remembered: enough for a room of two with a few stale ids. */
const MAX_KNOWN = 16;

/**
 * Pairs with exactly one other side of the room, whoever comes first.
 *
 * Each side says `hello` with a random id. A side that waits and hears the first other side asks it at once (`pair`). From then on, a free
 * side that hears a `hello` says `hello` back, and the side with the lower id asks. The asked side agrees (`paired`) or is taken (`busy`).
 * If two sides ask each other, the question of the lower id counts. Without an answer, the question is repeated. A side whose way to the
 * room was replaced says hello again: what others said to it meanwhile is lost.
 * Waits without a limit for another side to come; `oncontact` is called when the first one is heard. Errors: rejects with the reason of `signal` once that is aborted, and with
 * 'signaling-failed' when the signalling throws; nothing listens to the signalling after that.
 */
export function pair(signaling: Signaling, signal: AbortSignal, oncontact: () => void = () => {}): Promise<Pairing> {
  return new Rendezvous(signaling, signal, oncontact).promise;
}

class Rendezvous {
  readonly promise: Promise<Pairing>;
  readonly #signaling: Signaling;
  readonly #oncontact: () => void;
  /** Compared as text to tell who asks. */
  readonly #self = randomHex(16);
  /** Free sides that this side may ask, in the order of their first message. */
  readonly #free: string[] = [];
  /** No other side was heard yet. */
  #alone = true;
  /** The side that was heard first, unless it was taken: it may be paired with this side already, and its answer was lost. */
  #first: string | undefined;
  #asked: string | undefined;
  #askTimer: ReturnType<typeof setTimeout> | undefined;
  #questionTimer: ReturnType<typeof setTimeout> | undefined;
  #pairing: AgreedPairing | undefined;
  #resolve!: (pairing: Pairing) => void;
  #reject!: (reason: unknown) => void;
  #unlisten: () => void = () => {};

  constructor(signaling: Signaling, signal: AbortSignal, oncontact: () => void) {
    this.#signaling = signaling;
    this.#oncontact = oncontact;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      const abort = (): void => {
        if (this.#asked !== undefined) this.#trySay({ type: 'bye' }, this.#asked);
        this.#stop();
        reject(signal.reason);
      };
      if (signal.aborted) {
        abort();
        return;
      }
      signal.addEventListener('abort', abort, { once: true });
      this.#unlisten = () => signal.removeEventListener('abort', abort);
      signaling.onmessage = (message: unknown) => this.#hear(message);
      signaling.onopen = (again) => {
        if (again) this.#handleReopened();
      };
      this.#trySay({ type: 'hello' });
    });
  }

  #hear(raw: unknown): void {
    if (isLeft(raw)) this.#pairing?.doubt();
    const envelope = parseEnvelope(raw);
    if (!envelope) return;
    const { from, to, body } = envelope;
    if (from === this.#self || (to !== undefined && to !== this.#self)) return;

    if (this.#pairing) {
      if (this.#pairing.peer === from) this.#pairing.handle(body);
      else if (body.type === 'pair') this.#trySay({ type: 'busy' }, from);
      else if (body.type === 'hello') this.#pairing.doubt();
      return;
    }
    const isFirst = this.#alone;
    this.#alone = false;
    if (isFirst) this.#oncontact();
    switch (body.type) {
      case 'hello':
        // Only once: three sides that ask each other in a circle would do so for ever.
        if (isFirst) this.#first = from;
        if (from === this.#first) {
          this.#remember(from);
          break;
        }
        // While asking somebody, this side is not free; it says hello again when it is.
        if (to === undefined && this.#asked === undefined) this.#trySay({ type: 'hello' }, from);
        if (from < this.#self) this.#questionTimer ??= setTimeout(() => this.#missQuestion(), QUESTION_MS);
        else this.#remember(from);
        break;
      case 'pair':
        // Asked before: that question counts, and may be lost.
        if (from > this.#self && (from === this.#asked || from === this.#first)) {
          this.#remember(from);
          break;
        }
        if (from !== this.#asked && this.#asked !== undefined) {
          this.#trySay({ type: 'busy' }, from);
          break;
        }
        this.#settle(from, true);
        this.#trySay({ type: 'paired' }, from);
        break;
      case 'paired':
        // The answer may also come after this side has given up asking.
        if (from === this.#asked || this.#asked === undefined) this.#settle(from, false);
        else this.#trySay({ type: 'bye' }, from);
        break;
      case 'busy':
      case 'bye':
        if (from === this.#first) this.#first = undefined;
        this.#forget(from);
        break;
      default:
        // A side that describes a connection has agreed, and its answer got lost. Of others such a message means nothing.
        if (from !== this.#asked) break;
        this.#settle(from, false);
        this.#pairing!.handle(body);
    }
  }

  #remember(id: string): void {
    if (this.#free.includes(id) || this.#free.length >= MAX_KNOWN) return;
    this.#free.push(id);
    this.#ask();
  }

  #ask(): void {
    const next = this.#free[0];
    if (this.#asked !== undefined || next === undefined) return;
    this.#asked = next;
    this.#askTimes(next, MAX_PAIR_ATTEMPTS);
  }

  #askTimes(id: string, attempts: number): void {
    const again = (): void => (attempts > 1 ? this.#askTimes(id, attempts - 1) : this.#forget(id));
    this.#askTimer = setTimeout(again, PAIR_INTERVAL_MS);
    this.#trySay({ type: 'pair' }, id);
    if (attempts === CHECKED_PAIR_ATTEMPTS) this.#signaling.reopen?.();
  }

  #missQuestion(): void {
    this.#questionTimer = undefined;
    this.#signaling.reopen?.();
  }

  #handleReopened(): void {
    // A question that is under way is repeated anyway. A paired side greets, too: the other side may have given up asking because the
    // answer got lost, or the page of the other side may have begun a new attempt, whose own greeting got lost.
    if (this.#pairing || this.#asked === undefined) this.#trySay({ type: 'hello' });
    this.#pairing?.reopened();
  }

  #forget(id: string): void {
    const index = this.#free.indexOf(id);
    if (index >= 0) this.#free.splice(index, 1);
    if (id !== this.#asked) return;
    clearTimeout(this.#askTimer);
    this.#asked = undefined;
    if (this.#free.length > 0) this.#ask();
    // A side that was told 'busy' meanwhile has to learn that this side is free again.
    else this.#trySay({ type: 'hello' });
  }

  #settle(peer: string, initiator: boolean): void {
    clearTimeout(this.#askTimer);
    clearTimeout(this.#questionTimer);
    this.#unlisten();
    this.#pairing = new AgreedPairing(
      peer,
      initiator,
      (body) => this.#say(body, peer),
      () => this.#stop(),
    );
    this.#resolve(this.#pairing);
  }

  #stop(): void {
    clearTimeout(this.#askTimer);
    clearTimeout(this.#questionTimer);
    this.#signaling.onmessage = null;
    this.#signaling.onopen = null;
  }

  /** A signalling that throws ends the attempt. Once paired, only the message is lost. */
  #trySay(body: Body, to?: string): void {
    try {
      this.#say(body, to);
    } catch (caught) {
      if (this.#pairing) return;
      this.#unlisten();
      this.#stop();
      this.#reject(MillraceError.from(caught, 'signaling-failed'));
    }
  }

  #say(body: Body, to?: string): void {
    this.#signaling.send({ millrace: 1, from: this.#self, ...(to === undefined ? {} : { to }), ...body });
  }
}
