import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import type { Offer } from '../api/types.js';
import { deferred } from '../base/deferred.js';
import { connectPeer } from '../session/connect.js';
import type { PeerImpl } from '../session/peer.js';
import { PairSignaling } from './pair_signaling.js';
import { toRoomText, type AgentName } from './room.js';

export interface LinksOptions {
  readonly self: AgentName;
  readonly signaling: Signaling;
  readonly secret: string | undefined;
  readonly rtc: RTCConfiguration | undefined;
  readonly worker: boolean;
  onup(agent: string): void;
  ondown(agent: string): void;
  onbatch(agent: string, batch: Uint8Array): void;
  onbuffered(agent: string, bytes: number): void;
  onincoming(agent: string, offer: Offer): void;
}

interface Link {
  readonly name: AgentName;
  readonly signaling: PairSignaling;
  readonly ending: AbortController;
  peer: PeerImpl | undefined;
  up: boolean;
}

/** Between one attempt and the next, ms, drawn between these, so that two sides do not miss each other again and again. */
const LEAST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 2_000;
/** Nobody answered: the other side may not have heard of this one yet. */
const ATTEMPT_MS = 12_000;
/** What a caller waits for a connection that was not there, ms. */
const PEER_TIMEOUT_MS = 30_000;

/** The connections of one agent: a session for each neighbour, made again while it is wanted. */
export class Links {
  readonly #options: LinksOptions;
  readonly #links = new Map<string, Link>();
  /** Neighbours by the plan. */
  readonly #wanted = new Map<string, AgentName>();
  readonly #retries = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #waiting = new Map<string, { resolve(peer: PeerImpl): void }[]>();
  readonly #releases = new Set<Promise<unknown>>();
  #closed = false;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  get up(): string[] {
    return [...this.#links].filter(([, link]) => link.up).map(([id]) => id);
  }

  peers(): PeerImpl[] {
    return [...this.#links.values()].flatMap(({ peer }) => peer ?? []);
  }

  want(name: AgentName): void {
    this.#wanted.set(name.id, name);
    const present = this.#links.get(name.id);
    // Somebody else under the same name.
    if (present && present.name.incarnation !== name.incarnation) this.#end(present);
    this.#open(name);
  }

  /** The plan has no use for it. While files go over it, it stays. */
  release(id: string): void {
    this.#forget(id);
    const link = this.#links.get(id);
    if (link && !link.peer?.hasTransfers) this.#end(link);
  }

  left(id: string): void {
    this.#forget(id);
    const link = this.#links.get(id);
    if (link) this.#end(link);
  }

  /** A message of the other side's about the connection between the two. `known`: it is in the room. */
  hear(from: AgentName, body: object, known: boolean): void {
    let link = this.#links.get(from.id);
    if (link && link.name.incarnation !== from.incarnation) return;
    if (!link && known) link = this.#open(from);
    link?.signaling.hear(body);
  }

  /** Somebody's way to the room ended, nobody says whose. */
  hearLeft(message: unknown): void {
    for (const link of this.#links.values()) link.signaling.hear(message);
  }

  send(id: string, batch: Uint8Array): void {
    const link = this.#links.get(id);
    if (link?.up) link.peer?.sendMessage(batch);
  }

  /** The connection to an agent, made if there is none. Errors: rejects with 'timeout'. */
  async peer(name: AgentName): Promise<PeerImpl> {
    const present = this.#links.get(name.id);
    if (present?.peer && present.up) return present.peer;
    const arrived = deferred<PeerImpl>();
    const waiting = this.#waiting.get(name.id) ?? [];
    this.#waiting.set(name.id, [...waiting, arrived]);
    const timer = setTimeout(
      () => arrived.reject(new MillraceError('timeout', `no connection to ${name.id}`)),
      PEER_TIMEOUT_MS,
    );
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
    for (const link of [...this.#links.values()]) this.#end(link);
    await Promise.all(this.#releases);
  }

  #forget(id: string): void {
    this.#wanted.delete(id);
    clearTimeout(this.#retries.get(id));
    this.#retries.delete(id);
  }

  #open(name: AgentName): Link | undefined {
    const present = this.#links.get(name.id);
    if (present || this.#closed) return present;
    const { self, signaling, secret, rtc, worker } = this.#options;
    const pair = new PairSignaling(
      (body) => signaling.send(toRoomText({ kind: 'pair', from: self, to: name, body })),
      () => signaling.reopen?.(),
    );
    const link: Link = { name, signaling: pair, ending: new AbortController(), peer: undefined, up: false };
    this.#links.set(name.id, link);
    const attempt = setTimeout(() => link.ending.abort(), ATTEMPT_MS);
    const connecting = connectPeer({
      signaling: pair,
      worker,
      signal: link.ending.signal,
      ...(secret === undefined ? {} : { secret, secretKind: 'key' as const }),
      ...(rtc === undefined ? {} : { rtc }),
    });
    connecting.then(
      (peer) => this.#connected(link, peer),
      () => this.#lost(link),
    ).finally(() => clearTimeout(attempt));
    return link;
  }

  #connected(link: Link, peer: PeerImpl): void {
    if (this.#links.get(link.name.id) !== link) {
      this.#letGo(peer);
      return;
    }
    const { id } = link.name;
    link.peer = peer;
    peer.onappmessage = (message) => this.#options.onbatch(id, message);
    peer.onbuffered = (bytes) => this.#options.onbuffered(id, bytes);
    peer.onincoming = (offer) => this.#options.onincoming(id, offer);
    peer.addEventListener('statechange', () => {
      if (this.#links.get(id) !== link) return;
      if (peer.state === 'closed') this.#lost(link);
      // While it is repaired, messages may go another way.
      else this.#setUp(link, peer.state === 'connected');
    });
    this.#setUp(link, true);
    for (const { resolve } of this.#waiting.get(id) ?? []) resolve(peer);
    this.#waiting.delete(id);
  }

  #setUp(link: Link, up: boolean): void {
    if (link.up === up) return;
    link.up = up;
    if (up) this.#options.onup(link.name.id);
    else this.#options.ondown(link.name.id);
  }

  #lost(link: Link): void {
    const { id } = link.name;
    if (this.#links.get(id) !== link) return;
    this.#links.delete(id);
    this.#setUp(link, false);
    const name = this.#wanted.get(id);
    if (!name || this.#closed) return;
    const pause = LEAST_PAUSE_MS + Math.random() * (MOST_PAUSE_MS - LEAST_PAUSE_MS);
    clearTimeout(this.#retries.get(id));
    this.#retries.set(id, setTimeout(() => this.#open(name), pause));
  }

  #end(link: Link): void {
    this.#links.delete(link.name.id);
    this.#setUp(link, false);
    if (link.peer) this.#letGo(link.peer);
    else link.ending.abort();
  }

  #letGo(peer: PeerImpl): void {
    const released = peer.close();
    this.#releases.add(released);
    void released.finally(() => this.#releases.delete(released));
  }
}
