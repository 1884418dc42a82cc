import { MillraceError } from '../api/errors.js';
import { deferred, type Deferred } from '../base/deferred.js';
import type { StripeArrival, StripeSetCore } from '../wasm/parts.js';
import type { ReceiveLanesOptions } from './lane_set_types.js';

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

export interface LaneReceiverOptions {
  readonly set: StripeSetCore;
  /** The set has something to do. */
  onchange(): void;
}

/** A `receive` that waits for its transfer, or is under way. */
interface Receiving {
  readonly done: Deferred<Uint8Array<ArrayBuffer> | undefined>;
  readonly maxBytes: number;
  readonly onchunk: ReceiveLanesOptions['onchunk'];
  readonly listening: AbortController;
  begun: boolean;
  /** All of the data; undefined until the transfer begins, and where `onchunk` takes it. */
  whole: Uint8Array<ArrayBuffer> | undefined;
  /** With `onchunk`: pieces that came before their turn, by offset. */
  readonly early: Map<number, Uint8Array<ArrayBuffer>>;
  /** With `onchunk`: where the next piece begins. */
  next: number;
}

/** The receiving side of a set of lanes: one transfer at a time. */
export class LaneReceiver {
  readonly #options: LaneReceiverOptions;
  #receiving: Receiving | undefined;

  constructor(options: LaneReceiverOptions) {
    this.#options = options;
  }

  get active(): boolean {
    return this.#receiving !== undefined;
  }

  /** As `LaneSet.receive`. Errors: throws 'invalid-argument' and 'aborted'. */
  expect({ onchunk, signal, maxBytes }: ReceiveLanesOptions): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#receiving) throw new MillraceError('invalid-argument', 'another receive is waiting');
    if (signal?.aborted) throw new MillraceError('aborted');
    const done = deferred<Uint8Array<ArrayBuffer> | undefined>();
    const listening = new AbortController();
    signal?.addEventListener('abort', () => this.stop(new MillraceError('aborted')), { signal: listening.signal });
    this.#receiving = {
      done,
      maxBytes: maxBytes ?? (onchunk ? Infinity : DEFAULT_MAX_BYTES),
      onchunk,
      listening,
      begun: false,
      whole: undefined,
      early: new Map(),
      next: 0,
    };
    return done.promise;
  }

  /** The other side begins another transfer: what was not whole is given up. */
  giveUpBegun(): void {
    if (this.#receiving?.begun) this.abandon(new MillraceError('cancelled', 'the other side began another transfer'));
  }

  /** A transfer begins. Answers why it is refused, or undefined. */
  begin(totalBytes: number): string | undefined {
    const receiving = this.#receiving;
    if (!receiving) return 'nobody is waiting for it';
    if (totalBytes > receiving.maxBytes) {
      const error = new MillraceError('too-large', `${totalBytes} bytes, and ${receiving.maxBytes} are taken`);
      this.abandon(error);
      return error.message;
    }
    receiving.begun = true;
    if (!receiving.onchunk) receiving.whole = new Uint8Array(totalBytes);
    return undefined;
  }

  /** A transfer has begun, and is taken. */
  get begun(): boolean {
    return this.#receiving?.begun === true;
  }

  /** Takes the data of a chunk that arrived for the first time. */
  store(message: Uint8Array<ArrayBuffer>, { offset, payload }: StripeArrival): void {
    const receiving = this.#receiving;
    if (!receiving?.begun) return;
    const data = message.subarray(payload);
    if (receiving.whole) receiving.whole.set(data, offset);
    else this.#handOn(receiving, data, offset);
  }

  /** All of it is there. */
  received(): void {
    const receiving = this.#take();
    receiving?.done.resolve(receiving.whole);
  }

  /** Ends it; the other side is told why. */
  stop(error: MillraceError): void {
    if (this.#receiving?.begun) this.#options.set.refuse(error.message);
    this.abandon(error);
    this.#options.onchange();
  }

  /** Ends it on this side alone. */
  abandon(error: MillraceError): void {
    this.#take()?.done.reject(error);
  }

  /** Nothing can come any more. The core knows of transfers that have begun, and ends them itself. */
  stopWaiting(error: MillraceError): void {
    if (this.#receiving?.begun === false) this.abandon(error);
  }

  /** Hands pieces to the page in their order. */
  #handOn(receiving: Receiving, data: Uint8Array<ArrayBuffer>, offset: number): void {
    const { early, onchunk } = receiving;
    early.set(offset, data);
    try {
      for (let piece = early.get(receiving.next); piece; piece = early.get(receiving.next)) {
        const at = receiving.next;
        early.delete(at);
        receiving.next += piece.length;
        onchunk?.(piece, at);
        // The only piece of an empty transfer does not move on.
        if (piece.length === 0) break;
      }
    } catch (caught) {
      this.stop(MillraceError.from(caught, 'sink-failed'));
    }
  }

  #take(): Receiving | undefined {
    const receiving = this.#receiving;
    this.#receiving = undefined;
    receiving?.listening.abort();
    return receiving;
  }
}
