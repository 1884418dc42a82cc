import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { randomHex } from '../base/ids.js';
import { isLeft, parseEnvelope, type Body } from './envelope.js';
import { AgreedPairing, type Pairing } from './pairing.js';

/** A signalling may lose a message: `pair` is repeated after this time, ms. */
const PAIR_INTERVAL_MS = 1_000;
/** A side that has not answered so many times `pair` counts as gone. (A reloaded page leaves its id behind.) */
const MAX_PAIR_ATTEMPTS = 5;
/** Members of the room that are remembered: enough for a room of two with a few stale ids. */
const MAX_KNOWN = 16;

/**
 * Pairs with exactly one other side of the room, whoever comes first.
 *
 * Each side says `hello` with a random id; a free side that hears it says `hello` back. The side with the lower id asks
 * (`pair`), the other side agrees (`paired`) or is taken (`busy`). Without an answer, the question is repeated.
 * Waits without a limit for another side to come. Errors: rejects with the reason of `signal` once that is aborted, and with
 * 'signaling-failed' when the signalling throws; nothing listens to the signalling after that.
 */
export function pair(signaling: Signaling, signal: AbortSignal): Promise<Pairing> {
  return new Rendezvous(signaling, signal).promise;
}

class Rendezvous {
  readonly promise: Promise<Pairing>;
  readonly #signaling: Signaling;
  /** Compared as text to tell the roles. */
  readonly #self = randomHex(16);
  /** Free sides with a higher id, in the order of their first message. */
  readonly #free: string[] = [];
  #asked: string | undefined;
  #askTimer: ReturnType<typeof setTimeout> | undefined;
  #pairing: AgreedPairing | undefined;
  #resolve!: (pairing: Pairing) => void;
  #reject!: (reason: unknown) => void;
  #unlisten: () => void = () => {};

  constructor(signaling: Signaling, signal: AbortSignal) {
    this.#signaling = signaling;
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
    switch (body.type) {
      case 'hello':
        // While asking somebody, this side is not free; it says hello again when it is.
        if (to === undefined && this.#asked === undefined) this.#trySay({ type: 'hello' }, from);
        this.#remember(from);
        break;
      case 'pair':
        // Roles follow from the ids: only the lower one asks.
        if (from > this.#self) break;
        if (this.#asked !== undefined) {
          this.#trySay({ type: 'busy' }, from);
          break;
        }
        this.#settle(from, false);
        this.#trySay({ type: 'paired' }, from);
        break;
      case 'paired':
        if (from === this.#asked) this.#settle(from, true);
        else this.#trySay({ type: 'bye' }, from);
        break;
      case 'busy':
      case 'bye':
        this.#forget(from);
        break;
      default:
      // Messages of a connection mean nothing without a pairing.
    }
  }

  #remember(id: string): void {
    if (id < this.#self || this.#free.includes(id) || this.#free.length >= MAX_KNOWN) return;
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
    this.#signaling.onmessage = null;
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
