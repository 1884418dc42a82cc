import { MillraceError } from '../api/errors.js';
import { typedEventTarget } from '../api/events.js';
import { checkOptions } from '../api/shape.js';
import { acceptShapes } from '../api/transfer_options.js';
import type { AcceptOptions, FileInfo, Offer, OfferEvents, OfferState, Peer, Sink, Transfer } from '../api/types.js';
import { toReason } from './arguments.js';
import type { TransferImpl } from './transfer.js';

/** The page's answer to an offer. */
export type OfferAnswer = { sink: Sink; directory: FileSystemDirectoryHandle | undefined } | { reason: string };

/** An offer of the other side as the page sees it. */
export class OfferImpl extends typedEventTarget<OfferEvents>() implements Offer {
  readonly id: string;
  readonly peer: Peer;
  readonly files: readonly FileInfo[];
  readonly totalBytes: number | null;
  readonly #transfer: TransferImpl;
  readonly #answer: (answer: OfferAnswer) => void;
  #state: OfferState = 'open';

  constructor(peer: Peer, transfer: TransferImpl, answer: (answer: OfferAnswer) => void) {
    super();
    this.id = transfer.id;
    this.peer = peer;
    this.files = transfer.files;
    this.totalBytes = transfer.totalBytes;
    this.#transfer = transfer;
    this.#answer = answer;
    transfer.addEventListener('statechange', () => {
      if (this.#state === 'open' && transfer.ended) this.#setState('withdrawn');
    });
  }

  get state(): OfferState {
    return this.#state;
  }

  accept(options: AcceptOptions = {}): Transfer {
    const { sink = 'auto', directory, signal } = checkOptions(options, acceptShapes);
    this.#checkOpen();
    if (signal?.aborted) throw new MillraceError('aborted');
    // The transfer of an offer that was withdrawn has failed already.
    if (this.#state === 'withdrawn') return this.#transfer;
    if (signal) this.#transfer.abortWith(signal);
    this.#answer({ sink, directory });
    this.#setState('accepted');
    this.#transfer.accepted();
    return this.#transfer;
  }

  reject(reason?: unknown): void {
    this.#checkOpen();
    if (this.#state === 'withdrawn') return;
    // Before the answer, which ends the transfer.
    this.#setState('rejected');
    this.#answer({ reason: toReason(reason) });
  }

  #checkOpen(): void {
    if (this.#state === 'accepted' || this.#state === 'rejected') {
      throw new MillraceError('invalid-argument', 'the offer has been answered already');
    }
  }

  #setState(state: OfferState): void {
    this.#state = state;
    this.dispatchEvent(new Event('statechange'));
  }
}
