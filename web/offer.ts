import type { SinkChoice } from './engine/messages.js';
import { MillraceError } from './errors.js';
import type { TransferImpl } from './transfer.js';
import type { FileInfo, Offer, Sink, Transfer } from './types.js';

/** Files that the other side offers. */
export class OfferImpl implements Offer {
  readonly id: string;
  readonly files: readonly FileInfo[];
  readonly totalBytes: number;
  readonly #transfer: TransferImpl;
  readonly #answer: (answer: { sink: SinkChoice } | { reason: string }) => void;
  #answered = false;

  constructor(
    transfer: TransferImpl,
    totalBytes: number,
    answer: (answer: { sink: SinkChoice } | { reason: string }) => void,
  ) {
    this.id = transfer.id;
    this.files = transfer.files;
    this.totalBytes = totalBytes;
    this.#transfer = transfer;
    this.#answer = answer;
  }

  /** An offer that was withdrawn meanwhile answers a transfer that has failed already. */
  accept(options: { sink?: Sink } = {}): Transfer {
    const sink = toSinkChoice(options.sink ?? 'auto');
    this.#claim();
    if (!this.#transfer.ended) {
      this.#answer({ sink });
      this.#transfer.accepted();
    }
    return this.#transfer;
  }

  reject(reason = ''): void {
    this.#claim();
    if (!this.#transfer.ended) this.#answer({ reason });
  }

  #claim(): void {
    if (this.#answered) throw new MillraceError('invalid-argument', 'the offer has been answered already');
    this.#answered = true;
  }
}

function toSinkChoice(sink: Sink): SinkChoice {
  if (sink === 'auto' || sink === 'memory' || sink === 'opfs') return sink;
  if (typeof sink === 'function' || typeof sink === 'object') {
    throw new MillraceError('not-supported', 'functions and directories as sinks are not available yet');
  }
  throw new MillraceError('invalid-argument', `sink: ${String(sink)}`);
}
