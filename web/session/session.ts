import { MillraceError, toError, type MillraceErrorOptions } from '../api/errors.js';
import { typedEventTarget } from '../api/events.js';
import type { Peer, PeerEvents, PeerState, PeerStats, SendOptions, Source, Transfer } from '../api/types.js';
import { deferred, settledWithin } from '../base/deferred.js';
import { StatsCadence } from '../base/stats_cadence.js';
import { nextTask } from '../base/tasks.js';
import type { Agreement, Ending, FromEngine, SessionStats } from '../engine/messages.js';
import type { EnginePort } from '../engine/port.js';
import { namesOf } from '../secrets/sas.js';
import type { Pairing } from '../signaling/pairing.js';
import { toSourceFiles } from '../sources/source.js';
import type { AppSession } from './app_channel.js';
import { checkSendOptions } from './arguments.js';
import { Connections } from './connections.js';
import { IncomingOffers } from './incoming_offers.js';
import { NO_STATS } from './no_stats.js';
import type { Settings } from './settings.js';
import { Transfers } from './transfers.js';

/** An engine that has not released its files and channels within this time, ms, is terminated. */
const RELEASE_TIMEOUT_MS = 5_000;

/** A session as the page sees it. It owns the connections, the transfers and the engine, and ends them together. */
export class Session extends typedEventTarget<PeerEvents>() implements AppSession {
  onappmessage: AppSession['onappmessage'] = null;
  onbuffered: AppSession['onbuffered'] = null;
  onidle: AppSession['onidle'] = null;
  readonly #port: EnginePort;
  readonly #pairing: Pairing;
  readonly #connections: Connections;
  readonly #transfers: Transfers;
  readonly #offers: IncomingOffers;
  readonly #established = deferred<void>();
  readonly #released = deferred<void>();
  readonly #engineReleased = deferred<void>();
  readonly #askedForEncryption: boolean;
  readonly #cadence = new StatsCadence();
  #agreement: Agreement | undefined;
  #sas: readonly string[] = [];
  #comparedByUser = false;
  /** True as soon as somebody can read it: `connect` resolves when keys are agreed. */
  #state: PeerState = 'connected';
  #coreStats: SessionStats = NO_STATS;

