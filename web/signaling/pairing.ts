import type { Body, PeerMessage } from './envelope.js';

/** Two sides that found each other, seen from one of them. */
export interface Pairing {
  /**
   * True on exactly one side, the one that was asked: it makes the descriptions that the other side answers. Its first one follows its
   * agreement at once.
   */
  readonly initiator: boolean;
  /** Messages that came before it was set are delivered when it is. */
  onmessage: ((message: PeerMessage) => void) | null;
  /** The other side said that it leaves. `failed`: because it found no path to this side. */
  onbye: ((failed: boolean) => void) | null;
  /**
   * The other side may be gone: a new member came into the room (perhaps the other side itself, reloaded), or a member lost its
   * connection to the room (perhaps only for a moment).
   */
  ondoubt: (() => void) | null;
  /** This side has a new way to the room: messages of the last moments may be lost, in both directions. */
  onreopened: (() => void) | null;
  /** Errors: throws as the signalling does. */
  send(message: PeerMessage): void;
  /** Tells the other side that this side leaves. `failed`: because it found no path to the other side. */
  sayBye(failed?: boolean): void;
  /** Stops listening. */
  close(): void;
}

/** A connection needs one description and some dozen candidates before its owner listens. */
const MAX_EARLY_MESSAGES = 256;

/** The pairing from the moment that the two sides have agreed on it. */
export class AgreedPairing implements Pairing {
  onreopened: Pairing['onreopened'] = null;
  readonly peer: string;
  readonly initiator: boolean;
  readonly #say: (body: Body) => void;
  readonly #stop: () => void;
  readonly #early: PeerMessage[] = [];
  #onmessage: Pairing['onmessage'] = null;
  #onbye: Pairing['onbye'] = null;
  #ondoubt: Pairing['ondoubt'] = null;
  #bye: Extract<Body, { type: 'bye' }> | undefined;
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
    if (this.#bye) listener?.(this.#bye.failed ?? false);
  }

  get ondoubt(): Pairing['ondoubt'] {
    return this.#ondoubt;
  }

  set ondoubt(listener: Pairing['ondoubt']) {
    this.#ondoubt = listener;
    if (this.#doubted) listener?.();
  }

  handle(message: Body): void {
    switch (message.type) {
      case 'pair':
        // The other side asks again, because the answer got lost, and with it what followed.
        if (!this.initiator) break;
        this.#trySay({ type: 'paired' });
        this.#onmessage?.({ type: 'repeat', link: 0 });
        break;
      case 'hello':
        // The other side gave up asking and looks for a free side. Its own peer is free for it. (The side that asked must not answer: two
        // sides would greet each other for ever.)
        if (this.initiator) this.#trySay({ type: 'hello' });
        break;
      case 'paired':
      case 'busy':
        break; // It is paired with this side already.
      case 'bye':
        this.#bye = message;
        this.#onbye?.(message.failed ?? false);
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

  reopened(): void {
    this.onreopened?.();
  }

  send(message: PeerMessage): void {
    this.#say(message);
  }

  sayBye(failed = false): void {
    this.#trySay({ type: 'bye', ...(failed ? { failed } : {}) });
  }

  close(): void {
    this.#onmessage = null;
    this.#onbye = null;
    this.#ondoubt = null;
    this.onreopened = null;
    this.#stop();
  }

  /** A message that the other side does without, or asks for again. */
  #trySay(body: Body): void {
    try {
      this.#say(body);
    } catch {
      // The signalling reports its own end.
    }
  }
}
