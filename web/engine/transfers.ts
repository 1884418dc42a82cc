import { MillraceError } from '../api/errors.js';
import type { CoreEvent, CoreSession } from '../wasm/session.js';
import type { EngineContext, OpenCore } from './context.js';
import type { SessionStats, ToEngine } from './messages.js';
import { ReceiveTransfers } from './receive_transfers.js';
import { SendTransfers } from './send_transfers.js';
import { TransferTable } from './transfer_table.js';

/** Messages of the window about one transfer. */
export type TransferCommand = Extract<ToEngine, { id: string }>;
/** Events of the core about one transfer. */
export type TransferEvent = Extract<CoreEvent, { transfer: number }>;

/** The transfers of a session: passes each command and event to the part that handles it. */
export class Transfers {
  readonly table: TransferTable;
  readonly #context: EngineContext;
  readonly #sending: SendTransfers;
  readonly #receiving: ReceiveTransfers;

  constructor(context: EngineContext, statsOf: (session: CoreSession) => SessionStats) {
    this.#context = context;
    this.table = new TransferTable(context, statsOf);
    this.#sending = new SendTransfers(context, this.table);
    this.#receiving = new ReceiveTransfers(context, this.table);
  }

  /**
   * Commands for a transfer that has ended have no effect.
   * Errors: throws 'closed', 'source-failed' and 'invalid-argument' for an offer, and the core's exceptions; see `failCall`.
   */
  command(message: TransferCommand): void {
    switch (message.type) {
      case 'send':
        this.#sending.offer(message);
        return;
      case 'stream':
        this.#receiving.takeStream(message);
        return;
      case 'streamFailed':
        this.#receiving.failStream(message);
        return;
      default:
      // The other commands need an existing transfer.
    }
    const session = this.#context.core()?.session;
    const entry = this.table.find(message.id);
    if (!session || !entry) return;
    switch (message.type) {
      case 'accept':
        this.#receiving.accept(entry, message);
        break;
      case 'reject':
        this.#receiving.reject(session, entry, message.reason);
        break;
      case 'pause':
        this.table.pause(session, entry, message.paused);
        break;
      case 'fail':
        this.table.fail(entry, message.code, message.detail);
        break;
    }
  }

  /** A command threw `caught`: its transfer fails, and the others go on. */
  failCall(id: string, caught: unknown): void {
    const { code, explanation } = MillraceError.from(caught, 'internal');
    const entry = this.table.find(id);
    if (entry) this.table.fail(entry, code, explanation);
    else this.#context.post({ type: 'failed', id, code, detail: explanation, byPeer: false });
  }

  /** Events of a transfer that has ended on this side have no effect. */
  handleEvent(session: CoreSession, event: TransferEvent): void {
    if (event.type === 'offer') {
      this.#receiving.offered(event);
      return;
    }
    const entry = this.table.get(event.transfer);
    if (!entry) return;
    switch (event.type) {
      case 'accepted':
        this.#sending.accepted(entry);
        break;
      case 'paused':
        this.table.pausedByPeer(entry, event.paused);
        break;
      case 'fileReceived':
        this.#receiving.fileReceived(entry, event.file, event.size);
        break;
      case 'done':
        this.table.complete(session, entry, event);
        break;
      case 'failed':
        this.table.ended(entry, event);
        break;
    }
  }

  /** Answers the read that the mailbox holds. */
  read(core: OpenCore): void {
    this.#sending.read(core);
  }

  /** Does the write that the mailbox holds. */
  write(core: OpenCore): void {
    this.#receiving.write(core);
  }
}