  /** `onfailed`: the first connection did not come up. Errors: as `PeerLink`. */
  constructor(port: EnginePort, settings: Settings, pairing: Pairing, onfailed: (error: MillraceError) => void) {
    super();
    this.#port = port;
    this.#pairing = pairing;
    this.#askedForEncryption = settings.encryption;
    this.#established.promise.catch(() => {});
    this.#offers = new IncomingOffers((offer) => this.dispatchEvent(Object.assign(new Event('incoming'), { offer })));
    this.#transfers = new Transfers({
      port,
      coreStats: () => this.#coreStats,
      log: settings.log,
      onoffer: (offer) => this.#offers.add(offer),
      onidle: () => {
        if (this.#state !== 'closed') this.onidle?.();
      },
    });
    port.onmessage = (message) => this.#handle(message);
    startSession(port, settings);
    this.#connections = new Connections({
      port,
      settings,
      pairing,
      onsteady: (steady) => this.#setSteady(steady),
      onfailed,
      ongone: (error) => this.end(error),
      log: (level, message) => this.#log(level, message),
    });
  }

  /** Resolves when keys are agreed; rejects when the session ends before. */
  get established(): Promise<void> {
    return this.#established.promise;
  }

  /** Resolves when everything is released. */
  get released(): Promise<void> {
    return this.#released.promise;
  }

  /** The other side may have used its one guess at a code. */
  get handshakeBegan(): boolean {
    return this.#connections.handshakeBegan;
  }

  get state(): PeerState {
    return this.#state;
  }

  get sas(): readonly string[] {
    return this.#sas;
  }

  get verified(): boolean {
    return this.#comparedByUser || (this.#agreement?.authenticated ?? false);
  }

  verify(): void {
    this.#comparedByUser = true;
  }

  get encrypted(): boolean {
    return this.#agreement?.encrypted ?? true;
  }

  get onincoming(): Peer['onincoming'] {
    return this.#offers.listener;
  }

  set onincoming(listener: Peer['onincoming']) {
    this.#offers.listener = listener;
  }

  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    super.addEventListener(...args);
    if (args[0] === 'incoming') this.#offers.onEventListener();
  }

  send(source: Source | readonly Source[], options: SendOptions = {}): Transfer {
    const { name, signal } = checkSendOptions(options);
    if (this.#state === 'closed') throw new MillraceError('closed');
    const sources = toSourceFiles(source, name);
    if (signal?.aborted) throw new MillraceError('aborted');
    return this.#transfers.send(sources, signal);
  }

  get hasTransfers(): boolean {
    return this.#transfers.count > 0;
  }

  sendMessage(message: Uint8Array): void {
    if (this.#state !== 'closed') this.#port.post({ type: 'message', message });
  }

  stats(): PeerStats {
    return { ...this.#coreStats, worker: this.#port.inWorker };
  }

  close(): Promise<void> {
    this.end(new MillraceError('closed'));
    return this.released;
  }

  #handle(message: FromEngine): void {
    if (message.type === 'released') {
      this.#engineReleased.resolve();
      return;
    }
    if (message.type === 'closed') {
      this.#finish(toError(message.code, message.detail, 'peer-error', optionsOf(message)));
      return;
    }
    if (this.#state === 'closed') return;
    if ('stats' in message) this.#coreStats = message.stats;
    if (message.type === 'established') this.#agree(message.agreement);
    if (this.#connections.handle(message)) {
      if (message.type === 'established') this.#established.resolve();
    } else if (this.#transfers.handle(message)) {
      if (message.type === 'progress') this.#reportStats();
    } else if (message.type === 'message') {
      this.onappmessage?.(message.message);
    } else if (message.type === 'buffered') {
      this.onbuffered?.(message.bytes);
    }
  }

  #agree(agreement: Agreement): void {
    this.#agreement = agreement;
    this.#sas = namesOf(agreement.sas);
    // In a task of its own, so that the page that waits for the session can add its listeners first.
    void nextTask().then(() => {
      if (!agreement.encrypted) this.#log('warning', 'both sides asked for no encryption: this session has none of its own');
      else if (!this.#askedForEncryption) this.#log('info', 'the other side asked for encryption: this session is encrypted');
      if (!agreement.authenticated) this.#log('info', 'no secret authenticates the other side: compare `sas` with it');
    });
  }

  #setSteady(steady: boolean): void {
    if (this.#state === 'closed') return;
    this.#setState(steady ? 'connected' : 'reconnecting');
    this.#transfers.setConnected(steady);
    this.#log('info', steady ? 'the connection works' : 'the connection broke and is being repaired');
  }

  // The end. Either this side ends the session, or the engine says that it is over. Both lead to `#finish`: pending work fails
  // at once, and what is held is released when the engine has sent its last messages and closed its files.

  /** Ends the session from this side. Everything pending fails with `error`. No effect on a session that has ended. */
  end(error: MillraceError): void {
    if (this.#state === 'closed') return;
    this.#port.post({ type: 'close', code: error.code, detail: error.detail });
    this.#finish(error);
  }

  #finish(error: MillraceError): void {
    if (this.#state === 'closed') return;
    this.#pairing.sayBye();
    this.#setState('closed');
    this.#established.reject(error);
    this.#transfers.failAll(error);
    this.#offers.clear();
    this.#connections.stopRepairs();
    void settledWithin(this.#engineReleased.promise, RELEASE_TIMEOUT_MS).then(() => {
      this.#connections.close();
      this.#port.terminate();
      this.#released.resolve();
    });
  }

  // Events

  #reportStats(): void {
    if (!this.#cadence.isDue(this.#coreStats)) return;
    this.dispatchEvent(Object.assign(new Event('stats'), { stats: this.stats() }));
  }

  #setState(state: PeerState): void {
    this.#state = state;
    this.dispatchEvent(new Event('statechange'));
  }

  #log(level: 'info' | 'warning', message: string): void {
    this.dispatchEvent(Object.assign(new Event('log'), { level, message }));
  }
}

function startSession(port: EnginePort, settings: Settings): void {
  const { kind, bytes } = settings.secret;
  const options = {
    leastLanes: settings.minLanes,
    mostLanes: settings.maxLanes,
    mostBytesPerSecond: settings.bandwidthLimit,
    profile: settings.profile,
    mode: settings.mode,
    chunkSize: settings.chunkSize,
    secretKind: kind,
    secret: bytes,
    encryption: settings.encryption,
    privacy: settings.privacy,
    trace: settings.log,
  };
  // The secret is transferred: no copy of it stays in the window.
  port.post({ type: 'start', options, waterMarks: settings.waterMarks }, [bytes.buffer]);
}

/** The stack of an exception crosses from a worker as text. */
function optionsOf({ detail, byPeer, stack }: Ending): MillraceErrorOptions {
  return stack === undefined ? { byPeer } : { byPeer, cause: Object.assign(new Error(detail), { stack }) };
}
