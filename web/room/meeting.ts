import type { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { randomHex } from '../base/ids.js';
import type { AppSession } from '../session/app_channel.js';
import type { MemberName } from './member_name.js';
import { MemberSessions } from './member_sessions.js';
import type { RoomConnectOptions } from './options.js';
import { RoomChannel, type SignalingFailure } from './room_channel.js';
import type { Address, RoomMessage } from './room_messages.js';

export interface MeetingOptions {
  /** Makes the signalling. */
  readonly open: () => Signaling;
  readonly key: string;
  readonly connect: RoomConnectOptions;
  readonly maxPeers: number;
  /** There is no place for another member. */
  readonly isFull: () => boolean;
  /** A session with a member is up; nobody knows yet who it is. */
  readonly onsession: (address: Address, session: AppSession) => void;
  /** No attempt with a member succeeds. Called once for each member and reason. */
  readonly onfailed: (error: MillraceError) => void;
  /** The signalling failed. */
  readonly ondown: (failure: SignalingFailure) => void;
  /** `isDown`, `isTrying` or `isTurnedAway` may have changed. */
  readonly onchange: () => void;
}

interface Member {
  /** Both parts of its name. */
  readonly address: Address;
  readonly since: number;
  /** A session with it is up, or was. */
  met: boolean;
  /** It has no place left: nothing is tried until it speaks to this member. */
  hasNoPlace: boolean;
  /** It has another key, or broke the rules. */
  refused: boolean;
  /** It said goodbye over the signalling. */
  leaves: boolean;
  /** When it last said something that sets up a session, ms. */
  heardAt: number;
  /** Attempts since then that it did not answer. */
  silences: number;
  /** Reasons of failures that were reported. */
  readonly reported: Set<string>;
}

/** The greeting is repeated after these times, ms, because a signalling may lose messages; then at the last interval. */
const GREETINGS_MS = [1_000, 3_000, 20_000];
/** A member that does not answer so many attempts is gone. */
const MAX_SILENCES = 2;
/** Longer than an attempt waits for an answer, ms. */
const ANSWER_MS = 13_000;
/** Members without a session beyond the places of the room: each costs an attempt. */
const MAX_STRANGERS_TOO_MANY = 4;
/** A stranger that has said nothing after this time, ms, makes way for another one. Honest members answer each other at once. */
const MUTE_MS = 3_000;
/** The same for a stranger without a session. */
const STRANGER_MS = 45_000;

/**
 * The members of a room as the signalling tells of them, and a session with each. The signalling is not trusted: it can keep
 * members from finding each other, and nothing else. No message of it ends a session that works.
 */
export class Meeting {
  readonly #options: MeetingOptions;
  #self: Address = randomHex(8);
  readonly #channel: RoomChannel;
  readonly #sessions: MemberSessions;
  readonly #members = new Map<Address, Member>();
  #isDown = false;
  #greetings = 0;
  #greetTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** Errors: throws as `options.open` does. */
  constructor(options: MeetingOptions) {
    this.#options = options;
    const { connect, key } = options;
    this.#channel = new RoomChannel(this.#self, options.open, {
      onmessage: (message) => this.#hear(message),
      onleft: (raw) => this.#sessions.hearLeft(raw),
      onopen: () => this.#opened(),
      ondown: (failure) => this.#down(failure),
    });
    this.#sessions = new MemberSessions({
      room: this.#channel,
      connect: { ...connect, secret: key, secretKind: 'key' },
      onup: () => options.onchange(),
      onsession: (address, session) => this.#met(address, session),
      onfailed: (address, error, final) => this.#failed(address, error, final),
    });
  }

  /** The signalling cannot be reached. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** Somebody is there, and a session with it may come up. */
  get isTrying(): boolean {
    return [...this.#members.values()].some(({ hasNoPlace, refused }) => !hasNoPlace && !refused);
  }

  /** Somebody is there, and nobody has a place for this member. */
  get isTurnedAway(): boolean {
    return !this.isTrying && [...this.#members.values()].some(({ hasNoPlace }) => hasNoPlace);
  }

  /** Tells all members that this one is here, and that it has a place for them. */
  greet(): void {
    clearTimeout(this.#greetTimer);
    if (this.#closed || this.#isDown) return;
    if (!this.#options.isFull()) this.#channel.say({ kind: 'here', from: this.#self, asks: true });
    const pause = GREETINGS_MS[Math.min(this.#greetings, GREETINGS_MS.length - 1)]!;
    this.#greetings += 1;
    this.#greetTimer = setTimeout(() => this.greet(), pause);
  }

  /** Ends the session with a member, and forgets the member until it speaks again. */
  forget(address: Address): void {
    if (!this.#members.delete(address)) return;
    this.#sessions.left(address);
    this.#options.onchange();
  }

  /** Ends the session with a member that breaks the rules, and does not hear it any more. */
  refuse(address: Address): void {
    this.#sessions.left(address);
    const member = this.#members.get(address);
    if (member) member.refused = true;
    this.#options.onchange();
  }

  /** Ends the session with a member that has no place for this one. */
  turnedAwayBy(address: Address): void {
    this.#sessions.left(address);
    const member = this.#members.get(address);
    if (member) member.hasNoPlace = true;
    this.#options.onchange();
  }

  /** Begins anew: all sessions end, and are made again. */
  startOver(): void {
    for (const address of [...this.#members.keys()]) this.forget(address);
    this.#greetings = 0;
    this.greet();
  }

  /** Says goodbye. Resolves when everything is released. `error`: for attempts under way. */
  async close(error: MillraceError): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#greetTimer);
    this.#channel.say({ kind: 'bye', from: this.#self });
    const released = this.#sessions.close(error);
    // Attempts say goodbye as well, so the signalling closes after they have ended.
    this.#channel.close();
    await released;
    this.#members.clear();
  }

  #opened(): void {
    this.#isDown = false;
    this.#greetings = 0;
    this.greet();
    this.#options.onchange();
  }

  #down(failure: SignalingFailure): void {
    this.#isDown = true;
    this.#options.ondown(failure);
    this.#options.onchange();
  }

  #hear(message: RoomMessage): void {
    if (this.#closed) return;
    const { from } = message;
    const member = this.#members.get(from);
    switch (message.kind) {
      case 'here':
        if (!member && this.#options.isFull()) {
          if (!this.#channel.isBusy) this.#channel.say({ kind: 'full', from: this.#self, to: from });
          return;
        }
        // One that is not remembered asks again.
        if (!this.#know(from)) return;
        if (message.asks) this.#channel.say({ kind: 'here', from: this.#self, to: from, asks: false });
        this.#meet(from, member === undefined, message.to !== undefined);
        break;
      case 'full':
        if (!member?.met) {
          this.#know(from);
          this.turnedAwayBy(from);
        }
        break;
      case 'bye':
        if (member && this.#sessions.working(from)) member.leaves = true;
        else this.forget(from);
        break;
      case 'pair':
        this.#hearPair(from, message.body);
        break;
    }
  }

  #hearPair(from: Address, body: object): void {
    const member = this.#members.get(from);
    if (!member && this.#options.isFull()) return;
    const known = member ?? this.#know(from);
    if (!known || known.refused) return;
    known.heardAt = performance.now();
    known.silences = 0;
    if (known.hasNoPlace) {
      known.hasNoPlace = false;
      this.#sessions.want(nameOf(from));
      this.#options.onchange();
    }
    this.#sessions.hear(nameOf(from), body, true);
    if (!member) this.#sessions.want(nameOf(from));
  }

  /** A member is there. `speaksToThis`: it knows of this one, and has a place. */
  #meet(address: Address, isNew: boolean, speaksToThis: boolean): void {
    const member = this.#members.get(address)!;
    if (member.refused || !(isNew || (member.hasNoPlace && speaksToThis))) return;
    member.hasNoPlace = false;
    this.#sessions.want(nameOf(address));
    this.#options.onchange();
  }

  /** Remembers a member. Undefined if too many are known that have no session. */
  #know(address: Address): Member | undefined {
    const present = this.#members.get(address);
    if (present) return present;
    const strangers = [...this.#members.values()].filter(({ met }) => !met);
    if (strangers.length >= this.#options.maxPeers + MAX_STRANGERS_TOO_MANY) {
      const now = performance.now();
      const least = strangers.find(
        ({ refused, hasNoPlace, since, heardAt }) => refused || hasNoPlace || now - since > (heardAt < since ? MUTE_MS : STRANGER_MS),
      );
      if (!least) return undefined;
      this.forget(least.address);
    }
    const member: Member = {
      address,
      since: performance.now(),
      met: false,
      hasNoPlace: false,
      refused: false,
      leaves: false,
      heardAt: -Infinity,
      silences: 0,
      reported: new Set(),
    };
    this.#members.set(address, member);
    return member;
  }

  #met(address: Address, session: AppSession): void {
    const member = this.#members.get(address);
    if (!member) return;
    member.met = true;
    member.reported.clear();
    session.addEventListener('statechange', () => {
      if (session.state !== 'closed' || this.#members.get(address) !== member) return;
      member.met = false;
      // It left. After any other end it is tried again.
      if (member.leaves || (session.ending?.code === 'closed' && session.ending.byPeer)) this.forget(address);
    });
    this.#options.onsession(address, session);
  }

  #failed(address: Address, error: MillraceError, final: boolean): void {
    const member = this.#members.get(address);
    if (!member || this.#closed) return;
    const isSilent = performance.now() - member.heardAt > ANSWER_MS;
    if (final) {
      member.refused = true;
      this.#options.onfailed(error);
    } else if (isSilent) {
      member.silences += 1;
      if (member.silences >= MAX_SILENCES) this.forget(address);
    } else if (!isPassing(error) && !member.reported.has(error.code)) {
      member.reported.add(error.code);
      this.#options.onfailed(error);
    }
    this.#options.onchange();
  }
}

/** The other side came and left, or changed its mind: the next attempt tells more. */
function isPassing({ code }: MillraceError): boolean {
  return code === 'connection-lost' || code === 'closed' || code === 'aborted' || code === 'signaling-failed';
}

function nameOf(address: Address): MemberName {
  return { id: address, incarnation: address };
}
