import type { CoreStats } from './core.js';
import { deferred, settledWithin } from './deferred.js';
import type { FromEngine } from './engine/messages.js';
import type { EnginePort } from './engine/port.js';
import { isErrorCode, MillraceError } from './errors.js';
import { typedEventTarget } from './events.js';
import { LaneConnector } from './lane_connector.js';
import type { Link } from './link.js';
import { OfferImpl } from './offer.js';
import type { Settings } from './options.js';
import { toSourceFiles } from './sources/source.js';
import { TransferImpl, type TransferContext } from './transfer.js';
import type {
  FileInfo,
  Offer,
  Peer,
  PeerEvents,
  PeerState,
  PeerStats,
  SendOptions,
  Source,
  Transfer,
} from './types.js';

/** Offers that wait for a listener. */
const MAX_WAITING_OFFERS = 64;
/** An engine that does not let go within this, ms, is cut off. */
const RELEASE_TIMEOUT_MS = 3_000;
const STATS_INTERVAL_MS = 1_000;

/** The session as the page sees it; owns the connections and the engine, and ends them together. */
export class PeerImpl extends typedEventTarget<PeerEvents>() implements Peer {
  /** Resolves when keys are agreed; rejects when the session ends before. */
  readonly established: Promise<void>;
  /** Resolves when everything is released. */
  readonly released: Promise<void>;
  readonly #port: EnginePort;
  #lanes: LaneConnector | undefined;
  readonly #settings: Settings;
  readonly #established = deferred<void>();
  readonly #released = deferred<void>();
  readonly #engineReleased = deferred<void>();
  readonly #transfers = new Map<string, TransferImpl>();
  readonly #waitingOffers: Offer[] = [];
  readonly #context: TransferContext;
  #control: Link | undefined;
  #state: PeerState = 'connecting';
  #onincoming: Peer['onincoming'] = null;
  #heardIncoming = false;
  #sent = 0;
  #coreStats: CoreStats = { rtt: undefined, lanes: [], sendPoolBytes: 0, receivePoolBytes: 0 };
  #statsAt = -Infinity;

