import { ControlConnector } from '../rtc/control_connector.js';
import type { CoreStats } from '../wasm/session.js';
import { deferred, settledWithin } from '../base/deferred.js';
import type { Agreement, FromEngine } from '../engine/messages.js';
import type { EnginePort } from '../engine/port.js';
import { nextTask } from '../base/tasks.js';
import { describe, MillraceError, toError } from '../api/errors.js';
import { typedEventTarget } from '../api/events.js';
import type { Fingerprints } from '../rtc/fingerprint.js';
import { LaneConnector } from '../rtc/lane_connector.js';
import type { AppSession } from './app_channel.js';
import { OfferImpl } from './offer.js';
import type { Settings } from '../api/options.js';
import { PathMonitor } from '../rtc/path_monitor.js';
import { randomSecret, resumeSecret } from '../secrets/resume_secret.js';
import { namesOf } from '../secrets/sas.js';
import { reportException } from '../base/report_exception.js';
import { StatsCadence } from '../base/stats_cadence.js';
import type { Pairing } from '../signaling/rendezvous.js';
import { transferablesOf } from '../sources/combined_reader.js';
import { toSourceFiles, type SourceFile } from '../sources/source.js';
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
  StreamSink,
  Transfer,
} from '../api/types.js';

/** Offers that wait for a listener. */
const MAX_WAITING_OFFERS = 64;
/** An engine that does not let go within this, ms, is cut off. */
const RELEASE_TIMEOUT_MS = 3_000;

