import { MillraceError } from '../api/errors.js';
import { typedEventTarget, type ListenerArguments } from '../api/events.js';
import type { MessageData, PeerMessageOptions, RequestOptions } from '../api/message_types.js';
import { checkOptions } from '../api/shape.js';
import { sendShapes } from '../api/transfer_options.js';
import type { Offer, Peer, PeerEvents, PeerPath, PeerState, PeerStats, SendOptions, SkippedFile, Sources, Transfer } from '../api/types.js';
import { deferred, settledWithin } from '../base/deferred.js';
import { randomHex } from '../base/ids.js';
import { onlyFirst } from '../base/only_first.js';
import { StatsCadence } from '../base/stats_cadence.js';
import { nextTask } from '../base/tasks.js';
import type { Agreement, FromEngine, SessionStats } from '../engine/messages.js';
import type { EnginePort } from '../engine/port.js';
import type { WorkerSource } from '../engine/shared_reader.js';
import type { Configurations } from '../rtc/configurations.js';
import type { ConnectionPath } from '../rtc/connection_stats.js';
import type { Pairing } from '../signaling/pairing.js';
import { toSourceFiles } from '../sources/source.js';
import type { AppSession, Introduced } from './app_channel.js';
import { Connections } from './connections.js';
import { CurrentPath } from './current_path.js';
import { errorOf } from './error_of.js';
import { IncomingOffers } from './incoming_offers.js';
import { Messages } from './messages.js';
import { NO_STATS } from './no_stats.js';
import { Notes, toNoteText } from './notes.js';
import type { Settings } from './settings.js';
import type { SharedSource } from './shared_source.js';
import { startSession } from './start_session.js';
import { Transfers } from './transfers.js';
import { Trust, type LogLine } from './trust.js';

/** An engine that has not released its files and channels within this time, ms, is terminated. */
const RELEASE_TIMEOUT_MS = 5_000;

/** A session as the page sees it. It owns the connections, the transfers and the engine, and ends them together. */
export class Session extends typedEventTarget<PeerEvents>() implements AppSession {
  onappmessage: AppSession['onappmessage'] = null;
  onbuffered: AppSession['onbuffered'] = null;
  onbusy: AppSession['onbusy'] = null;
  onidle: AppSession['onidle'] = null;
  readonly #port: EnginePort;
  readonly #pairing: Pairing;
  readonly #connections: Connections;
  readonly #transfers: Transfers;
  readonly #offers: IncomingOffers;
  readonly #messages: Messages;
  readonly #notes = new Notes();
  readonly #established = deferred<void>();
  /** Resolves when keys are agreed; rejects when the session ends before. */
  readonly established = this.#established.promise;
  readonly #released = deferred<void>();
  /** Resolves when everything is released. */
  readonly released = this.#released.promise;
  readonly #engineReleased = deferred<void>();
  readonly #trust: Trust;
  readonly #cadence = new StatsCadence();
  readonly #path = new CurrentPath();
  /** True as soon as somebody can read it: `connect` resolves when keys are agreed. */
  #state: PeerState = 'connected';
  #coreStats: SessionStats = NO_STATS;
  #who: Introduced = { id: randomHex(16), name: '', data: null };
  #ending: MillraceError | undefined;
  /** Where the engine's worker came from. */
  readonly #workers: WorkerSource;

