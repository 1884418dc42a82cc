import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { randomHex } from '../base/ids.js';
import { isLeft, parseEnvelope, type Body, type PeerMessage } from './envelope.js';

/** Two sides that found each other. */
export interface Pairing {
  /** True on exactly one side, the one with the lower id: it makes the offers. */
  readonly initiator: boolean;
  /** Messages that came before it was set are delivered when it is. */
  onmessage: ((message: PeerMessage) => void) | null;
  /** The other side said that it leaves. */
  onbye: (() => void) | null;
  /**
   * The other side may be gone: somebody new came into the room (perhaps itself, reloaded), or somebody's way to the room
   * ended (perhaps only for a moment).
   */
  ondoubt: (() => void) | null;
  send(message: PeerMessage): void;
  /** Tells the other side that this one leaves. */
  sayBye(): void;
  /** Stops listening. */
  close(): void;
}

/** How long the other side may take to answer `pair` before it counts as gone (a reloaded page leaves its id behind). */
const PAIR_TIMEOUT_MS = 5_000;
/** Others in the room that are remembered; enough for rooms of two with a few stale ids. */
const MAX_KNOWN = 16;
/** A link needs one description and some dozen candidates before its user listens. */
const MAX_EARLY_MESSAGES = 256;

/**
 * Pairs with exactly one other side of the room, whoever comes first.
 *
 * Each side says `hello` with a random id; who hears one and is free says `hello` back. The side with the lower id asks
 * (`pair`), the other agrees (`paired`) or is taken (`busy`). Waits without a limit for somebody to come; `signal` ends it,
 * and with it the listening, rejecting with its reason.
 */
export function pair(signaling: Signaling, signal: AbortSignal): Promise<Pairing> {
  return new Rendezvous(signaling, signal).promise;
}

class Rendezvous {
  readonly promise: Promise<Pairing>;
  readonly #signaling: Signaling;
  /** Compared as text to tell the roles. */
  readonly #self = randomHex(16);
  /** Free sides with a higher id, in the order they were heard of. */
  readonly #free: string[] = [];
  #asked: string | undefined;
  #askTimer: ReturnType<typeof setTimeout> | undefined;
  #pairing: PairingLink | undefined;
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
      if (this.#pairing.peer === from) this.#pairing.hear(body);
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
    this.#askTimer = setTimeout(() => this.#forget(next), PAIR_TIMEOUT_MS);
    this.#trySay({ type: 'pair' }, next);
  }

  #forget(id: string): void {
    const index = this.#free.indexOf(id);
    if (index >= 0) this.#free.splice(index, 1);
    if (id !== this.#asked) return;
    clearTimeout(this.#askTimer);
    this.#asked = undefined;
    if (this.#free.length > 0) this.#ask();
    // Whoever was told 'busy' meanwhile has to hear that this side is free again.
    else this.#trySay({ type: 'hello' });
  }

  #settle(peer: string, initiator: boolean): void {
    clearTimeout(this.#askTimer);
    this.#unlisten();
    this.#pairing = new PairingLink(
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

  /** A signalling that throws ends the attempt; once paired, it only loses what it was asked to carry. */
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

class PairingLink implements Pairing {
  readonly peer: string;
  readonly initiator: boolean;
  readonly #say: (body: Body) => void;
  readonly #stop: () => void;
  readonly #early: PeerMessage[] = [];
  #onmessage: Pairing['onmessage'] = null;
  #onbye: Pairing['onbye'] = null;
  #ondoubt: Pairing['ondoubt'] = null;
  #bye = false;
  #doubted = false;

  constructor(peer: string, initiator: boolean, say: (body: Body) => void, stop: () => void) {
    this.peer = peer;
    this.initiator = initiator;
    this.#say = say;
    this.#stop = stop;
  }

  get onmessage(): Pairing['onmessage'] {
    return this.#onmessage;
  }

  set onmessage(listener: Pairing['onmessage']) {
    this.#onmessage = listener;
    if (listener) for (const message of this.#early.splice(0)) listener(message);
  }

  get onbye(): Pairing['onbye'] {
    return this.#onbye;
  }

  set onbye(listener: Pairing['onbye']) {
    this.#onbye = listener;
    if (this.#bye) listener?.();
  }

  get ondoubt(): Pairing['ondoubt'] {
    return this.#ondoubt;
  }

  set ondoubt(listener: Pairing['ondoubt']) {
    this.#ondoubt = listener;
    if (this.#doubted) listener?.();
  }

  hear(message: Body): void {
    switch (message.type) {
      case 'hello':
      case 'pair':
      case 'paired':
      case 'busy':
        break; // It is paired with this side already.
      case 'bye':
        this.#bye = true;
        this.#onbye?.();
        break;
      default:
        if (this.#onmessage) this.#onmessage(message);
        else if (this.#early.length < MAX_EARLY_MESSAGES) this.#early.push(message);
    }
  }

  doubt(): void {
    this.#doubted = true;
    this.#ondoubt?.();
  }

  send(message: PeerMessage): void {
    this.#say(message);
  }

  sayBye(): void {
    try {
      this.#say({ type: 'bye' });
    } catch {
      // It leaves either way; the other side runs into its timeout.
    }
  }

  close(): void {
    this.#onmessage = null;
    this.#onbye = null;
    this.#ondoubt = null;
    this.#stop();
  }
}
