import { MillraceError } from '../api/errors.js';
import { openSources } from '../sources/combined_reader.js';
import type { SourceBody } from '../sources/source.js';
import type { SourceReader } from '../sources/source_reader.js';
import { checkOffer } from './check_offer.js';
import type { EngineContext, OpenCore } from './context.js';
import type { Entry } from './entry.js';
import type { ToEngine } from './messages.js';
import type { TransferTable } from './transfer_table.js';

/** Transfers that this side sends: offers files, and reads them for the core. */
export class SendTransfers {
  readonly #context: EngineContext;
  readonly #table: TransferTable;

  constructor(context: EngineContext, table: TransferTable) {
    this.#context = context;
    this.#table = table;
  }

  /** Errors: throws 'closed', 'source-failed' or 'invalid-argument', and offers nothing then. */
  offer({ id, secret, files, bodies, hub }: Extract<ToEngine, { type: 'send' }>): void {
    const core = this.#context.core();
    if (!core) throw new MillraceError('closed');
    checkOffer(files, secret);
    const reader = openReader(bodies, hub);
    let transfer: number;
    try {
      transfer = core.session.offer(files, secret, performance.now());
    } catch (caught) {
      reader.close();
      throw caught;
    }
    const infos = files.map((file, index) => ({ id: index, ...file }));
    this.#table.add({ direction: 'send', id, transfer, files: infos, reader, reportedBytes: 0, meter: undefined });
  }

  /** The other side accepted. */
  accepted(entry: Entry): void {
    this.#table.start(entry);
    this.#context.post({ type: 'accepted', id: entry.id });
  }

  /** Answers the read that the mailbox holds. */
  read({ session, mailbox }: OpenCore): void {
    const read = mailbox.get(0);
    const entry = this.#table.get(mailbox.get(1));
    const file = mailbox.get(2);
    const offset = mailbox.get(3);
    const length = mailbox.get(4);
    let to = mailbox.get(5);
    if (entry?.direction !== 'send') {
      session.readDone(read, 0, performance.now());
      return;
    }
    const found = entry.reader.read(file, offset, length, (piece) => {
      // Once the transfer is over, the core may have lent the buffer to another one.
      if (!this.#table.isLive(entry)) return;
      mailbox.copyIn(to, piece);
      to += piece.length;
    });
    if (typeof found === 'number') {
      session.readDone(read, found, performance.now());
      return;
    }
    const answer = (bytes: number): void => this.#context.core()?.session.readDone(read, bytes, performance.now());
    found.then(
      (bytes) => this.#context.run(() => answer(bytes)),
      (caught: unknown) =>
        this.#context.run(() => {
          const { code, explanation } = MillraceError.from(caught, 'source-failed');
          this.#table.fail(entry, code, `${entry.files[file]?.name}: ${explanation}`);
          answer(0);
        }),
    );
  }
}

function openReader(bodies: readonly SourceBody[], hub: MessagePort | undefined): SourceReader {
  try {
    return openSources(bodies, hub);
  } catch (caught) {
    throw MillraceError.from(caught, 'source-failed');
  }
}