  /** `onfailed`: the first connection did not come up. Errors: as `PeerLink`. */
  constructor(port: EnginePort, settings: Settings, rtc: Configurations, pairing: Pairing, onfailed: (error: MillraceError) => void) {
    super();
    this.#port = port;
    this.#pairing = pairing;
    this.#trust = new Trust(settings.encryption);
    this.#workers = { createWorker: settings.createWorker, assets: settings.assets };
    this.#established.promise.catch(() => {});
    this.#offers = new IncomingOffers((offer) => this.dispatchEvent(Object.assign(new Event('incoming'), { offer })));
    this.#transfers = new Transfers({
      port,
      peer: this,
      sessionStats: () => this.stats(),
      log: settings.log,
      onoffer: (offer) => this.#offers.add(offer),
      onbusy: () => this.onbusy?.(),
      onidle: () => {
        if (this.#state !== 'closed') this.onidle?.();
      },
    });
    this.#messages = new Messages({
      port,
      fire: (event) => this.dispatchEvent(event),
      onbatch: (batch) => this.onappmessage?.(batch),
      // A hostile side could fill a page's log.
      ondropped: onlyFirst((what) => this.#log('warning', `${what} of the other side was dropped; further ones are not reported`)),
      onviolation: (detail) => this.end(new MillraceError('protocol-violation', detail)),
    });
    port.onmessage = (message) => this.#handle(message);
    startSession(port, settings);
    this.#connections = new Connections({
      port,
      settings,
      rtc,
      pairing,
      onsteady: (steady) => this.#setSteady(steady),
      onfailed,
      ongone: (error) => this.end(error),
      onpath: (path, rtt) => this.#onPath(path, rtt),
      log: (level, message) => this.#log(level, message),
    });
  }

  /** The other side may have used its one guess at a code. */
  get handshakeBegan(): boolean {
    return this.#connections.handshakeBegan;
  }

  /** Adds a report to an error that a connection which did not come up has caused. Returns other errors unchanged. */
  explain(error: MillraceError): MillraceError {
    return this.#connections.explain(error);
  }

  /** The signalling reported that it failed. */
  signalingFailed(): void {
    this.#connections.signalingFailed();
  }

  get id(): string {
    return this.#who.id;
  }

  get name(): string {
    return this.#who.name;
  }

  get data(): Introduced['data'] {
    return this.#who.data;
  }

  introduce(who: Introduced): void {
    this.#who = who;
  }

  get state(): PeerState {
    return this.#state;
  }

  get ending(): MillraceError | undefined {
    return this.#ending;
  }

  get sas(): readonly string[] {
    return this.#trust.sas;
  }

  get verified(): boolean {
    return this.#trust.verified;
  }

  verify(): void {
    this.#trust.verify();
  }

  get encrypted(): boolean {
    return this.#trust.encrypted;
  }

  get path(): PeerPath | null {
    return this.#path.read(this.#coreStats.rtt);
  }

  get onincoming(): Peer['onincoming'] {
    return this.#offers.listener;
  }

  set onincoming(listener: Peer['onincoming']) {
    this.#offers.listener = listener;
  }

  override addEventListener(...args: ListenerArguments<PeerEvents>): void {
    super.addEventListener(...args);
    if (args[0] === 'incoming') this.#offers.onEventListener();
    if (args[0] === 'message') this.#messages.onEventListener();
  }

  send(source: Sources, options: SendOptions = {}): Transfer {
    const { name, signal } = checkOptions(options, sendShapes);
    if (this.#state === 'closed') throw new MillraceError('closed');
    const skipped: SkippedFile[] = [];
    const files = toSourceFiles(source, name, skipped);
    if (signal?.aborted) throw new MillraceError('aborted');
    return this.#transfers.send({ files, skipped }, signal);
  }

  sendShared(source: SharedSource, signal: AbortSignal | undefined): Transfer {
    if (this.#state === 'closed') throw new MillraceError('closed');
    return this.#transfers.send(source, signal, (files) => source.open(files, this.#port.inWorker ? this.#workers : undefined));
  }

  get onmessage(): Peer['onmessage'] {
    return this.#messages.listener;
  }

  set onmessage(listener: Peer['onmessage']) {
    this.#messages.listener = listener;
  }

  get onrequest(): Peer['onrequest'] {
    return this.#messages.handler;
  }

  set onrequest(handler: Peer['onrequest']) {
    this.#messages.handler = handler;
  }

  message(data: MessageData, options?: PeerMessageOptions): Promise<void> {
    return this.#messages.send(data, options);
  }

  request(data: MessageData, options?: RequestOptions): Promise<MessageData> {
    return this.#messages.request(data, options);
  }

  messages(): AsyncIterableIterator<MessageData> {
    return this.#messages.read();
  }

  offers(): AsyncIterableIterator<Offer> {
    return this.#offers.open();
  }

  get hasTransfers(): boolean {
    return this.#transfers.count > 0;
  }

  sendMessage(message: Uint8Array): void {
    if (this.#state !== 'closed') this.#messages.sendBatch(message);
  }

  /** The network may have changed, or the machine may have slept: the connection is checked now. */
  check(): void {
    if (this.#state !== 'closed') this.#connections.check();
  }

  limitRate(bytesPerSecond: number): void {
    if (this.#state !== 'closed') this.#port.post({ type: 'limit', bytesPerSecond });
  }

  get onnote(): AppSession['onnote'] {
    return this.#notes.listener;
  }

  set onnote(listener: AppSession['onnote']) {
    this.#notes.listener = listener;
  }

  sendNote(note: object): void {
    if (this.#state !== 'closed') this.#port.post({ type: 'signal', message: toNoteText(note) });
  }

  stats(): PeerStats {
    return { ...this.#coreStats, path: this.path, worker: this.#port.inWorker, workerFallback: this.#port.fallback };
  }

  close(): Promise<void> {
    this.end(new MillraceError('closed'));
    return this.released;
  }

  #handle(message: FromEngine): void {
    if (message.type === 'released') this.#engineReleased.resolve();
    if (message.type === 'closed') this.#finish(errorOf(message));
    if (this.#state === 'closed') return;
    if ('stats' in message) this.#coreStats = message.stats;
    if (message.type === 'established') this.#agree(message.agreement);
    if (message.type === 'signal' && this.#notes.handle(message.message)) return;
    if (this.#connections.handle(message)) {
      if (message.type === 'established') this.#established.resolve();
    } else if (this.#transfers.handle(message)) {
      if (message.type === 'progress') this.#reportStats();
    } else if (message.type === 'messages') {
      for (const one of message.messages) this.#messages.handle(one);
    } else if (message.type === 'buffered') {
      this.#messages.onBuffered(message.bytes, message.handled);
      this.onbuffered?.(message.bytes);
    }
  }

  #agree(agreement: Agreement): void {
    const lines = this.#trust.agree(agreement);
    // In a task of its own, so that the page that waits for the session can add its listeners first.
    void nextTask().then(() => {
      if (this.#port.fallback !== null) this.#log('warning', `the engine runs in the window, not in a worker: ${this.#port.fallback}`);
      for (const { level, message } of lines) this.#log(level, message);
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
    this.#messages.flush();
    this.#port.post({ type: 'close', code: error.code, detail: error.explanation });
    this.#finish(error);
  }

  #finish(cause: MillraceError): void {
    if (this.#state === 'closed') return;
    const error = this.explain(cause);
    this.#ending = error;
    this.#pairing.sayBye(error.code === 'connection-failed');
    this.#setState('closed');
    this.#established.reject(error);
    this.#transfers.failAll(error);
    this.#messages.end(error);
    this.#offers.end(error);
    this.#connections.stopRepairs();
    void settledWithin(this.#engineReleased.promise, RELEASE_TIMEOUT_MS).then(() => {
      this.#connections.close();
      this.#port.terminate();
      this.#released.resolve();
    });
  }

  // Events

  #reportStats(): void {
    if (this.#cadence.isDue(this.#coreStats)) this.dispatchEvent(Object.assign(new Event('stats'), { stats: this.stats() }));
  }

  #onPath(path: ConnectionPath, roundTripMs: number | undefined): void {
    if (this.#state === 'closed' || !this.#path.set(path, roundTripMs)) return;
    this.dispatchEvent(Object.assign(new Event('path'), { path: this.path }));
  }

  #setState(state: PeerState): void {
    this.#state = state;
    this.dispatchEvent(new Event('statechange'));
  }

  #log(level: LogLine['level'], message: string): void {
    this.dispatchEvent(Object.assign(new Event('log'), { level, message }));
  }
}
