import { fetchIceServers } from '../base/ice_servers.js';
import type { Offer, Peer, PeerStats, Source, Transfer } from '../index.js';
import { codeOf, PageError, reasonOf } from './errors.js';
import { loadPackage, type Package } from './package.js';
import { nameplateUrl, roomUrl } from './room.js';

export type SessionState = 'idle' | 'waiting' | 'connected' | 'reconnecting' | 'failed';

export interface SessionListener {
  onState(state: SessionState): void;
  onOffer(offer: Offer): void;
  /** A short code leads here now; null: none does. `because`: why the one before is gone. */
  onCode(code: string | null, because?: string): void;
  /** It did not work, and is tried again; null: that is over. */
  onTrouble(trouble: { code: string; message: string } | null): void;
  onError(code: string, message: string): void;
}

/** How the two sides find each other: in a room, by a code that was said, or both for who waits. */
export interface Ways {
  readonly room: string | null;
  readonly key: string | null;
  readonly code: string | null;
  /** Also wait with a short code of one's own. */
  readonly offersCode: boolean;
}

/** Failures that another attempt may get past: the network changed, or the room is still being left by an old session. */
const passing: ReadonlySet<string> = new Set([
  'signaling-failed',
  'connection-failed',
  'connection-lost',
  'no-path',
  'room-full',
]);
/** Those that most often are nothing: the other side came and went, or this page was in the room a moment ago. */
const quiet: ReadonlySet<string> = new Set(['connection-lost', 'room-full']);
const retryPausesMs = [500, 1000, 2000, 4000];
/** A server that is away comes back, and then whoever has the link still finds this page: asked again this often, for as long as it takes. */
const awayPauseMs = 3_000;
/** Where an old session is being left, its place is free in a moment. */
const mostFullRooms = 2;
/** A server that has not said no by then is there, ms. */
const calmMs = 2_000;

/** Keeps a session with whoever else is there: when one ends in good order or breaks, the next is waited for. */
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

  /** What to compare: pictures with their names. */
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
    // Who is still on the way says goodbye, too; a session ends in good order, and only so is gone on with.
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
          // Without it, not even the files that another attempt needs would come.
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
        // It ends the session, too, of who came by the other way in the same moment.
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

  /** One code after another, each good for one guess. Settles only when somebody came, or with 'aborted'. */
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
        // The link goes on without; the server may be back, or have room, later.
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
