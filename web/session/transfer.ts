import { MillraceError } from '../api/errors.js';
import { typedEventTarget } from '../api/events.js';
import type { BenchmarkStats } from '../api/statistics.js';
import { deferred } from '../base/deferred.js';
import { StatsCadence } from '../base/stats_cadence.js';
import type { ToEngine } from '../engine/messages.js';
import { toReason } from './arguments.js';
import { TransferLog } from './transfer_log.js';
import type {
  FileInfo,
  PeerStats,
  Receipt,
  ReceiptFile,
  SkippedFile,
  Transfer,
  TransferEvents,
  TransferState,
  TransferStats,
} from '../api/types.js';

/** What a transfer needs of its session. */
export interface TransferContext {
  /** Errors: throws if an object of `transfer` cannot be transferred. */
  post(message: ToEngine, transfer?: Transferable[]): void;
  sessionStats(): PeerStats;
  /** The page asked for logs. */
  readonly log: boolean;
}

/** The measurements of a transfer that is not accepted yet. */
const NOTHING_MEASURED: BenchmarkStats = {
  throughputAvg: 0,
  throughputPeak: 0,
  throughputMin: 0,
  throughputCurrent: 0,
  rttAvg: undefined,
  rttMin: undefined,
  rttMax: undefined,
  rttCurrent: undefined,
  jitter: undefined,
  lossAvg: undefined,
  lossMax: undefined,
  totalBytes: 0,
  durationMs: 0,
  sampleCount: 0,
  quality: undefined,
  bottleneck: 'none',
  recommendation: '',
  technicalAdvice: '',
};

/** A transfer as the page sees it. The engine does the work; the session passes on its reports. */
export class TransferImpl extends typedEventTarget<TransferEvents>() implements Transfer {
  readonly id: string;
  readonly direction: 'send' | 'receive';
  skipped: readonly SkippedFile[] = [];
  readonly #context: TransferContext;
  readonly #receipt = deferred<Receipt>();
  readonly #listening = new AbortController();
  #state: TransferState = 'offered';
  #files: readonly FileInfo[] = [];
  #totalBytes: number | null = null;
  #bytes = 0;
  #pausedHere = false;
  #pausedThere = false;
  #connected = true;
  #measured: BenchmarkStats = NOTHING_MEASURED;
  readonly #cadence = new StatsCadence();
  readonly #log: TransferLog | undefined;

  constructor(
    id: string,
    direction: 'send' | 'receive',
    context: TransferContext,
    signal?: AbortSignal,
  ) {
    super();
    this.id = id;
    this.direction = direction;
    this.#context = context;
    this.#log = context.log ? new TransferLog() : undefined;
    // A page that only listens to 'statechange' should not get an unhandled rejection.
    this.#receipt.promise.catch(() => {});
    if (signal) this.abortWith(signal);
  }

  /** Stops with 'aborted' when `signal` is aborted. */
  abortWith(signal: AbortSignal): void {
    signal.addEventListener('abort', () => this.#stop('aborted', ''), { signal: this.#listening.signal });
  }

  get files(): readonly FileInfo[] {
    return this.#files;
  }

  get totalBytes(): number | null {
    return this.#totalBytes;
  }

  get state(): TransferState {
    return this.#state;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get done(): Promise<Receipt> {
    return this.#receipt.promise;
  }

  get ended(): boolean {
    return this.#state === 'done' || this.#state === 'failed' || this.#state === 'cancelled';
  }

  pause(): void {
    this.#setPausedHere(true);
  }

  resume(): void {
    this.#setPausedHere(false);
  }

  cancel(reason?: unknown): void {
    this.#stop('cancelled', toReason(reason));
  }

  stats(): TransferStats {
    const { rtt, lanes, pacingRate, bottleneckRate, waiting, receiveWaiting, chunkSize, path } = this.#context.sessionStats();
    // `totalBytes` of the benchmark counts the bytes so far; here it is the size of the transfer.
    const { totalBytes: _, ...measured } = this.#measured;
    return {
      ...measured,
      bytes: this.#bytes,
      totalBytes: this.totalBytes,
      rtt,
      path,
      lanes,
      pacingRate,
      bottleneckRate,
      chunkSize,
      waiting: this.direction === 'send' ? waiting : receiveWaiting,
    };
  }

  log(): string {
    const { id, direction, totalBytes } = this;
    return this.#log?.text({ transfer: id, direction, files: this.#files.length, totalBytes }) ?? '';
  }

  // Reports that the session passes on. They have no effect on a transfer that has ended.

  /** Called at once, or for directories when they have been read. */
  setFiles(files: readonly FileInfo[]): void {
    this.#files = files;
    const sizes = files.map(({ size }) => size);
    this.#totalBytes = sizes.reduce((sum, size) => (sum === null || size === null ? null : sum + size), 0);
  }

  accepted(): void {
    if (this.#state !== 'offered') return;
    if (this.#pausedHere) this.#context.post({ type: 'pause', id: this.id, paused: true });
    this.#setState('active');
    this.#updateState();
  }

  pausedByPeer(paused: boolean): void {
    this.#pausedThere = paused;
    this.#updateState();
  }

  setConnected(connected: boolean): void {
    this.#connected = connected;
    this.#updateState();
  }

  logged(lines: readonly string[]): void {
    this.#log?.add(lines);
  }

  progressed(bytes: number, measured: BenchmarkStats): void {
    if (this.ended) return;
    const moved = bytes > this.#bytes;
    this.#bytes = bytes;
    this.#measured = measured;
    if (moved) this.dispatchEvent(Object.assign(new Event('progress'), { bytes, totalBytes: this.totalBytes }));
    const stats = this.stats();
    if (this.#cadence.isDue(stats)) this.dispatchEvent(Object.assign(new Event('stats'), { stats }));
  }

  completed(bytes: number, files: ReceiptFile[], folder: string | undefined, measured: BenchmarkStats | undefined): void {
    if (this.ended) return;
    this.accepted();
    this.progressed(bytes, measured ?? this.#measured);
    this.#end('done');
    this.#receipt.resolve({ bytes, files, skipped: this.skipped, stats: this.stats(), ...(folder === undefined ? {} : { folder }) });
  }

  failed(error: MillraceError): void {
    if (this.ended) return;
    this.#end(error.code === 'cancelled' || error.code === 'aborted' ? 'cancelled' : 'failed');
    this.#receipt.reject(error);
  }

  #stop(code: 'cancelled' | 'aborted', detail: string): void {
    if (this.ended) return;
    this.#context.post({ type: 'fail', id: this.id, code, detail });
    this.failed(new MillraceError(code, detail));
  }

  #setPausedHere(paused: boolean): void {
    if (this.ended || this.#pausedHere === paused) return;
    this.#pausedHere = paused;
    // A transfer that is not accepted has nothing to pause; `accepted` tells the engine later.
    if (this.#state !== 'offered') this.#context.post({ type: 'pause', id: this.id, paused });
    this.#updateState();
  }

  #updateState(): void {
    if (this.ended || this.#state === 'offered') return;
    if (!this.#connected) this.#setState('reconnecting');
    else this.#setState(this.#pausedHere || this.#pausedThere ? 'paused' : 'active');
  }

  #end(state: 'done' | 'failed' | 'cancelled'): void {
    this.#listening.abort();
    this.#setState(state);
  }

  #setState(state: TransferState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.dispatchEvent(new Event('statechange'));
  }
}
