import { MillraceError } from '../api/errors.js';
import type { PeerConnectionClass } from '../api/options.js';
import type { Offer } from '../api/types.js';
import { deferred } from '../base/deferred.js';
import { connectAppSession, type AppSession } from '../session/app_channel.js';
import type { MeetingRoom } from './meeting_room.js';
import { PairSignaling } from './pair_signaling.js';
import type { AgentName } from './room_messages.js';

export interface AgentSessionsOptions {
  readonly room: MeetingRoom;
  readonly secret: string | undefined;
  readonly rtc: RTCConfiguration | undefined;
  readonly Connection: PeerConnectionClass | undefined;
  readonly worker: boolean;
  onup(agent: string): void;
  ondown(agent: string): void;
  onbatch(agent: string, batch: Uint8Array): void;
  onbuffered(agent: string, bytes: number): void;
  onincoming(agent: string, offer: Offer): void;
}

/** A session with one agent, from the first attempt to connect on. */
interface Entry {
  readonly name: AgentName;
  readonly signaling: PairSignaling;
  readonly ending: AbortController;
  session: AppSession | undefined;
  up: boolean;
}

/** Between one attempt and the next, ms, drawn between these, so that two sides do not miss each other again and again. */
const LEAST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 2_000;
/** Nobody answered: the other side may not have heard of this one yet. */
const ATTEMPT_MS = 12_000;
/** How long a caller waits for a connection that has to be made, ms. */
const WAIT_MS = 30_000;

/** The sessions of one agent: one with each neighbour, made again while the plan wants it, and others for files. */
export class AgentSessions {
  readonly #options: AgentSessionsOptions;
  readonly #entries = new Map<string, Entry>();
  /** Neighbours by the plan. */
  readonly #wanted = new Map<string, AgentName>();
  readonly #retries = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #waiting = new Map<string, { resolve(session: AppSession): void }[]>();
  readonly #releases = new Set<Promise<unknown>>();
  #closed = false;

  constructor(options: AgentSessionsOptions) {
    this.#options = options;
  }

  /** Agents with a session that works. */
  get up(): string[] {
    return [...this.#entries].filter(([, entry]) => entry.up).map(([id]) => id);
  }

  /** What each session's path is known to carry, bytes per second. */
  rates(): number[] {
    return [...this.#entries.values()].flatMap(({ session }) => session?.stats().bottleneckRate ?? []);
  }

  want(name: AgentName): void {
    this.#wanted.set(name.id, name);
    const present = this.#entries.get(name.id);
    // Another agent under the same id.
    if (present && present.name.incarnation !== name.incarnation) this.#end(present);
    this.#open(name);
  }

  /** The plan has no use for the session. While files go over it, it stays. */
  release(id: string): void {
    this.#forget(id);
    const entry = this.#entries.get(id);
    if (entry && !entry.session?.hasTransfers) this.#end(entry);
  }

  left(id: string): void {
    this.#forget(id);
    const entry = this.#entries.get(id);
    if (entry) this.#end(entry);
  }

  /** A message of another agent about the connection between the two. `known`: that agent is in the room. */
  hear(from: AgentName, body: object, known: boolean): void {
    let entry = this.#entries.get(from.id);
    if (entry && entry.name.incarnation !== from.incarnation) return;
    if (!entry && known) entry = this.#open(from);
    entry?.signaling.hear(body);
  }

  /** Somebody's way to the room ended; nobody says whose. */
  hearLeft(message: unknown): void {
    for (const entry of this.#entries.values()) entry.signaling.hear(message);
  }

  send(id: string, batch: Uint8Array): void {
    const entry = this.#entries.get(id);
    if (entry?.up) entry.session?.sendMessage(batch);
  }

  /** The session with an agent, made if there is none. Errors: rejects with 'timeout'. */
  async get(name: AgentName): Promise<AppSession> {
    const present = this.#entries.get(name.id);
    if (present?.session && present.up) return present.session;
    const arrived = deferred<AppSession>();
    const waiting = this.#waiting.get(name.id) ?? [];
    this.#waiting.set(name.id, [...waiting, arrived]);
    const timer = setTimeout(() => arrived.reject(new MillraceError('timeout', `no connection to ${name.id}`)), WAIT_MS);
    this.#open(name);
    try {
      return await arrived.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#retries.values()) clearTimeout(timer);
    for (const entry of [...this.#entries.values()]) this.#end(entry);
    await Promise.all(this.#releases);
  }

  #forget(id: string): void {
    this.#wanted.delete(id);
    clearTimeout(this.#retries.get(id));
    this.#retries.delete(id);
  }

  #open(name: AgentName): Entry | undefined {
    const present = this.#entries.get(name.id);
    if (present || this.#closed) return present;
    const { room, secret, rtc, Connection, worker } = this.#options;
    const signaling = new PairSignaling(
      (body) => room.sayTo(name, body),
      () => room.reopen(),
    );
    const entry: Entry = { name, signaling, ending: new AbortController(), session: undefined, up: false };
    this.#entries.set(name.id, entry);
    const attempt = setTimeout(() => entry.ending.abort(), ATTEMPT_MS);
    const connecting = connectAppSession({
      signaling,
      worker,
      signal: entry.ending.signal,
      ...(secret === undefined ? {} : { secret, secretKind: 'key' as const }),
      ...(rtc === undefined ? {} : { rtc }),
      ...(Connection === undefined ? {} : { RTCPeerConnection: Connection }),
    });
    connecting.then(
      (session) => this.#connected(entry, session),
      () => this.#lost(entry),
    ).finally(() => clearTimeout(attempt));
    return entry;
  }

  #connected(entry: Entry, session: AppSession): void {
    if (this.#entries.get(entry.name.id) !== entry) {
      this.#letGo(session);
      return;
    }
    const { id } = entry.name;
    entry.session = session;
    session.onappmessage = (message) => this.#options.onbatch(id, message);
    session.onbuffered = (bytes) => this.#options.onbuffered(id, bytes);
    session.onincoming = (offer) => this.#options.onincoming(id, offer);
    session.addEventListener('statechange', () => {
      if (this.#entries.get(id) !== entry) return;
      if (session.state === 'closed') this.#lost(entry);
      // While the session is repaired, messages may go another way.
      else this.#setUp(entry, session.state === 'connected');
    });
    this.#setUp(entry, true);
    for (const { resolve } of this.#waiting.get(id) ?? []) resolve(session);
    this.#waiting.delete(id);
  }

  #setUp(entry: Entry, up: boolean): void {
    if (entry.up === up) return;
    entry.up = up;
    if (up) this.#options.onup(entry.name.id);
    else this.#options.ondown(entry.name.id);
  }

  #lost(entry: Entry): void {
    const { id } = entry.name;
    if (this.#entries.get(id) !== entry) return;
    this.#entries.delete(id);
    this.#setUp(entry, false);
    const name = this.#wanted.get(id);
    if (!name || this.#closed) return;
    const pause = LEAST_PAUSE_MS + Math.random() * (MOST_PAUSE_MS - LEAST_PAUSE_MS);
    clearTimeout(this.#retries.get(id));
    this.#retries.set(id, setTimeout(() => this.#open(name), pause));
  }

  #end(entry: Entry): void {
    this.#entries.delete(entry.name.id);
    this.#setUp(entry, false);
    if (entry.session) this.#letGo(entry.session);
    else entry.ending.abort();
  }

  #letGo(session: AppSession): void {
    const released = session.close();
    this.#releases.add(released);
    void released.finally(() => this.#releases.delete(released));
  }
}
