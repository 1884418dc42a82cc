import { fetchIceServers } from '../base/ice_servers.js';
import type { Offer, Peer, PeerStats, Source, Transfer } from '../index.js';
import { codeOf, PageError, reasonOf } from './errors.js';
import { loadPackage, type Package } from './package.js';
import { nameplateUrl, roomUrl } from './room.js';

export type SessionState = 'idle' | 'waiting' | 'connected' | 'reconnecting' | 'failed';

export interface SessionListener {
  onState(state: SessionState): void;
  onOffer(offer: Offer): void;
  /** A short code leads to this page; null: none does. `because`: why the previous code is gone. */
  onCode(code: string | null, because?: string): void;
  /** An attempt failed and another one follows; null: the trouble is over. */
  onTrouble(trouble: { code: string; message: string } | null): void;
  onError(code: string, message: string): void;
}

/** How the two sides find each other: in a room, by a spoken code, or both for the side that waits. */
export interface Ways {
  readonly room: string | null;
  readonly key: string | null;
  readonly code: string | null;
  /** This side also waits with a short code. */
  readonly offersCode: boolean;
}

/** Failures after which another attempt may succeed: the network changed, or an old session is still leaving the room. */
const passing: ReadonlySet<string> = new Set([
  'signaling-failed',
  'connection-failed',
  'connection-lost',
  'no-path',
  'room-full',
]);
/** Failures that are mostly harmless and not shown: the other side came and went, or this page was in the room a moment ago. */
const quiet: ReadonlySet<string> = new Set(['connection-lost', 'room-full']);
const retryPausesMs = [500, 1000, 2000, 4000];
/** While the server is away, it is asked again at this interval, without a limit: when it is back, the invite link leads here again. */
const awayPauseMs = 3_000;
/** Attempts at a full room: an old session of this page leaves its place within a moment. */
const mostFullRooms = 2;
/** A server that has not refused by then is there, ms. */
const calmMs = 2_000;

/** Keeps a session with the other side: when one ends or breaks, it waits for the next. */
export class SessionKeeper {
  readonly #ways: Ways;
  readonly #worker: boolean | undefined;
  readonly #listener: SessionListener;
  #peer: Peer | null = null;
  #endings: readonly AbortController[] = [];
  #emoji: Readonly<Record<string, string>> = {};

  constructor(ways: Ways, worker: boolean | undefined, listener: SessionListener) {
    this.#ways = ways;
    this.#worker = worker;
    this.#listener = listener;
    void this.#run();
  }

  get connected(): boolean {
    return this.#peer !== null;
  }

  /** False where there is no session. */
  get verified(): boolean {
    return this.#peer?.verified ?? false;
  }

  /** The pictures to compare, with their names. */
  get sas(): readonly { picture: string; name: string }[] {
    return this.#peer?.sas.map((name) => ({ name, picture: this.#emoji[name] ?? '' })) ?? [];
  }

  verify(): void {
    this.#peer?.verify();
  }

  stats(): PeerStats | undefined {
    return this.#peer?.stats();
  }

