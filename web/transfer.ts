import type { CoreStats } from './core.js';
import { deferred } from './deferred.js';
import type { ToEngine } from './engine/messages.js';
import { MillraceError } from './errors.js';
import { typedEventTarget } from './events.js';
import type {
  FileInfo,
  Receipt,
  ReceiptFile,
  Transfer,
  TransferEvents,
  TransferState,
  TransferStats,
} from './types.js';

/** What a transfer needs of its peer. */
export interface TransferContext {
  /** Errors: throws where something of `transfer` cannot be transferred. */
  post(message: ToEngine, transfer?: Transferable[]): void;
  coreStats(): CoreStats;
}

const CURRENT_WINDOW_MS = 1_000;
const STATS_INTERVAL_MS = 1_000;

/** A transfer as the page sees it. The engine does the work; the peer passes on what it reports. */
export class TransferImpl extends typedEventTarget<TransferEvents>() implements Transfer {
  readonly id: string;
  readonly direction: 'send' | 'receive';
  readonly #context: TransferContext;
  readonly #receipt = deferred<Receipt>();
  readonly #listening = new AbortController();
  #state: TransferState = 'offered';
  #files: readonly FileInfo[] = [];
  #totalBytes: number | null = null;
  #bytes = 0;
  #startedAt: number | undefined;
  #endedAt: number | undefined;
  #pausedHere = false;
  #pausedThere = false;
  #connected = true;
  /** Time and bytes of the last second's reports. */
  #samples: { at: number; bytes: number }[] = [];
  #statsAt = -Infinity;

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
    // Who only listens to 'statechange' must not get an unhandled rejection.
    this.#receipt.promise.catch(() => {});
    signal?.addEventListener('abort', () => this.#stop('aborted', ''), { signal: this.#listening.signal });
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

  cancel(reason = ''): void {
    this.#stop('cancelled', reason);
  }

  stats(): TransferStats {
    const end = this.#endedAt ?? performance.now();
    const durationMs = this.#startedAt === undefined ? 0 : end - this.#startedAt;
    const { rtt, lanes } = this.#context.coreStats();
    return {
      bytes: this.#bytes,
      totalBytes: this.totalBytes,
      durationMs,
      throughputAvg: durationMs > 0 ? (this.#bytes * 1000) / durationMs : 0,
      throughputCurrent: this.#currentThroughput(end),
      rtt,
      lanes,
    };
  }

  // What the peer passes on. None of it has an effect once the transfer ended.

  /** They are known at once but for directories, which have to be walked first. */
  setFiles(files: readonly FileInfo[]): void {
    this.#files = files;
    const sizes = files.map(({ size }) => size);
    this.#totalBytes = sizes.reduce((sum, size) => (sum === null || size === null ? null : sum + size), 0);
  }

  accepted(): void {
    if (this.#state !== 'offered') return;
    this.#startedAt = performance.now();
    this.#samples.push({ at: this.#startedAt, bytes: 0 });
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

  progressed(bytes: number): void {
    if (this.ended) return;
    this.#bytes = bytes;
    const now = performance.now();
    this.#samples.push({ at: now, bytes });
    while (this.#samples.length > 2 && this.#samples[1]!.at <= now - CURRENT_WINDOW_MS) this.#samples.shift();
    this.dispatchEvent(Object.assign(new Event('progress'), { bytes, totalBytes: this.totalBytes }));
    if (now - this.#statsAt >= STATS_INTERVAL_MS) {
      this.#statsAt = now;
      this.dispatchEvent(Object.assign(new Event('stats'), { stats: this.stats() }));
    }
  }

  completed(bytes: number, files: ReceiptFile[], folder: string | undefined): void {
    if (this.ended) return;
    this.accepted();
    this.#endedAt = performance.now();
    this.progressed(bytes);
    this.#end('done');
    this.#receipt.resolve({ bytes, files, stats: this.stats(), ...(folder === undefined ? {} : { folder }) });
  }

  failed(error: MillraceError): void {
    if (this.ended) return;
    this.#endedAt = performance.now();
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
    // Before it is accepted there is nothing to pause; `accepted` tells the engine.
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

  #currentThroughput(now: number): number {
    if (this.#state !== 'active' && this.#state !== 'done') return 0;
    const first = this.#samples.find(({ at }) => at > now - CURRENT_WINDOW_MS - 100) ?? this.#samples.at(-1);
    if (!first || now <= first.at) return 0;
    return ((this.#bytes - first.bytes) * 1000) / (now - first.at);
  }
}
