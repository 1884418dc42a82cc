import { MillraceError } from '../api/errors.js';
import { typedEventTarget } from '../api/events.js';
import type { GroupTransfer, GroupTransferEvents } from '../api/room_types.js';
import type { Receipt, Transfer } from '../api/types.js';
import { deferred } from '../base/deferred.js';
import type { AppSession } from '../session/app_channel.js';
import { toReason } from '../session/arguments.js';
import type { SharedSource } from '../session/shared_source.js';

export interface GroupOptions {
  readonly source: SharedSource;
  /** Ends the group. */
  readonly signal: AbortSignal | undefined;
  /** 'now': only the members that `offer` is called with before `close`. 'first': until somebody comes. 'all': until the end. */
  readonly takes: 'now' | 'first' | 'all';
  /** The group has ended and takes nobody any more. */
  readonly onended: () => void;
}

/** Failures after which the files are offered again to a member that comes back: its page, or its connection, was gone. */
const passing: ReadonlySet<string> = new Set(['closed', 'connection-lost', 'timeout']);

/** The same files on their way to several members. */
export class GroupTransferImpl extends typedEventTarget<GroupTransferEvents>() implements GroupTransfer {
  readonly #options: GroupOptions;
  readonly #transfers = new Map<string, Transfer>();
  readonly #receipts = new Map<string, Receipt>();
  readonly #done = deferred<Map<string, Receipt>>();
  /** Transfers that have not ended. */
  #open = 0;
  /** Why no further member is taken; undefined while one may be. */
  #end: MillraceError | undefined;
  /** By member: why its last transfer failed. */
  readonly #failures = new Map<string, MillraceError>();
  #firstFailure: MillraceError | undefined;
  #paused = false;
  #settled = false;
  readonly #onabort = (): void => this.stop(new MillraceError('aborted'));

  constructor(options: GroupOptions) {
    super();
    this.#options = options;
    // The errors are in `transfers`, too.
    this.#done.promise.catch(() => {});
    options.signal?.addEventListener('abort', this.#onabort);
  }

  get transfers(): ReadonlyMap<string, Transfer> {
    return this.#transfers;
  }

  get bytes(): number {
    return this.#sum((transfer) => transfer.bytes);
  }

  get totalBytes(): number {
    return this.#sum((transfer) => transfer.totalBytes ?? 0);
  }

  get bytesRead(): number {
    return this.#options.source.bytesRead;
  }

  get done(): Promise<Map<string, Receipt>> {
    return this.#done.promise;
  }

  pause(): void {
    this.#paused = true;
    for (const transfer of this.#transfers.values()) transfer.pause();
  }

  resume(): void {
    this.#paused = false;
    for (const transfer of this.#transfers.values()) transfer.resume();
  }

  cancel(reason?: unknown): void {
    // Each transfer converts the reason, and tells it to its member.
    for (const transfer of this.#transfers.values()) transfer.cancel(reason);
    this.stop(new MillraceError('cancelled', toReason(reason)));
  }

  /** Offers the files to a member, unless it has them, or refused them. Errors: throws 'closed'. */
  offer(peer: AppSession): void {
    if (this.#end || !this.#isFor(peer.id)) return;
    const transfer = peer.sendShared(this.#options.source, this.#options.signal);
    if (this.#paused) transfer.pause();
    this.#transfers.set(peer.id, transfer);
    this.#failures.delete(peer.id);
    this.#open += 1;
    if (this.#options.takes === 'first') this.#end = new MillraceError('closed');
    transfer.addEventListener('progress', () => this.#progressed());
    transfer.done
      .then(
        (receipt) => this.#receipts.set(peer.id, receipt),
        (caught: unknown) => this.#failed(peer.id, MillraceError.from(caught, 'internal')),
      )
      .finally(() => {
        this.#open -= 1;
        this.#progressed();
        this.#settle();
      });
    this.dispatchEvent(Object.assign(new Event('transfer'), { id: peer.id, transfer }));
  }

  /** No further member is taken. `error`: rejects `done` if there was no transfer at all. */
  stop(error: MillraceError): void {
    this.#end ??= error;
    this.#settle();
  }

  #isFor(id: string): boolean {
    if (!this.#transfers.has(id)) return true;
    const failure = this.#failures.get(id);
    return failure !== undefined && passing.has(failure.code);
  }

  #failed(id: string, error: MillraceError): void {
    this.#failures.set(id, error);
    this.#firstFailure ??= error;
  }

  #sum(count: (transfer: Transfer) => number): number {
    return [...this.#transfers.values()].reduce((sum, transfer) => sum + count(transfer), 0);
  }

  #progressed(): void {
    const { bytes, totalBytes } = this;
    this.dispatchEvent(Object.assign(new Event('progress'), { bytes, totalBytes }));
  }

  #settle(): void {
    if (this.#settled || !this.#end || this.#open > 0) return;
    this.#settled = true;
    this.#options.signal?.removeEventListener('abort', this.#onabort);
    this.#options.source.close();
    this.#options.onended();
    if (this.#receipts.size > 0) this.#done.resolve(new Map(this.#receipts));
    else this.#done.reject(this.#firstFailure ?? this.#end);
  }
}