/** The session as the page sees it; owns the connections and the engine, and ends them together. */
export class PeerImpl extends typedEventTarget<PeerEvents>() implements AppSession {
  /** Resolves when keys are agreed; rejects when the session ends before. */
  readonly established: Promise<void>;
  /** Resolves when everything is released. */
  readonly released: Promise<void>;
  onappmessage: AppSession['onappmessage'] = null;
  onbuffered: AppSession['onbuffered'] = null;
  onidle: AppSession['onidle'] = null;
  readonly #port: EnginePort;
  readonly #pairing: Pairing;
  readonly #control: ControlConnector;
  readonly #lanes: LaneConnector;
  readonly #established = deferred<void>();
  readonly #released = deferred<void>();
  readonly #engineReleased = deferred<void>();
  readonly #transfers = new Map<string, TransferImpl>();
  readonly #streamSinks = new Map<string, StreamSink>();
  readonly #waitingOffers: Offer[] = [];
  readonly #context: TransferContext;
  readonly #askedForEncryption: boolean;
  #handshakeBegan = false;
  #agreement: Agreement | undefined;
  #sas: readonly string[] = [];
  #comparedByUser = false;
  #state: PeerState = 'connecting';
  #onincoming: Peer['onincoming'] = null;
  #heardIncoming = false;
  #sent = 0;
  #coreStats: CoreStats = {
    rtt: undefined,
    lanes: [],
    pacingRate: 0,
    bottleneckRate: 0,
    queueDelay: 0,
    jitter: undefined,
    packetLoss: undefined,
    waiting: undefined,
    receiveWaiting: undefined,
    quality: undefined,
    bottleneck: 'none',
    recommendation: '',
    chunkSize: 0,
    profile: 'auto',
    sendPoolBytes: 0,
    receivePoolBytes: 0,
    wasmBytes: 0,
  };
  readonly #path: PathMonitor;
  readonly #cadence = new StatsCadence();

  /** `onfailed`: the first connection did not come up. Errors: as for `Link`. */
  constructor(port: EnginePort, settings: Settings, pairing: Pairing, onfailed: (error: MillraceError) => void) {
    super();
    this.#port = port;
    this.#pairing = pairing;
    this.#askedForEncryption = settings.encryption;
    this.established = this.#established.promise;
    this.released = this.#released.promise;
    this.established.catch(() => {});
    this.#context = {
      post: (message, transfer) => this.#port.post(message, transfer),
      coreStats: () => this.#coreStats,
      log: settings.log,
    };
    port.onmessage = (message) => this.#hear(message);
    port.onerror = (error) => {
      this.#engineReleased.resolve();
      this.end(error);
    };
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
    // The secret moves: nothing of it stays in the window.
    port.post({ type: 'start', options, waterMarks: settings.waterMarks }, [bytes.buffer]);
    this.#path = new PathMonitor({
      connection: () => this.#control.connection,
      say: (message) => this.#port.post({ type: 'signal', message }),
      onpath: (hostPair, cellular) => this.#port.post({ type: 'path', hostPair, cellular }),
      onpackets: (sent, received) => this.#port.post({ type: 'packets', sent, received }),
    });
    this.#lanes = this.#makeLanes(settings);
    this.#control = this.#makeControl(settings, onfailed);
  }

  get state(): PeerState {
    return this.#state;
  }

  /** The other side may have had its guess at a code. */
  get handshakeBegan(): boolean {
    return this.#handshakeBegan;
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
    const transfer = new TransferImpl(`send-${this.#sent}`, 'send', this.#context, options.signal);
    this.#transfers.set(transfer.id, transfer);
    if (sources instanceof Promise) {
      sources.then(
        (found) => this.#offer(transfer, found),
        (caught: unknown) => this.#giveUp(transfer, MillraceError.from(caught, 'source-failed')),
      );
    } else {
      this.#offer(transfer, sources);
    }
    return transfer;
  }

  get hasTransfers(): boolean {
    return this.#transfers.size > 0;
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
        this.#finish(toError(message.code, message.detail, 'peer-error'));
        return;
    }
    if (this.#state === 'closed') return;
    switch (message.type) {
      case 'established':
        this.#agree(message.agreement);
        this.#connected(message.initiator);
        break;
      case 'reconnected':
        this.#connected(message.initiator);
        break;
      case 'disconnected':
        this.#lanes.stop();
        this.#control.disconnected();
        break;
      case 'lanesWanted':
        this.#lanes.want(message.count);
        break;
      case 'lossy':
        this.#log('warning', 'more than 5 % of what went over unreliable lanes was lost: reliable ones take their place');
        this.#lanes.makeReliable();
        break;
      case 'signal':
        if (!this.#path.handle(message.message)) this.#lanes.handle(message.message);
        break;
      case 'message':
        this.onappmessage?.(message.message);
        break;
      case 'buffered':
        this.onbuffered?.(message.bytes);
        break;
      case 'laneOpened':
        if (message.lane === 0 && !this.#agreement) {
          this.#handshakeBegan = true;
          this.#control.handshaking();
        }
        this.#lanes.opened(message.lane);
        this.#log('info', `lane ${message.lane} is open`);
        break;
      case 'laneClosed':
        this.#lanes.closed(message.lane);
        break;
      case 'offer':
        this.#receiveOffer(message.id, message.files);
        break;
      case 'openStream':
        this.#openStream(message.id, message.file);
        break;
      case 'accepted':
        this.#transfers.get(message.id)?.accepted();
        break;
      case 'log':
        for (const transfer of this.#transfers.values()) transfer.logged(message.lines);
        break;
      case 'paused':
        this.#transfers.get(message.id)?.pausedByPeer(message.paused);
        break;
      case 'progress':
        this.#coreStats = message.stats;
        for (const { id, bytes, stats } of message.transfers) this.#transfers.get(id)?.progressed(bytes, stats);
        this.#reportStats();
        break;
      case 'done':
        this.#coreStats = message.stats;
        this.#take(message.id)?.completed(message.bytes, message.files, message.folder, message.transferStats);
        break;
      case 'failed':
        this.#take(message.id)?.failed(toError(message.code, message.detail, 'peer-error'));
        break;
    }
  }

  #agree(agreement: Agreement): void {
    this.#agreement = agreement;
    this.#sas = namesOf(agreement.sas);
    // Once whoever waits for the session had time to listen.
    void nextTask().then(() => {
      if (!agreement.encrypted) this.#log('warning', 'both sides asked for no encryption: this session has none of its own');
      else if (!this.#askedForEncryption) this.#log('info', 'the other side wants encryption: this session is encrypted');
      if (!agreement.authenticated) this.#log('info', 'no secret tells who the other side is: compare `sas` with it');
    });
  }

  #connected(initiator: boolean): void {
    this.#control.established();
    this.#established.resolve();
    this.#lanes.start(initiator);
  }

  #makeControl(settings: Settings, onfailed: (error: MillraceError) => void): ControlConnector {
    return new ControlConnector({
      rtc: settings.rtc,
      Connection: settings.Connection,
      pairing: this.#pairing,
      patient: settings.signaling.patience !== undefined,
      attach: (channel) => this.#attach(0, channel, true),
      onnegotiated: (maxMessageSize, fingerprints) => this.#limit(0, maxMessageSize, fingerprints),
      check: () => this.#port.post({ type: 'check' }),
      reopenSignaling: () => settings.signaling.reopen?.(),
      onrenew: () => {
        this.#lanes.stop();
        this.#port.post({ type: 'renew' });
      },
      onsteady: (steady) => this.#setSteady(steady),
      onfailed,
      ongone: (error) => this.end(error),
    });
  }

  #makeLanes(settings: Settings): LaneConnector {
    return new LaneConnector({
      rtc: settings.rtc,
      Connection: settings.Connection,
      maxLanes: settings.mostLanes,
      reliable: settings.reliable,
      signal: (message) => this.#port.post({ type: 'signal', message }),
      attach: (lane, channel, reliable) => this.#attach(lane, channel, reliable),
      onnegotiated: (lane, maxMessageSize, fingerprints) => this.#limit(lane, maxMessageSize, fingerprints),
      onlost: (lane, error) => {
        this.#port.post({ type: 'dropLane', lane });
        this.#log('warning', error.detail);
      },
    });
  }

  #attach(lane: number, channel: RTCDataChannel, reliable: boolean): void {
    this.#port.post({ type: 'addLane', lane, channel, reliable }, [channel as unknown as Transferable]);
  }

  #limit(lane: number, maxMessageSize: number, fingerprints: Fingerprints): void {
    this.#port.post({ type: 'laneLimit', lane, maxMessageSize, fingerprints });
  }

  #setSteady(steady: boolean): void {
    if (this.#state === 'closed') return;
    this.#setState(steady ? 'connected' : 'reconnecting');
    this.#path.run(steady);
    for (const transfer of this.#transfers.values()) transfer.setConnected(steady);
    if (steady) this.#lanes.check();
    this.#log('info', steady ? 'the connection works again' : 'the connection broke and is being repaired');
  }

  #offer(transfer: TransferImpl, sources: readonly SourceFile[]): void {
    if (transfer.ended) return;
    const infos = sources.map(({ info }) => info);
    const bodies = sources.map(({ body }) => body);
    transfer.setFiles(infos.map((info, index) => ({ id: index, ...info })));
    // What is read only once cannot be found again, so its transfer gets a name that never comes again.
    const streams = transferablesOf(bodies);
    const secret = streams.length > 0 ? randomSecret() : resumeSecret();
    try {
      this.#port.post({ type: 'send', id: transfer.id, secret, files: infos, bodies }, streams);
    } catch (caught) {
      this.#giveUp(transfer, MillraceError.from(caught, 'not-supported'));
    }
  }

  #giveUp(transfer: TransferImpl, error: MillraceError): void {
    this.#take(transfer.id)?.failed(error);
  }

  /** The engine is about to receive a file for a sink that the page makes. */
  #openStream(id: string, file: FileInfo): void {
    const answer = (stream: WritableStream<Uint8Array>): void =>
      this.#port.post({ type: 'stream', id, file: file.id, stream }, [stream as unknown as Transferable]);
    const fail = (caught: unknown): void =>
      this.#port.post({ type: 'streamFailed', id, file: file.id, detail: describe(caught) });
    Promise.resolve()
      .then(() => this.#streamSinks.get(id)?.(file) ?? Promise.reject(new Error('the transfer has ended')))
      .then(answer)
      .catch(fail);
  }

  #receiveOffer(id: string, files: readonly FileInfo[]): void {
    const transfer = new TransferImpl(id, 'receive', this.#context);
    transfer.setFiles(files);
    this.#transfers.set(id, transfer);
    const offer = new OfferImpl(transfer, (answer) => {
      if ('sink' in answer) {
        if (typeof answer.sink === 'function') this.#streamSinks.set(id, answer.sink);
        const sink = typeof answer.sink === 'function' ? 'stream' : answer.sink;
        this.#port.post({ type: 'accept', id, sink, ...(answer.directory ? { directory: answer.directory } : {}) });
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
        reportException(caught);
      }
    }
  }

  #take(id: string): TransferImpl | undefined {
    const transfer = this.#transfers.get(id);
    this.#transfers.delete(id);
    this.#streamSinks.delete(id);
    // Once the transfer has told its own listeners that it ended.
    queueMicrotask(() => {
      if (this.#transfers.size === 0 && this.#state !== 'closed') this.onidle?.();
    });
    return transfer;
  }

  #finish(error: MillraceError): void {
    if (this.#state === 'closed') return;
    this.#pairing.sayBye();
    this.#setState('closed');
    this.#established.reject(error);
    for (const transfer of this.#transfers.values()) transfer.failed(error);
    this.#transfers.clear();
    this.#streamSinks.clear();
    this.#waitingOffers.length = 0;
    this.#path.stop();
    this.#control.stopRepairs();
    this.#lanes.stopRepairs();
    void settledWithin(this.#engineReleased.promise, RELEASE_TIMEOUT_MS).then(() => {
      this.#lanes.stop();
      this.#control.close();
      this.#port.terminate();
      this.#released.resolve();
    });
  }

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
