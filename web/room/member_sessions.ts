import { MillraceError } from '../api/errors.js';
import type { ConnectOptions } from '../api/options.js';
import type { Offer } from '../api/types.js';
import type { AppSession } from '../session/app_channel.js';
import type { MemberName } from './member_name.js';
import { MemberSession } from './member_session.js';
import { SharedLimit } from './shared_limit.js';

/** The room's signalling. */
export interface PairChannel {
  /** Carries a message to one member. Errors: throws as the signalling does. */
  sayTo(to: MemberName, body: object): void;
  /** The signalling is needed: where it is broken, it is tried again. */
  reopen(): void;
}

export interface MemberSessionsOptions {
  readonly room: PairChannel;
  /** For each session. `bandwidthLimit` is one for all of them. */
  readonly connect: Omit<ConnectOptions, 'signaling' | 'signal'>;
  /** The session with a member works; or does not, for a while or for ever. */
  readonly onup: (member: string, up: boolean) => void;
  /** A new session with a member is about to be up: takes its messages from the first one on. */
  readonly onsession: (member: string, session: AppSession) => void;
  /** An attempt to connect to a member failed. `final`: no other one follows while it stays in the room. */
  readonly onfailed: (member: string, error: MillraceError, final: boolean) => void;
}

/** The sessions of one member: with each neighbour, and with others while files go to or from them. */
export class MemberSessions {
  readonly #options: MemberSessionsOptions;
  readonly #limit: SharedLimit | undefined;
  readonly #sessions = new Map<string, MemberSession>();
  readonly #releases = new Set<Promise<void>>();
  #onincoming: ((member: string, offer: Offer) => void) | null = null;
  #end: MillraceError | undefined;

  constructor(options: MemberSessionsOptions) {
    this.#options = options;
    const { bandwidthLimit = 0 } = options.connect;
    if (bandwidthLimit > 0) this.#limit = new SharedLimit(bandwidthLimit);
  }

  /** Members with a session that works. */
  get up(): string[] {
    return [...this.#sessions.values()].filter(({ up }) => up).map(({ name }) => name.id);
  }

  /** Takes the offers of all members. While it is null, offers wait. */
  set onincoming(listener: ((member: string, offer: Offer) => void) | null) {
    this.#onincoming = listener;
    for (const session of this.#sessions.values()) this.#listenForOffers(session);
  }

  /** The rate that each session's path is known to carry, bytes per second. */
  rates(): number[] {
    return [...this.#sessions.values()].flatMap(({ session }) => session?.stats().bottleneckRate ?? []);
  }

  /** The plan makes the member a neighbour. */
  want(name: MemberName): void {
    this.#of(name)?.want();
  }

  /** The plan has no use for the session any more. While files go over it, it stays. */
  release(id: string): void {
    this.#sessions.get(id)?.release();
  }

  /** The member left the room. */
  left(id: string): void {
    const session = this.#sessions.get(id);
    if (session) this.#remove(session, new MillraceError('connection-lost', `${id} left`));
  }

  /** A message of another member that sets up a session. `known`: that member is in the room. */
  hear(from: MemberName, body: object, known: boolean): void {
    const present = this.#sessions.get(from.id);
    // A member that the plan does not know yet, or not any more, is not heard.
    if (present ? present.name.incarnation !== from.incarnation : !known) return;
    this.#of(from)?.hear(body);
  }

  /** Somebody's way to the room ended; nobody says whose. */
  hearLeft(message: unknown): void {
    for (const session of this.#sessions.values()) session.hearLeft(message);
  }

  /** The session with a member while it works. */
  working(id: string): AppSession | undefined {
    const session = this.#sessions.get(id);
    return session?.up ? session.session : undefined;
  }

  /** The session with a member, made if there is none. Errors: as `MemberSession.get`. */
  async get(name: MemberName): Promise<AppSession> {
    const session = this.#of(name);
    if (!session) throw this.#end!;
    return session.get();
  }

  /** Ends all sessions: callers that wait fail with `error`. Resolves when everything is released. */
  async close(error: MillraceError): Promise<void> {
    this.#end ??= error;
    for (const session of [...this.#sessions.values()]) this.#remove(session, error);
    await Promise.all(this.#releases);
  }

  /** Undefined once closed. */
  #of(name: MemberName): MemberSession | undefined {
    const present = this.#sessions.get(name.id);
    if (present?.name.incarnation === name.incarnation || this.#end) return present;
    // Another member under the same id.
    if (present) this.left(name.id);
    const { room, connect, onup, onsession, onfailed } = this.#options;
    const { id } = name;
    const session = new MemberSession(name, {
      connect,
      say: (body) => room.sayTo(name, body),
      reopenRoom: () => room.reopen(),
      onup: (up) => onup(id, up),
      onsession: (session) => {
        this.#limit?.add(session);
        onsession(id, session);
      },
      onfailed: (error, final) => onfailed(id, error, final),
    });
    this.#listenForOffers(session);
    this.#sessions.set(id, session);
    return session;
  }

  #listenForOffers(session: MemberSession): void {
    const listener = this.#onincoming;
    session.onincoming = listener && ((offer) => listener(session.name.id, offer));
  }

  #remove(session: MemberSession, error: MillraceError): void {
    this.#sessions.delete(session.name.id);
    const released = session.close(error);
    this.#releases.add(released);
    void released.finally(() => this.#releases.delete(released));
  }
}
