import { MillraceError } from '../api/errors.js';
import type { FileInfo } from '../api/types.js';
import { deferred } from '../base/deferred.js';
import { toFileTime } from '../base/file_time.js';
import { toWellFormed } from '../base/well_formed.js';
import { createStore, type StoreChoice } from '../sinks/choose.js';
import { toSinkError } from '../sinks/sink_error.js';
import type { CoreEvent, CoreSession } from '../wasm/session.js';
import type { EngineContext, OpenCore } from './context.js';
import type { Entry, ReceiveEntry } from './entry.js';
import { Incoming } from './incoming.js';
import type { SinkChoice, ToEngine } from './messages.js';
import type { TransferTable } from './transfer_table.js';

/** Transfers that this side receives: answers offers, and writes files for the core. */
export class ReceiveTransfers {
  readonly #context: EngineContext;
  readonly #table: TransferTable;
  /** The core has one buffer for the bytes of earlier attempts: transfers take turns. */
  #claiming: Promise<void> = Promise.resolve();
  #offers = 0;
  /** The window knows that there is something in the private file system. */
  #hasStored = false;

  constructor(context: EngineContext, table: TransferTable) {
    this.#context = context;
    this.#table = table;
  }

  /** The other side offers files. */
  offered({ transfer, token, files, totalBytes }: Extract<CoreEvent, { type: 'offer' }>): void {
    this.#offers += 1;
    const id = `receive-${this.#offers}`;
    // The protocol carries later times than a `Date` does.
    const infos: FileInfo[] = files.map((file, index) => ({ id: index, ...file, lastModified: toFileTime(file.lastModified) }));
    this.#table.add({
      direction: 'receive',
      id,
      transfer,
      token,
      files: infos,
      totalBytes,
      accepted: false,
      incoming: undefined,
      streams: new Map(),
      blobs: new Map(),
      reportedBytes: 0,
      meter: undefined,
    });
    this.#context.post({ type: 'offer', id, files: infos, totalBytes });
  }

  /** Opens the sink, claims the bytes that an earlier attempt left there, and accepts. No effect on one that is accepted. */
  accept(entry: Entry, { sink, directory }: Extract<ToEngine, { type: 'accept' }>): void {
    if (entry.direction !== 'receive' || entry.accepted) return;
    entry.accepted = true;
    this.#open(entry, sink, directory).then(
      () =>
        this.#context.run(() => {
          if (!this.#table.isLive(entry)) return;
          this.#context.core()?.session.accept(entry.transfer, performance.now());
          this.#table.start(entry);
        }),
      (caught: unknown) => this.#context.run(() => this.#failSink(entry, caught)),
    );
  }

  reject(session: CoreSession, entry: Entry, reason: string): void {
    session.reject(entry.transfer, toWellFormed(reason), performance.now());
    void this.#table.remove(entry, 'rejected');
  }

  /** The window answers `openStream`. A stream that nobody waits for any more is aborted. */
  takeStream({ id, file, stream }: Extract<ToEngine, { type: 'stream' }>): void {
    const waiting = this.#takeWaiting(id, file);
    if (waiting) waiting.resolve(stream);
    else abortStream(stream);
  }

  /** The window has no stream to give. */
  failStream({ id, file, detail }: Extract<ToEngine, { type: 'streamFailed' }>): void {
    this.#takeWaiting(id, file)?.reject(new MillraceError('sink-failed', detail));
  }

  /** Does the write that the mailbox holds. */
  write({ session, mailbox }: OpenCore): void {
    const write = mailbox.get(0);
    const entry = this.#table.get(mailbox.get(1));
    const file = mailbox.get(2);
    const offset = mailbox.get(3);
    const bytes = mailbox.view(mailbox.get(5), mailbox.get(4));
    if (entry?.direction === 'receive' && entry.incoming) {
      const answer = (): void => this.#context.core()?.session.writeDone(write, performance.now());
      try {
        const pending = entry.incoming.write(file, offset, bytes);
        this.#tellStored(entry.incoming);
        if (pending) {
          pending.then(
            () => this.#context.run(answer),
            (caught: unknown) =>
              this.#context.run(() => {
                this.#failSink(entry, caught);
                answer();
              }),
          );
          return;
        }
      } catch (caught) {
        this.#failSink(entry, caught);
      }
    }
    session.writeDone(write, performance.now());
  }

  /** Every byte of a file is written, and its hash tree agrees: closes the file. */
  fileReceived(entry: Entry, file: number, size: number): void {
    if (entry.direction !== 'receive' || !entry.incoming) return;
    entry.incoming.finish(file, size).then(
      (blob) =>
        this.#context.run(() => {
          if (!this.#table.isLive(entry)) return;
          if (blob) entry.blobs.set(file, blob);
          this.#context.core()?.session.fileStored(entry.transfer, file, performance.now());
        }),
      (caught: unknown) => this.#context.run(() => this.#failSink(entry, caught)),
    );
  }

  async #open(entry: ReceiveEntry, sink: SinkChoice, directory: FileSystemDirectoryHandle | undefined): Promise<void> {
    const store = await createStore(this.#toStoreChoice(entry, sink), entry, directory);
    if (!this.#table.isLive(entry)) {
      await this.#table.cleanUp(store.abort(true));
      return;
    }
    entry.incoming = new Incoming(store, entry.files);
    const claimed = this.#claiming.then(() => this.#claim(entry));
    this.#claiming = claimed.catch(() => {});
    await claimed;
  }

  #toStoreChoice(entry: ReceiveEntry, sink: SinkChoice): StoreChoice {
    if (typeof sink === 'object') return { directory: sink };
    return sink === 'stream' ? { open: (file) => this.#openStream(entry, file) } : sink;
  }

  /** Gives the core the bytes of an earlier attempt. */
  async #claim(entry: ReceiveEntry): Promise<void> {
    const core = this.#context.core();
    if (!core || !entry.incoming) return;
    const { session, mailbox } = core;
    const address = session.existingBuffer();
    await entry.incoming.readExisting(
      (length) => mailbox.view(address, length),
      (file, offset, length) => {
        if (!this.#table.isLive(entry) || this.#context.core() !== core) return false;
        session.addExisting(entry.transfer, file, offset, length);
        return true;
      },
    );
  }

  #openStream(entry: ReceiveEntry, file: FileInfo): Promise<WritableStream<Uint8Array>> {
    if (!this.#table.isLive(entry)) return Promise.reject(new MillraceError('cancelled', 'the transfer ended'));
    const stream = deferred<WritableStream<Uint8Array>>();
    entry.streams.set(file.id, stream);
    this.#context.post({ type: 'openStream', id: entry.id, file });
    return stream.promise;
  }

  #takeWaiting(id: string, file: number): ReturnType<typeof deferred<WritableStream<Uint8Array>>> | undefined {
    const entry = this.#table.find(id);
    if (entry?.direction !== 'receive') return undefined;
    const waiting = entry.streams.get(file);
    entry.streams.delete(file);
    return waiting;
  }

  #tellStored({ folder }: Incoming): void {
    if (this.#hasStored || folder === undefined) return;
    this.#hasStored = true;
    this.#context.post({ type: 'stored' });
  }

  #failSink(entry: Entry, caught: unknown): void {
    const { code, explanation } = toSinkError(caught);
    this.#table.fail(entry, code, explanation);
  }
}

/** Aborts a stream that came too late, so that its owner releases the file behind it. */
export function abortStream(stream: WritableStream<Uint8Array>): void {
  // It may have failed already, or be locked by its owner.
  stream.abort(new MillraceError('cancelled', 'the transfer ended before its stream was open')).catch(() => {});
}