  constructor(port: EnginePort, settings: Settings) {
    super();
    this.#port = port;
    this.#settings = settings;
    this.established = this.#established.promise;
    this.released = this.#released.promise;
    this.established.catch(() => {});
    this.#context = {
      post: (message) => this.#port.post(message),
      coreStats: () => this.#coreStats,
    };
    port.onmessage = (message) => this.#hear(message);
    port.onerror = (error) => {
      this.#engineReleased.resolve();
      this.end(error);
    };
    port.post({ type: 'start' });
  }

  get state(): PeerState {
    return this.#state;
  }

  get verified(): boolean {
    return false;
  }

  get onincoming(): Peer['onincoming'] {
    return this.#onincoming;
  }

  set onincoming(listener: Peer['onincoming']) {
    this.#onincoming = listener;
    if (listener) this.#deliverSoon();
  }

  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    super.addEventListener(...args);
    if (args[0] !== 'incoming') return;
    this.#heardIncoming = true;
    this.#deliverSoon();
  }

  send(source: Source | readonly Source[], options: SendOptions = {}): Transfer {
    if (this.#state === 'closed') throw new MillraceError('closed');
    const sources = toSourceFiles(source, options.name);
    if (options.signal?.aborted) throw new MillraceError('aborted');

    this.#sent += 1;
    const id = `send-${this.#sent}`;
    const files: FileInfo[] = sources.map(({ info }, index) => ({ id: index, ...info }));
    const transfer = new TransferImpl(id, 'send', files, this.#context, options.signal);
    this.#transfers.set(id, transfer);
    this.#port.post({
      type: 'send',
      id,
      files: sources.map(({ info }) => info),
      blobs: sources.map(({ blob }) => blob),
    });
    return transfer;
  }

  stats(): PeerStats {
    return { ...this.#coreStats, worker: this.#port.inWorker };
  }

  close(): Promise<void> {
    this.end(new MillraceError('closed'));
    return this.released;
  }

  /** Takes the control connection; `end` closes it. */
  setControl(control: Link): void {
    this.#control = control;
  }

  /** Ends the session from this side: everything pending fails with `error` now, and what is held is let go. */
  end(error: MillraceError): void {
    if (this.#state === 'closed') return;
    this.#port.post({ type: 'close', code: error.code, detail: error.detail });
    this.#finish(error);
  }

  #hear(message: FromEngine): void {
    switch (message.type) {
      case 'released':
        this.#engineReleased.resolve();
        return;
      case 'closed':
        this.#finish(toError(message.code, message.detail));
        return;
    }
    if (this.#state === 'closed') return;
    switch (message.type) {
      case 'established':
        this.#establish(message.initiator);
        break;
      case 'signal':
        this.#lanes?.handle(message.message);
        break;
      case 'laneOpened':
        this.#lanes?.opened(message.lane);
        this.#log('info', `lane ${message.lane} is open`);
        break;
      case 'laneClosed':
        this.#lanes?.close(message.lane);
        this.#log('warning', `lane ${message.lane} closed`);
        break;
      case 'offer':
        this.#receiveOffer(message.id, message.files, message.totalBytes);
        break;
      case 'accepted':
        this.#transfers.get(message.id)?.accepted();
        break;
      case 'paused':
        this.#transfers.get(message.id)?.pausedByPeer(message.paused);
        break;
      case 'progress':
        this.#coreStats = message.stats;
        for (const { id, bytes } of message.transfers) this.#transfers.get(id)?.progressed(bytes);
        this.#reportStats();
        break;
      case 'done':
        this.#coreStats = message.stats;
        this.#take(message.id)?.completed(message.bytes, message.files, message.folder);
        break;
      case 'failed':
        this.#take(message.id)?.failed(toError(message.code, message.detail));
        break;
    }
  }

  #establish(initiator: boolean): void {
    const lanes = new LaneConnector({
      rtc: this.#settings.rtc,
      maxLanes: this.#settings.maxLanes,
      initiator,
      signal: (message) => this.#port.post({ type: 'signal', message }),
      attach: (lane, channel) =>
        this.#port.post({ type: 'addLane', lane, channel }, [channel as unknown as Transferable]),
      onnegotiated: (lane, maxMessageSize) => this.#port.post({ type: 'laneLimit', lane, maxMessageSize }),
      onlost: (lane, error, opened) => {
        this.#port.post({ type: 'dropLane', lane });
        // The core ends a session that loses a lane, but of a lane that never opened it does not know.
        if (!opened) this.end(error);
      },
    });
    this.#lanes = lanes;
    this.#setState('connected');
    this.#established.resolve();
    if (initiator) lanes.open();
  }

  #receiveOffer(id: string, files: readonly FileInfo[], totalBytes: number): void {
    const transfer = new TransferImpl(id, 'receive', files, this.#context);
    this.#transfers.set(id, transfer);
    const offer = new OfferImpl(transfer, totalBytes, (answer) => {
      if ('sink' in answer) {
        this.#port.post({ type: 'accept', id, sink: answer.sink });
      } else {
        this.#port.post({ type: 'reject', id, reason: answer.reason });
        this.#take(id)?.failed(new MillraceError('rejected', answer.reason));
      }
    });
    if (this.#waitingOffers.length >= MAX_WAITING_OFFERS) {
      offer.reject('too many offers at once');
      return;
    }
    this.#waitingOffers.push(offer);
    this.#deliver();
  }

  #deliverSoon(): void {
    if (this.#waitingOffers.length > 0) queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    if (!this.#onincoming && !this.#heardIncoming) return;
    for (const offer of this.#waitingOffers.splice(0)) {
      this.dispatchEvent(Object.assign(new Event('incoming'), { offer }));
      try {
        this.#onincoming?.(offer);
      } catch (caught) {
        reportError(caught);
      }
    }
  }

  #take(id: string): TransferImpl | undefined {
    const transfer = this.#transfers.get(id);
    this.#transfers.delete(id);
    return transfer;
  }

  #finish(error: MillraceError): void {
    if (this.#state === 'closed') return;
    this.#setState('closed');
    this.#established.reject(error);
    for (const transfer of this.#transfers.values()) transfer.failed(error);
    this.#transfers.clear();
    this.#waitingOffers.length = 0;
    void settledWithin(this.#engineReleased.promise, RELEASE_TIMEOUT_MS).then(() => {
      this.#lanes?.closeAll();
      this.#control?.close();
      this.#port.terminate();
      this.#released.resolve();
    });
  }

  #reportStats(): void {
    const now = performance.now();
    if (now - this.#statsAt < STATS_INTERVAL_MS) return;
    this.#statsAt = now;
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

/** The other side chooses the words that it sends: what is not in the list becomes 'peer-error'. */
function toError(code: string, detail: string): MillraceError {
  if (isErrorCode(code)) return new MillraceError(code, detail);
  return new MillraceError('peer-error', detail ? `${code}: ${detail}` : code);
}
