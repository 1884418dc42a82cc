import { MillraceError } from '../api/errors.js';
import type { AcceptOptions, FileInfo, Offer, Sink, Transfer } from '../api/types.js';
import { checkAcceptOptions, toReason } from './arguments.js';
import type { TransferImpl } from './transfer.js';

/** The page's answer to an offer. */
export type OfferAnswer = { sink: Sink; directory: FileSystemDirectoryHandle | undefined } | { reason: string };

/** An offer of the other side as the page sees it. */
export class OfferImpl implements Offer {
  readonly id: string;
  readonly files: readonly FileInfo[];
  readonly totalBytes: number | null;
  readonly #transfer: TransferImpl;
  readonly #answer: (answer: OfferAnswer) => void;
  #answered = false;

  constructor(transfer: TransferImpl, answer: (answer: OfferAnswer) => void) {
    this.id = transfer.id;
    this.files = transfer.files;
    this.totalBytes = transfer.totalBytes;
    this.#transfer = transfer;
    this.#answer = answer;
  }

  /** For an offer that was withdrawn meanwhile, returns a transfer that has failed. */
  accept(options: AcceptOptions = {}): Transfer {
    const { sink = 'auto', directory } = checkAcceptOptions(options);
    this.#claim();
    if (!this.#transfer.ended) {
      this.#answer({ sink, directory });
      this.#transfer.accepted();
    }
    return this.#transfer;
  }

  reject(reason?: unknown): void {
    this.#claim();
    if (!this.#transfer.ended) this.#answer({ reason: toReason(reason) });
  }

  #claim(): void {
    if (this.#answered) throw new MillraceError('invalid-argument', 'the offer has been answered already');
    this.#answered = true;
  }
}