  /** Offers `sources`. Errors: throws where there is no session, and as `Peer.send`. */
  send(sources: readonly Source[]): Transfer {
    if (this.#peer === null) throw new Error('there is no session');
    return this.#peer.send(sources);
  }

  /** Says goodbye, as far as there is time for it. */
  leave(): void {
    // An attempt says goodbye, too. A session is closed in good order: only then can its transfers be resumed.
    if (this.#peer === null) for (const ending of this.#endings) ending.abort();
    void this.#peer?.close();
  }

  async #run(): Promise<void> {
    let failures = 0;
    let isAway = false;
    const becalm = (): void => {
      if (!isAway) return;
      isAway = false;
      failures = 0;
      this.#listener.onTrouble(null);
    };
    try {
      const tools = await loadPackage();
      this.#emoji = tools.sasEmoji;
      for (;;) {
        this.#listener.onState('waiting');
        const calm = setTimeout(becalm, calmMs);
        try {
          const peer = await this.#meet(tools);
          failures = 0;
          await this.#keep(peer);
        } catch (error) {
          const trouble = codeOf(error);
          const pause = this.#pauseAfter(trouble.code, failures);
          if (pause === undefined) throw error;
          failures += 1;
          isAway = trouble.code === 'signaling-failed';
          if (!quiet.has(trouble.code)) this.#listener.onTrouble(trouble);
          await delay(pause);
          // Without the server, not even the files that another attempt needs would load.
          while (isAway && !(await isServerThere())) await delay(awayPauseMs);
          continue;
        } finally {
          clearTimeout(calm);
        }
        if (this.#ways.room === null) throw new PageError('code-used');
      }
    } catch (error) {
      this.#peer = null;
      const { code, message } = codeOf(error);
      this.#listener.onState('failed');
      this.#listener.onError(code, message);
    }
  }

  /** ms; undefined: no further attempt. */
  #pauseAfter(code: string, failures: number): number | undefined {
    if (this.#ways.room === null || !passing.has(code)) return undefined;
    if (code === 'room-full' && failures >= mostFullRooms) return undefined;
    return retryPausesMs[failures] ?? (code === 'signaling-failed' ? awayPauseMs : undefined);
  }

  /** Resolves when the session is over. */
  async #keep(peer: Peer): Promise<void> {
    this.#peer = peer;
    peer.onincoming = (offer) => this.#listener.onOffer(offer);
    this.#listener.onState('connected');
    peer.addEventListener('statechange', () => {
      if (peer.state === 'connected' || peer.state === 'reconnecting') this.#listener.onState(peer.state);
    });
    await closed(peer);
    this.#peer = null;
  }

  async #meet(tools: Package): Promise<Peer> {
    const { room, code, offersCode } = this.#ways;
    const begin = (way: (signal: AbortSignal) => Promise<Peer>) => {
      const ending = new AbortController();
      return { ending, peer: way(ending.signal).then((peer) => ({ peer, ending })) };
    };
    const attempts = [
      begin((signal) => (room === null ? this.#meetByCode(tools, code ?? '', signal) : this.#meetInRoom(tools, room, signal))),
      ...(offersCode ? [begin((signal) => this.#waitWithCodes(tools, signal))] : []),
    ];
    this.#endings = attempts.map(({ ending }) => ending);
    let first: AbortController | undefined;
    try {
      const winner = await Promise.race(attempts.map(({ peer }) => peer));
      first = winner.ending;
      return winner.peer;
    } finally {
      for (const { ending, peer } of attempts) {
        peer.catch(() => {});
        // This also ends the session of a peer that came by the other way in the same moment.
        if (ending !== first) ending.abort();
      }
    }
  }

  #meetInRoom(tools: Package, room: string, signal: AbortSignal): Promise<Peer> {
    const { key } = this.#ways;
    const secret = key === null ? {} : { secret: key, secretKind: 'key' as const };
    return this.#connect(tools, tools.webSocketSignaling(roomUrl(location, room)), secret, signal);
  }

  async #meetByCode(tools: Package, code: string, signal: AbortSignal): Promise<Peer> {
    const secret = tools.normalizeCode(code);
    const nameplate = /^(\d{1,9})-./.exec(secret)?.[1];
    if (nameplate === undefined) throw new PageError('not-a-code');
    const signaling = tools.webSocketSignaling(nameplateUrl(location, nameplate));
    try {
      return await this.#connect(tools, signaling, { secret, secretKind: 'code' }, signal);
    } catch (error) {
      throw codeOf(error).code === 'authentication-failed' ? new PageError('wrong-code') : error;
    }
  }

  /** Waits with one code after another; each allows one guess. Settles only when a session is up, or with 'aborted'. */
  async #waitWithCodes(tools: Package, signal: AbortSignal): Promise<Peer> {
    let failures = 0;
    let because = '';
    for (;;) {
      try {
        const signaling = tools.webSocketSignaling(nameplateUrl(location, 'new'));
        signal.addEventListener('abort', () => signaling.close?.());
        const { nameplate } = await signaling.place;
        const secret = await tools.createCode(nameplate);
        signal.throwIfAborted();
        this.#listener.onCode(secret, because);
        failures = 0;
        return await this.#connect(tools, signaling, { secret, secretKind: 'code' }, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        const { code } = codeOf(error);
        because = code === 'authentication-failed' || code === 'code-expired' ? code : '';
        this.#listener.onCode(null);
        // The invite link works without a code. The server may be back, or have free numbers, later.
        await delay(retryPausesMs[failures] ?? 30_000);
        failures += 1;
      }
    }
  }

  async #connect(
    tools: Package,
    signaling: ReturnType<Package['webSocketSignaling']>,
    secret: { secret?: string; secretKind?: 'key' | 'code' },
    signal: AbortSignal,
  ): Promise<Peer> {
    try {
      return await tools.connect({
        signaling,
        rtc: await fetchIceServers(document.baseURI),
        signal,
        ...secret,
        ...(this.#worker === undefined ? {} : { worker: this.#worker }),
      });
    } catch (error) {
      throw reasonOf(error, signaling.closeCode);
    }
  }
}

async function isServerThere(): Promise<boolean> {
  try {
    return (await fetch(document.baseURI, { method: 'HEAD', cache: 'no-store' })).ok;
  } catch {
    return false;
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function closed(peer: Peer): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (peer.state === 'closed') resolve();
    };
    peer.addEventListener('statechange', check);
    check();
  });
}
