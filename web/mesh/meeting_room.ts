import type { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { deferred } from '../base/deferred.js';
import { watchWakeEvents } from '../base/wake_events.js';
import type { MemberName } from '../room/member_name.js';
import { isLeft } from '../signaling/envelope.js';
import type { RoomMessage } from '../wasm/mesh.js';
import { parseRoomText, toRoomText, type RoomText } from './room_messages.js';

/** Longest time in which a second agent under the same id is told that the id is taken, ms; nobody is there after that. */
const JOIN_MS = 1_000;
/** The same, counted from the first message of anybody, ms: enough for one more message through the room. */
const JOIN_AFTER_FIRST_MESSAGE_MS = 250;
/** While the way to the room is broken, it is tried again at this interval, ms. */
const REOPEN_INTERVAL_MS = 3_000;

export interface MeetingRoomListener {
  /** A message of some agent to the room. */
  onroom(message: RoomMessage): void;
  /** A message to this agent that sets up a connection. */
  onpair(from: MemberName, body: object): void;
  /** The server says that somebody's way to the room ended, but not whose. `raw`: its message. */
  onleft(raw: unknown): void;
  /** The way to the room is tried again, or was replaced: messages of the last moments may be lost. */
  onreopened(): void;
}

/** The room as one agent sees it: its messages over the signalling, which it owns, until `close`. */
export class MeetingRoom {
  /** Resolves when an agent with the same id would have objected; rejects when the mesh ends before. */
  readonly joined: Promise<void>;
  readonly #joined = deferred<void>();
  readonly #self: MemberName;
  readonly #signaling: Signaling;
  readonly #listener: MeetingRoomListener;
  #joinTimer: ReturnType<typeof setTimeout>;
  #heardAnything = false;
  #reopenTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #unwatch: () => void;

  constructor(self: MemberName, signaling: Signaling, listener: MeetingRoomListener) {
    this.#self = self;
    this.#signaling = signaling;
    this.#listener = listener;
    this.joined = this.#joined.promise;
    this.joined.catch(() => {});
    this.#joinTimer = setTimeout(this.#joined.resolve, JOIN_MS);
    signaling.onmessage = (raw: unknown) => this.#hear(raw);
    signaling.onerror = () => this.#reopenSoon();
    signaling.onopen = (again) => {
      if (again) listener.onreopened();
    };
    this.#unwatch = watchWakeEvents(() => this.reopen());
  }

  /** Says something to all. What the signalling refuses is lost: it is said again once the way to the room is back. */
  say(message: RoomMessage): void {
    try {
      this.#signaling.send(toRoomText({ kind: 'room', message }));
    } catch {
      // As above.
    }
  }

  /** Says something to one agent that sets up the connection with it. Errors: throws as the signalling does. */
  sayTo(to: MemberName, body: object): void {
    const text: RoomText = { kind: 'pair', from: this.#self, to, body };
    this.#signaling.send(toRoomText(text));
  }

  /** The way to the room is needed: where it is broken, it is tried again. */
  reopen(): void {
    this.#signaling.reopen?.();
  }

  /** Stops listening; the way to the room stays open for goodbyes until `close`. `error`: why the mesh ends. */
  stop(error: MillraceError): void {
    this.#joined.reject(error);
    clearTimeout(this.#joinTimer);
    clearTimeout(this.#reopenTimer);
    this.#unwatch();
    this.#signaling.onmessage = null;
    this.#signaling.onerror = null;
    this.#signaling.onopen = null;
  }

  close(): void {
    this.#signaling.close?.();
  }

  #hear(raw: unknown): void {
    const text = parseRoomText(raw);
    if (!text) {
      if (isLeft(raw)) this.#listener.onleft(raw);
      return;
    }
    if (text.kind === 'pair') {
      const { from, to, body } = text;
      if (to.id === this.#self.id && to.incarnation === this.#self.incarnation) this.#listener.onpair(from, body);
      return;
    }
    if (!this.#heardAnything) {
      this.#heardAnything = true;
      clearTimeout(this.#joinTimer);
      this.#joinTimer = setTimeout(this.#joined.resolve, JOIN_AFTER_FIRST_MESSAGE_MS);
    }
    this.#listener.onroom(text.message);
  }

  #reopenSoon(): void {
    this.#reopenTimer ??= setTimeout(() => {
      this.#reopenTimer = undefined;
      this.#signaling.reopen?.();
      // One that opens again without telling.
      this.#listener.onreopened();
    }, REOPEN_INTERVAL_MS);
  }
}
