import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { LateFailure } from './late_failure.js';

/** A connection that carries texts to the room. */
export interface Wire {
  send(text: string): void;
  close(): void;
}

/** The events of a wire. After `Wire.close` they are ignored. */
export interface WireListener {
  opened(): void;
  heard(text: unknown): void;
  failed(detail: string): void;
}

/** Longest message, bytes of JSON: the limit of the signalling server. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
/** Messages that wait while the wire opens; `connect` sends a handful. */
const MAX_QUEUED = 64;

/**
 * Signalling over a wire that has to open and may break: messages wait until it is open, a failure is reported once (also to a
 * listener that comes later), and `reopen` opens another wire.
 * Errors: `send` throws 'too-large' for a message over 64 KiB and 'invalid-argument' for one that is not JSON; every other
 * failure is a 'signaling-failed' for `onerror`.
 */
export class CarriedSignaling extends LateFailure implements Signaling {
  onmessage: Signaling['onmessage'] = null;
  readonly #openWire: (listener: WireListener) => Wire;
  readonly #openTimeoutMs: number;
  #queue: string[] = [];
  #wire: Wire | undefined;
  /** The current wire's listener; earlier wires are ignored. */
  #listener: WireListener | undefined;
  #isOpen = false;
  #openTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** Errors: throws as `openWire` does, here and in `reopen`. */
  constructor(openWire: (listener: WireListener) => Wire, openTimeoutMs: number) {
    super();
    this.#openWire = openWire;
    this.#openTimeoutMs = openTimeoutMs;
    this.#open();
  }

  send(message: object): void {
    const text = toText(message);
    if (this.#closed || this.hasFailed) return;
    if (this.#isOpen) this.#wire?.send(text);
    else if (this.#queue.length >= MAX_QUEUED) this.#fail('too many messages before the connection to the room was open');
    else this.#queue.push(text);
  }

  reopen(): void {
    if (this.#closed || !this.hasFailed) return;
    this.forgetFailure();
    this.#open();
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }

  #open(): void {
    const listener: WireListener = {
      opened: () => {
        if (this.#listener !== listener || this.#isOpen) return;
        clearTimeout(this.#openTimer);
        this.#isOpen = true;
        for (const text of this.#queue.splice(0)) this.#wire?.send(text);
      },
      heard: (text) => {
        if (this.#listener === listener) this.#hear(text);
      },
      failed: (detail) => {
        if (this.#listener === listener) this.#fail(detail);
      },
    };
    this.#listener = listener;
    this.#openTimer = setTimeout(() => listener.failed(`nothing answered within ${this.#openTimeoutMs} ms`), this.#openTimeoutMs);
    try {
      this.#wire = this.#openWire(listener);
    } catch (caught) {
      this.#release();
      throw caught;
    }
  }

  #hear(text: unknown): void {
    if (typeof text !== 'string' || text.length > MAX_MESSAGE_BYTES) return;
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return; // Whoever carries messages is not trusted to carry JSON.
    }
    this.onmessage?.(message);
  }

  #fail(detail: string): void {
    this.#release();
    this.tellFailure(new MillraceError('signaling-failed', detail));
  }

  #release(): void {
    clearTimeout(this.#openTimer);
    this.#listener = undefined;
    this.#isOpen = false;
    this.#queue = [];
    this.#wire?.close();
    this.#wire = undefined;
  }
}

function toText(message: object): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(message);
  } catch (caught) {
    throw MillraceError.from(caught, 'invalid-argument');
  }
  if (text === undefined) throw new MillraceError('invalid-argument', 'a signalling message must be an object that JSON can represent');
  if (new TextEncoder().encode(text).length > MAX_MESSAGE_BYTES) {
    throw new MillraceError('too-large', `a signalling message may have at most ${MAX_MESSAGE_BYTES} bytes`);
  }
  return text;
}
