import { MillraceError } from '../api/errors.js';
import type { ConnectOptions } from '../api/options.js';
import type { Offer } from '../api/types.js';
import type { AppSession } from '../session/app_channel.js';
import { AgentSession } from './agent_session.js';
import type { MeetingRoom } from './meeting_room.js';
import type { AgentName } from './room_messages.js';

export interface AgentSessionsOptions {
  readonly room: MeetingRoom;
  /** For each session. */
  readonly connect: Omit<ConnectOptions, 'signaling' | 'signal'>;
  /** The session with an agent works; or does not, for a while or for ever. */
  readonly onup: (agent: string, up: boolean) => void;
  readonly onbatch: (agent: string, batch: Uint8Array) => void;
  readonly onbuffered: (agent: string, bytes: number) => void;
  /** An attempt to connect to an agent failed. `final`: no other one follows while it stays in the room. */
  readonly onfailed: (agent: string, error: MillraceError, final: boolean) => void;
}

/** The sessions of one agent: with each neighbour, and with others while files go to or from them. */
export class AgentSessions {
  readonly #options: AgentSessionsOptions;
  readonly #sessions = new Map<string, AgentSession>();
  readonly #releases = new Set<Promise<void>>();
  #onincoming: ((agent: string, offer: Offer) => void) | null = null;
  #end: MillraceError | undefined;

  constructor(options: AgentSessionsOptions) {
    this.#options = options;
  }

  /** Agents with a session that works. */
  get up(): string[] {
    return [...this.#sessions.values()].filter(({ up }) => up).map(({ name }) => name.id);
  }

  /** Takes the offers of all agents. While it is null, offers wait. */
  set onincoming(listener: ((agent: string, offer: Offer) => void) | null) {
    this.#onincoming = listener;
    for (const session of this.#sessions.values()) this.#listenForOffers(session);
  }

  /** The rate that each session's path is known to carry, bytes per second. */
  rates(): number[] {
    return [...this.#sessions.values()].flatMap(({ session }) => session?.stats().bottleneckRate ?? []);
  }

  /** The plan makes the agent a neighbour. */
  want(name: AgentName): void {
    this.#of(name)?.want();
  }

  /** The plan has no use for the session any more. While files go over it, it stays. */
  release(id: string): void {
    this.#sessions.get(id)?.release();
  }

  /** The agent left the room. */
  left(id: string): void {
    const session = this.#sessions.get(id);
    if (session) this.#remove(session, new MillraceError('connection-lost', `${id} left`));
  }

  /** A message of another agent that sets up a session. `known`: that agent is in the room. */
  hear(from: AgentName, body: object, known: boolean): void {
    const present = this.#sessions.get(from.id);
    // An agent that the plan does not know yet, or not any more, is not heard.
    if (present ? present.name.incarnation !== from.incarnation : !known) return;
    this.#of(from)?.hear(body);
  }

  /** Somebody's way to the room ended; nobody says whose. */
  hearLeft(message: unknown): void {
    for (const session of this.#sessions.values()) session.hearLeft(message);
  }

  /** Sends messages to a neighbour. */
  send(id: string, batch: Uint8Array): void {
    this.#sessions.get(id)?.send(batch);
  }

  /** The session with an agent, made if there is none. Errors: as `AgentSession.get`. */
  async get(name: AgentName): Promise<AppSession> {
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
  #of(name: AgentName): AgentSession | undefined {
    const present = this.#sessions.get(name.id);
    if (present?.name.incarnation === name.incarnation || this.#end) return present;
    // Another agent under the same id.
    if (present) this.left(name.id);
    const { room, connect, onup, onbatch, onbuffered, onfailed } = this.#options;
    const { id } = name;
    const session = new AgentSession(name, {
      connect,
      say: (body) => room.sayTo(name, body),
      reopenRoom: () => room.reopen(),
      onup: (up) => onup(id, up),
      onbatch: (batch) => onbatch(id, batch),
      onbuffered: (bytes) => onbuffered(id, bytes),
      onfailed: (error, final) => onfailed(id, error, final),
    });
    this.#listenForOffers(session);
    this.#sessions.set(id, session);
    return session;
  }

  #listenForOffers(session: AgentSession): void {
    const listener = this.#onincoming;
    session.onincoming = listener && ((offer) => listener(session.name.id, offer));
  }

  #remove(session: AgentSession, error: MillraceError): void {
    this.#sessions.delete(session.name.id);
    const released = session.close(error);
    this.#releases.add(released);
    void released.finally(() => this.#releases.delete(released));
  }
}
