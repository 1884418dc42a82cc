import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import type { RoomState } from '../api/room_types.js';
import { deferred } from '../base/deferred.js';
import type { AppSession } from '../session/app_channel.js';
import { closeCodes } from '../signaling/close_codes.js';
import { Admission } from './admission.js';
import { claimIdentity, releaseIdentity, type Identity } from './identity.js';
import type { Candidate, Outcome } from './introduction.js';
import type { Invite } from './invite.js';
import { Meeting } from './meeting.js';
import type { RoomSettings } from './options.js';
import type { SignalingFailure } from './room_channel.js';
import type { Address } from './room_messages.js';

/** A room that is full for this time, ms, is reported: the page that was in this place may have been this one, a moment ago. */
const FULL_MS = 6_000;

export interface MembersOptions {
  readonly settings: RoomSettings;
  /** A member came, or came back: it is in `peers`. */
  readonly onpeer: (session: AppSession) => void;
  /** A member is gone: it is not in `peers` any more. */
  readonly onleave: (session: AppSession) => void;
  /** `state` may have changed. */
  readonly onchange: () => void;
  /** Something that cannot be repaired. */
  readonly onerror: (error: MillraceError) => void;
}

/** The other members of a room: who is there, who becomes a peer, and who left. */
export class Members {
  readonly #peers = new Map<string, AppSession>();
  readonly #addresses = new Map<AppSession, Address>();
  readonly #options: MembersOptions;
  readonly #admission: Admission;
  #room: string | undefined;
  #identity: Identity | undefined;
  #meeting: Meeting | undefined;
  #fullTimer: ReturnType<typeof setTimeout> | undefined;
  #placeFree = deferred<void>();
  #closed = false;

  constructor(options: MembersOptions) {
    this.#options = options;
    this.#admission = this.#makeAdmission(options.settings);
  }

  /** By id. */
  get peers(): ReadonlyMap<string, AppSession> {
    return this.#peers;
  }

  /** The id of this member; empty until it is known. */
  get id(): string {
    return this.#identity?.id ?? '';
  }

  /** What the members say about the room's state; undefined before `enter`. */
  get state(): Exclude<RoomState, 'closed'> | undefined {
    if (!this.#meeting) return undefined;
    const states = [...this.#peers.values()].map(({ state }) => state);
    if (states.includes('connected')) return 'connected';
    if (states.length > 0) return 'connecting';
    if (this.#meeting.isDown) return 'offline';
    return this.#meeting.isTrying ? 'connecting' : 'waiting';
  }

  /**
   * Enters the room of `invite`. `open`: makes the signalling.
   * Errors: rejects as `claimIdentity` and `open` do, and with the reason of `signal`.
   */
  async enter({ room, key }: Invite, open: () => Signaling, signal: AbortSignal): Promise<void> {
    this.#identity = await claimIdentity(room);
    if (signal.aborted) releaseIdentity(this.#identity);
    signal.throwIfAborted();
    this.#room = room;
    const { connect, maxPeers } = this.#options.settings;
    this.#meeting = new Meeting({
      open,
      key,
      connect,
      maxPeers,
      isFull: () => this.#admission.isFull,
      onsession: (address, session) => void this.#admission.introduce(address, session),
      onfailed: (error) => this.#options.onerror(error),
      ondown: (failure) => this.#down(failure),
      onchange: () => this.#update(),
    });
    this.#update();
  }

  /** Resolves when there is a place for another member. */
  async untilPlace(): Promise<void> {
    while (this.#admission.places <= 0) await this.#placeFree.promise;
  }

  /** Leaves the room. Resolves when everything is released. `error`: for attempts under way. */
  async close(error: MillraceError): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#fullTimer);
    if (this.#identity) releaseIdentity(this.#identity);
    // Each session that ends takes its peer with it.
    await this.#meeting?.close(error);
  }

  #makeAdmission({ about, maxPeers }: RoomSettings): Admission {
    return new Admission({
      about,
      maxPeers,
      identity: () => this.#identity!,
      peers: this.#peers,
      onadmitted: (address, session, candidate) => this.#admit(address, session, candidate),
      onturnedaway: (address, outcome) => void this.#turnAway(address, outcome),
      onfailed: (address, error) => {
        const isHostile = error.code === 'protocol-violation' || error.code === 'authentication-failed';
        if (isHostile) this.#meeting?.refuse(address);
        else this.#meeting?.forget(address);
        this.#options.onerror(error);
      },
      onghost: (session) => {
        this.#meeting?.forget(this.#addresses.get(session)!);
        void session.close();
      },
    });
  }

  #admit(address: Address, session: AppSession, { id, name, data }: Candidate): void {
    if (this.#closed) return;
    session.introduce({ id, name, data });
    this.#peers.set(id, session);
    this.#addresses.set(session, address);
    session.addEventListener('statechange', () => this.#update());
    this.#update();
    this.#options.onpeer(session);
  }

  async #turnAway(address: Address, { candidate, here, there }: Outcome): Promise<void> {
    if (here === 'welcome') {
      this.#meeting?.turnedAwayBy(address);
      return;
    }
    this.#meeting?.forget(address);
    // Two pages have the same identity, because a browser copied the tab: the later one draws another.
    if (here === 'self' && there === 'self' && candidate.rank < this.#identity!.rank) await this.#becomeAnother();
  }

  async #becomeAnother(): Promise<void> {
    if (this.#room === undefined || this.#closed) return;
    releaseIdentity(this.#identity!);
    this.#identity = await claimIdentity(this.#room, true);
    if (this.#closed) releaseIdentity(this.#identity);
    this.#meeting?.startOver();
  }

  #update(): void {
    for (const [id, session] of [...this.#peers]) {
      if (session.state !== 'closed') continue;
      const wasFull = this.#admission.places <= 0;
      this.#peers.delete(id);
      this.#addresses.delete(session);
      this.#options.onleave(session);
      if (wasFull) this.#placeIsFree();
    }
    this.#options.onchange();
    this.#watchTurnedAway();
  }

  #placeIsFree(): void {
    if (this.#closed) return;
    this.#placeFree.resolve();
    this.#placeFree = deferred();
    // Members that were turned away come when they hear this.
    this.#meeting?.greet();
  }

  /** Nobody has a place for this member, as far as it knows: that is an error once it lasts. */
  #watchTurnedAway(): void {
    const isTurnedAway = (): boolean => !this.#closed && this.#peers.size === 0 && (this.#meeting?.isTurnedAway ?? false);
    if (!isTurnedAway() || this.#fullTimer !== undefined) return;
    this.#fullTimer = setTimeout(() => {
      this.#fullTimer = undefined;
      if (!isTurnedAway()) return;
      this.#options.onerror(new MillraceError('rejected', 'the room is full: nobody in it has a place for another member. It is tried again when somebody leaves'));
    }, FULL_MS);
  }

  #down({ error, final, closeCode }: SignalingFailure): void {
    if (final) {
      this.#options.onerror(error);
    } else if (closeCode === closeCodes.roomFull) {
      this.#options.onerror(new MillraceError('rejected', 'the room is full: the server lets nobody else in. It is tried again', { cause: error }));
    }
  }
}
