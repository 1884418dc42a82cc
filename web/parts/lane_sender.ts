import { MillraceError, toError } from '../api/errors.js';
import { deferred, type Deferred } from '../base/deferred.js';
import { core, type StripeOutput, type StripeSetCore } from '../wasm/parts.js';
import type { LaneChannel } from './lane_channels.js';
import type { LanesReceipt } from './lane_set_types.js';
import { toLaneData, type LaneData, type LaneSource } from './lane_source.js';

export interface LaneSenderOptions {
  readonly set: StripeSetCore;
  /** Puts a message into a lane's channel. */
  readonly put: (lane: LaneChannel, message: Uint8Array<ArrayBuffer>) => void;
  /** A chunk is on its way. `data`: a copy of its own. */
  readonly onchunk: (index: number, lane: number, data: Uint8Array<ArrayBuffer>) => void;
  /** The set has something to do. */
  readonly onchange: () => void;
}

/** A transfer that is being sent. */
interface Sending {
  readonly data: LaneData;
  readonly done: Deferred<LanesReceipt>;
  readonly chunkSize: number;
  readonly startedAt: number;
  readonly listening: AbortController;
  chunks: number;
}

/** The sending side of a set of lanes: one transfer at a time. */
export class LaneSender {
  readonly #options: LaneSenderOptions;
  #sending: Sending | undefined;

  constructor(options: LaneSenderOptions) {
    this.#options = options;
  }

  get active(): boolean {
    return this.#sending !== undefined;
  }

  /** As `LaneSet.send`. Errors: throws 'invalid-argument' and 'aborted'. */
  begin(source: LaneSource, chunkSize: number, signal: AbortSignal | undefined): Promise<LanesReceipt> {
    if (signal?.aborted) throw new MillraceError('aborted');
    const data = toLaneData(source);
    const begun = this.#options.set.begin(data.bytes, chunkSize);
    if (typeof begun !== 'number') throw toError(begun.code, begun.detail, 'internal');
    const done = deferred<LanesReceipt>();
    const listening = new AbortController();
    signal?.addEventListener('abort', () => this.stop(new MillraceError('aborted')), { signal: listening.signal });
    this.#sending = { data, done, chunkSize: begun, startedAt: performance.now(), listening, chunks: 0 };
    return done.promise;
  }

  /** Sends a message of the core over a lane, with its chunk read into it. */
  carry(output: StripeOutput, lane: LaneChannel): void {
    const message = new Uint8Array(output.bytes + output.length);
    message.set(core().HEAPU8.subarray(output.address, output.address + output.bytes));
    const sending = this.#sending;
    if (!output.isChunk || !sending) {
      this.#options.put(lane, message);
      return;
    }
    sending.chunks += 1;
    const reading = sending.data.read(output.offset, output.length, (piece) => message.set(piece, output.bytes));
    if (reading) this.#putWhenRead(sending, output, lane, message, reading);
    else this.#putChunk(output, lane, message);
  }

  /** All of it has arrived. */
  sent(): void {
    const sending = this.#take();
    if (!sending) return;
    const { data, chunks, chunkSize, startedAt } = sending;
    sending.done.resolve({ bytes: data.bytes, chunks, chunkSize, durationMs: performance.now() - startedAt });
  }

  /** Ends it; the other side is told why. */
  stop(error: MillraceError): void {
    if (!this.#sending) return;
    this.#options.set.cancel(error.message);
    this.abandon(error);
    this.#options.onchange();
  }

  /** Ends it on this side alone. */
  abandon(error: MillraceError): void {
    this.#take()?.done.reject(error);
  }

  #putChunk({ index, bytes }: StripeOutput, lane: LaneChannel, message: Uint8Array<ArrayBuffer>): void {
    const { put, onchunk } = this.#options;
    put(lane, message);
    onchunk(index, lane.number, message.subarray(bytes));
  }

  #putWhenRead(sending: Sending, output: StripeOutput, lane: LaneChannel, message: Uint8Array<ArrayBuffer>, reading: Promise<void>): void {
    lane.readingBytes += message.length;
    reading.then(
      () => {
        lane.readingBytes -= message.length;
        if (this.#sending === sending) this.#putChunk(output, lane, message);
        this.#options.onchange();
      },
      (caught: unknown) => {
        lane.readingBytes -= message.length;
        if (this.#sending === sending) this.stop(MillraceError.from(caught, 'source-failed'));
      },
    );
  }

  #take(): Sending | undefined {
    const sending = this.#sending;
    this.#sending = undefined;
    sending?.listening.abort();
    return sending;
  }
}
