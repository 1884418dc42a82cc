import { describe, MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { byteLength } from '../base/bytes.js';
import { LateFailure } from './late_failure.js';
import { Liveness } from './liveness.js';

/** A connection that carries texts to the room. */
export interface Wire {
  send(text: string): void;
  /** `isDead`: nothing arrives any more, so no answer to a goodbye is awaited. */
  close(isDead: boolean): void;
  /** Asks the far end for an answer. False if the far end is not known to give one. Absent for a wire that cannot break silently. */
  probe?(): boolean;
}

/** The events of a wire. After `Wire.close` they are ignored. */
export interface WireListener {
  opened(): void;
  heard(text: unknown): void;
  /** The far end answered a probe. */
  answered(): void;
  failed(detail: string): void;
}

/** Longest message, bytes of JSON: the limit of the signalling server. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
/** Messages that wait for a wire; `connect` sends some dozen, and a mesh a few for each agent. */
const MAX_QUEUED = 256;

/**
 * A wire that is needed and has been opening for longer than this, ms, is given up for another one: it may have begun on a network
 * that is gone, and TCP would wait longer and longer before it tries again.
 */
const OPENING_PATIENCE_MS = 5_000;

/**
 * Signalling over a wire that has to open and may break: messages wait until it is open, a failure is reported once (also to a
 * listener that comes later), and `reopen` opens another wire. A wire that looks open and carries nothing is replaced without a
 * failure; messages wait while that is not certain.
 * Errors: `send` throws 'too-large' for a message over 64 KiB and 'invalid-argument' for one that is not JSON; every other
 * failure is a 'signaling-failed' for `onerror`.
 */
export class CarriedSignaling extends LateFailure implements Signaling {
  onmessage: Signaling['onmessage'] = null;
  onopen: NonNullable<Signaling['onopen']> | null = null;
  readonly #openWire: (listener: WireListener) => Wire;
  readonly #openTimeoutMs: number;
  #queue: string[] = [];
  #wire: Wire | undefined;
  /** The current wire's listener; earlier wires are ignored. */
  #listener: WireListener | undefined;
  /** Messages go out at once. False also while a probe is unanswered. */
  #isOpen = false;
  #openTimer: ReturnType<typeof setTimeout> | undefined;
  #openingAt = 0;
  #liveness: Liveness | undefined;
  #openedBefore = false;
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
    else if (this.#queue.length >= MAX_QUEUED) this.#fail('too many messages wait for the connection to the room');
    else this.#queue.push(text);
  }

  reopen(): void {
    if (this.#closed) return;
    if (this.hasFailed) {
      this.forgetFailure();
      this.#open();
    } else if (this.#isOpening) {
      if (performance.now() - this.#openingAt >= OPENING_PATIENCE_MS) this.#replace();
    } else {
      this.#liveness?.check();
    }
  }

  close(): void {
    this.#closed = true;
    // A goodbye does not wait for the answer to a probe.
    if (this.#liveness !== undefined) this.#flush();
    this.#release();
  }

  get #isOpening(): boolean {
    return !this.#isOpen && this.#liveness === undefined;
  }

  #open(): void {
    this.#openingAt = performance.now();
    const listener: WireListener = {
      opened: () => {
        if (this.#listener === listener && this.#isOpening) this.#opened();
      },
      heard: (text) => {
        if (this.#listener !== listener) return;
        this.#liveness?.heard();
        this.#hear(text);
      },
      answered: () => {
        if (this.#listener === listener) this.#liveness?.answered();
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

  #opened(): void {
    clearTimeout(this.#openTimer);
    const wire = this.#wire;
    if (wire?.probe) {
      this.#liveness = new Liveness({
        openingMs: performance.now() - this.#openingAt,
        probe: () => wire.probe?.() ?? false,
        ondoubt: () => (this.#isOpen = false),
        onalive: () => this.#flush(),
        ondead: () => this.#replace(),
      });
    }
    this.#flush();
    const again = this.#openedBefore;
    this.#openedBefore = true;
    this.onopen?.(again);
  }

  #flush(): void {
    this.#isOpen = true;
    for (const text of this.#queue.splice(0)) this.#wire?.send(text);
  }

  /** The messages that wait stay for the new wire. */
  #replace(): void {
    this.#letGo(true);
    try {
      this.#open();
    } catch (caught) {
      this.#fail(describe(caught));
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
    this.#queue = [];
    this.#letGo(false);
  }

  #letGo(isDead: boolean): void {
    clearTimeout(this.#openTimer);
    this.#liveness?.stop();
    this.#liveness = undefined;
    this.#listener = undefined;
    this.#isOpen = false;
    this.#wire?.close(isDead);
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
  if (byteLength(text) > MAX_MESSAGE_BYTES) {
    throw new MillraceError('too-large', `a signalling message may have at most ${MAX_MESSAGE_BYTES} bytes`);
  }
  return text;
}
