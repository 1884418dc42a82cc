import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { TokenBucket } from '../base/token_bucket.js';
import { watchWakeEvents } from '../base/wake_events.js';
import { isLeft } from '../signaling/envelope.js';
import type { WebSocketSignaling } from '../signaling/websocket.js';
import type { MemberName } from './member_name.js';
import type { PairChannel } from './member_sessions.js';
import { parseRoomMessage, toRoomMessage, type Address, type RoomMessage } from './room_messages.js';

/** The pause before the signalling is tried again, ms; it doubles with each attempt that fails. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;
/** Messages that may go out at once, and then each second: less than the server's limits, which expel a member. */
const BURST = 120;
const PER_SECOND = 40;
const FLUSH_INTERVAL_MS = 50;
/** Messages that wait for their turn. More are lost, as a signalling may lose messages. */
const MAX_QUEUED = 2_000;

export interface RoomChannelListener {
  onmessage(message: RoomMessage): void;
  /** The server says that somebody's way to the room ended, but not whose. `raw`: its message. */
  onleft(raw: unknown): void;
  /** The signalling works, or works again: what was said before may be lost. */
  onopen(): void;
  /** The signalling failed. */
  ondown(failure: SignalingFailure): void;
}

export interface SignalingFailure {
  readonly error: MillraceError;
  /** It cannot be tried again. Otherwise it is, until `onopen`. */
  readonly final: boolean;
  /** The reason of the server, one of `closeCodes`; undefined where no server gave one. */
  readonly closeCode: number | undefined;
}

/** The room's signalling as one member sees it: opened, kept open, and closed in the end. */
export class RoomChannel implements PairChannel {
  readonly #self: Address;
  readonly #open: () => Signaling;
  readonly #listener: RoomChannelListener;
  #signaling: Signaling | undefined;
  #isDown = false;
  #pauseMs = FIRST_PAUSE_MS;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #queue: RoomMessage[] = [];
  readonly #allowance = new TokenBucket(BURST, PER_SECOND, performance.now());
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  readonly #unwatch: () => void;

  /** `open`: makes the signalling. Errors: throws as `open` does. */
  constructor(self: Address, open: () => Signaling, listener: RoomChannelListener) {
    this.#self = self;
    this.#open = open;
    this.#listener = listener;
    this.#attach(open());
    this.#unwatch = watchWakeEvents(() => this.reopen());
  }

  /** Messages wait for their turn. */
  get isBusy(): boolean {
    return this.#queue.length > 0;
  }

  /** Says something to the room. What the signalling refuses is lost. */
  say(message: RoomMessage): void {
    try {
      this.#send(message);
    } catch {
      // As above.
    }
  }

  /** Says something to one member that sets up the session with it. Errors: throws as the signalling does. */
  sayTo({ id }: MemberName, body: object): void {
    this.#send({ kind: 'pair', from: this.#self, to: id, body });
  }

  reopen(): void {
    if (this.#isDown) this.#retry();
    else this.#signaling?.reopen?.();
  }

  /** Sends what waits, and closes the signalling. */
  close(): void {
    if (this.#closed) return;
    for (const message of this.#queue.splice(0)) this.#sendQueued(message);
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    this.#unwatch();
    this.#release();
  }

  #attach(signaling: Signaling): void {
    this.#signaling = signaling;
    this.#isDown = false;
    signaling.onmessage = (raw: unknown) => this.#hear(raw);
    // It may be open already. If it is not, messages wait in it, or are lost and said again when it is.
    queueMicrotask(() => {
      if (!this.#isDown) this.#opened();
    });
    if (tellsWhenOpen(signaling)) signaling.onopen = () => this.#opened();
    // Last: a failure that came before is told at once.
    signaling.onerror = (error: unknown) => this.#fail(MillraceError.from(error, 'signaling-failed'));
  }

  #opened(): void {
    if (this.#closed) return;
    this.#isDown = false;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#listener.onopen();
  }

  #hear(raw: unknown): void {
    if (this.#closed) return;
    const message = parseRoomMessage(raw);
    if (!message) {
      if (isLeft(raw)) this.#listener.onleft(raw);
    } else if (message.from !== this.#self && (!('to' in message) || message.to === this.#self)) {
      this.#listener.onmessage(message);
    }
  }

  #fail(error: MillraceError, final = false): void {
    if (this.#closed) return;
    this.#isDown = true;
    this.#queue.length = 0;
    clearTimeout(this.#retryTimer);
    if (!final) {
      this.#retryTimer = setTimeout(() => this.#retry(), this.#pauseMs * (0.5 + Math.random()));
      this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    }
    this.#listener.ondown({ error, final, closeCode: closeCodeOf(this.#signaling) });
  }

  #retry(): void {
    if (this.#closed || !this.#isDown) return;
    clearTimeout(this.#retryTimer);
    const signaling = this.#signaling;
    if (signaling?.reopen) {
      signaling.reopen();
      if (!tellsWhenOpen(signaling)) this.#opened();
      return;
    }
    this.#release();
    let next: Signaling;
    try {
      next = this.#open();
    } catch (caught) {
      const error = MillraceError.from(caught, 'signaling-failed');
      // Where a signalling was passed instead of a function, there is none to try.
      this.#fail(error, error.code === 'signaling-failed' || error.code === 'invalid-argument');
      return;
    }
    this.#attach(next);
  }

  #release(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    const signaling = this.#signaling;
    if (!signaling) return;
    this.#signaling = undefined;
    signaling.onmessage = null;
    signaling.onerror = null;
    signaling.onopen = null;
    signaling.close?.();
  }

  #send(message: RoomMessage): void {
    if (this.#closed || this.#isDown) return;
    if (this.#queue.length > 0 || !this.#mayPass()) {
      if (this.#queue.length < MAX_QUEUED) this.#queue.push(message);
      this.#flushTimer ??= setTimeout(() => this.#flush(), FLUSH_INTERVAL_MS);
      return;
    }
    this.#signaling?.send(toRoomMessage(message));
  }

  #flush(): void {
    this.#flushTimer = undefined;
    while (this.#queue.length > 0 && this.#mayPass()) this.#sendQueued(this.#queue.shift()!);
    if (this.#queue.length > 0) this.#flushTimer = setTimeout(() => this.#flush(), FLUSH_INTERVAL_MS);
  }

  #sendQueued(message: RoomMessage): void {
    try {
      this.#signaling?.send(toRoomMessage(message));
    } catch {
      // It is lost; a session that misses it is tried again.
    }
  }

  #mayPass(): boolean {
    return this.#allowance.take(performance.now());
  }
}

function closeCodeOf(signaling: Signaling | undefined): number | undefined {
  const { closeCode } = (signaling ?? {}) as Partial<WebSocketSignaling>;
  return typeof closeCode === 'number' ? closeCode : undefined;
}

/** A signalling of an application may have no such property; it counts as open. */
function tellsWhenOpen(signaling: Signaling): boolean {
  return signaling.onopen !== undefined;
}
