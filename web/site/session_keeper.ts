import { deferred, type Deferred } from '../base/deferred.js';
import type { Offer, Peer, PeerPath, PeerStats, Source, Transfer } from '../index.js';
import { codeOf, PageError, reasonOf, type Trouble } from './errors.js';
import { loadPackage, type Package } from './package.js';
import { nameplateUrl, roomUrl, siteUrl } from './room.js';
import { memberName } from './tab_memory.js';

export type SessionState = 'idle' | 'waiting' | 'connected' | 'reconnecting' | 'failed';

export interface SessionListener {
  onState(state: SessionState): void;
  onOffer(offer: Offer): void;
  /** `SessionKeeper.path` changed. */
  onPath(): void;
  /** A short code leads to this page; null: none does. `because`: why the previous code is gone. */
  onCode(code: string | null, because?: string): void;
  /** An attempt failed and another one follows; null: the trouble is over. */
  onTrouble(trouble: Trouble | null): void;
  onError(trouble: Trouble): void;
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
/** After somebody with a wrong link, the page that made the room waits on, ms. */
const wrongLinkPauseMs = 1_000;
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
  /** Settles when the person comes back to the page; undefined while the page is not left. */
  #absence: Deferred<void> | undefined;
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

  /** Null while it is not known, and where there is no session. */
  get path(): PeerPath | null {
    return this.#peer?.path ?? null;
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

  /** Says goodbye, as far as there is time for it. No attempt follows before `resume`. */
  leave(): void {
    this.#absence ??= deferred();
    // An attempt says goodbye, too. A session is closed in good order: only then can its transfers be resumed.
    if (this.#peer === null) for (const ending of this.#endings) ending.abort();
    void this.#peer?.close();
  }

  /** The page is back as it was left: waits for the other side again. */
  resume(): void {
    this.#absence?.resolve();
    this.#absence = undefined;
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
        await this.#absence?.promise;
        this.#listener.onState('waiting');
        const calm = setTimeout(becalm, calmMs);
        try {
          const peer = await this.#meet(tools);
          failures = 0;
          await this.#keep(peer);
        } catch (error) {
          // This page ended the attempt itself.
          if (this.#absence !== undefined) continue;
          const trouble = codeOf(error);
          const pause = this.#pauseAfter(trouble.code, failures);
          if (pause === undefined) throw error;
          if (trouble.code !== 'wrong-link') failures += 1;
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
      this.#listener.onState('failed');
      this.#listener.onError(codeOf(error));
    }
  }

  /** ms; undefined: no further attempt. */
  #pauseAfter(code: string, failures: number): number | undefined {
    if (code === 'wrong-link') return wrongLinkPauseMs;
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
    peer.addEventListener('path', () => this.#listener.onPath());
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

  async #meetInRoom(tools: Package, room: string, signal: AbortSignal): Promise<Peer> {
    const { key, offersCode } = this.#ways;
    const secret = key === null ? {} : { secret: key, secretKind: 'key' as const };
    const signaling = tools.webSocketSignaling(roomUrl(location, room), { member: memberName.get() });
    try {
      return await this.#connect(tools, signaling, secret, signal);
    } catch (error) {
      // This page made the link, so its key is right: it can go on waiting for the other side.
      throw offersCode && codeOf(error).code === 'authentication-failed' ? new PageError('wrong-link') : error;
    }
  }

  async #meetByCode(tools: Package, code: string, signal: AbortSignal): Promise<Peer> {
    const secret = tools.normalizeCode(code);
    const nameplate = /^(\d{1,9})-./.exec(secret)?.[1];
    if (nameplate === undefined) throw new PageError('not-a-code');
    const signaling = tools.webSocketSignaling(nameplateUrl(location, nameplate), { member: memberName.get() });
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
        const trouble = codeOf(error);
        const { code } = trouble;
        // Somebody typed the right code. Where the server is away, the attempt in the room says so.
        if (trouble.report !== undefined && code !== 'signaling-failed') this.#listener.onTrouble(trouble);
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
        rtc: () => signaling.iceServers(),
        signal,
        ...secret,
        ...(this.#worker === undefined ? {} : { worker: this.#worker }),
      });
    } catch (error) {
      if (signaling.closeCode === tools.closeCodes.replaced) memberName.forget();
      throw reasonOf(error, signaling.closeCode);
    }
  }
}

async function isServerThere(): Promise<boolean> {
  try {
    const { status } = await fetch(siteUrl(''), { method: 'HEAD', cache: 'no-store' });
    // A proxy that refuses HEAD has a server behind it. One that cannot reach the server says so.
    return status < 502 || status > 504;
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
