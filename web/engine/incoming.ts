import type { FileInfo } from '../api/types.js';
import { nextTask } from '../base/tasks.js';
import type { FileWriter, Store } from '../sinks/sink.js';

/** Files that are open ahead of the one that is being received, unless the store says otherwise: opening a file takes milliseconds. */
const OPEN_AHEAD = 16;
/** Size of the pieces in which the core takes bytes of an earlier attempt, bytes. */
const EXISTING_BYTES = 256 * 1024;
/** After this time of reading, events are handled first, ms. */
const EXISTING_BUDGET_MS = 8;

/** The files of one transfer on their way into its store. */
export class Incoming {
  readonly #store: Store;
  readonly #files: readonly FileInfo[];
  readonly #writers = new Map<number, FileWriter | Promise<FileWriter>>();
  #openedUpTo = 0;

  constructor(store: Store, files: readonly FileInfo[]) {
    this.#store = store;
    this.#files = files;
  }

  get folder(): string | undefined {
    return this.#store.folder;
  }

  /** Share of the store's memory limit that is in use, 0 to 1; undefined for stores that use no memory. */
  get memoryShare(): number | undefined {
    return this.#store.memoryShare;
  }

  /**
   * Reads the bytes of an earlier attempt, piece by piece, into memory that `viewOf` gives; `take` returns whether to go on. Bytes
   * that cannot be read are not claimed, and so are sent again. Called once, before any write. Then opens the first files.
   */
  async readExisting(
    viewOf: (length: number) => Uint8Array<ArrayBuffer>,
    take: (file: number, offset: number, length: number) => boolean,
  ): Promise<void> {
    let turnEnds = performance.now() + EXISTING_BUDGET_MS;
    for (const { file, begin, end } of this.#store.existing) {
      for (let offset = begin; offset < end; offset += EXISTING_BYTES) {
        const length = Math.min(EXISTING_BYTES, end - offset);
        const answer = this.#store.readExisting(file, offset, viewOf(length));
        const found = await Promise.resolve(answer).catch(() => 0);
        if (found < length) break;
        if (!take(file, offset, length)) return;
        if (performance.now() < turnEnds) continue;
        await nextTask();
        turnEnds = performance.now() + EXISTING_BUDGET_MS;
      }
    }
    this.#openAhead(0);
  }

  /** Writes at once where the store does, and otherwise returns a promise. Errors: throws or rejects as the store does. */
  write(file: number, offset: number, bytes: Uint8Array<ArrayBuffer>): void | Promise<void> {
    const writer = this.#writer(file);
    if (writer instanceof Promise) return writer.then((opened) => opened.write(offset, bytes));
    return writer.write(offset, bytes);
  }

  /** Closes a file, every byte of which is written. Errors: rejects as the store does. */
  async finish(file: number, size: number): Promise<Blob | undefined> {
    const writer = await this.#writer(file);
    this.#writers.delete(file);
    return writer.close(size);
  }

  /** Every file is finished. Errors: rejects as the store does. */
  async complete(): Promise<void> {
    await this.#store.finish();
  }

  /** The transfer ended early. `keep`: partial files may be of use to a later attempt. */
  async abort(keep: boolean): Promise<void> {
    this.#writers.clear();
    await this.#store.abort(keep);
  }

  #writer(file: number): FileWriter | Promise<FileWriter> {
    const writer = this.#writers.get(file) ?? this.#open(file);
    this.#openAhead(file + 1);
    return writer;
  }

  #openAhead(from: number): void {
    const end = Math.min(from + (this.#store.opensAhead ?? OPEN_AHEAD), this.#files.length);
    for (let file = Math.max(from, this.#openedUpTo); file < end; file += 1) {
      if (!this.#writers.has(file)) void this.#open(file);
    }
    this.#openedUpTo = Math.max(this.#openedUpTo, end);
  }

  #open(file: number): FileWriter | Promise<FileWriter> {
    const opened = this.#tryOpen(file);
    this.#writers.set(file, opened);
    if (opened instanceof Promise) {
      opened.then(
        (writer) => {
          // The next write does not wait, unless the file is finished already.
          if (this.#writers.get(file) === opened) this.#writers.set(file, writer);
        },
        () => {}, // The next write to the file reports it.
      );
    }
    return opened;
  }

  #tryOpen(file: number): FileWriter | Promise<FileWriter> {
    try {
      return this.#store.open(this.#files[file]!);
    } catch (caught) {
      return Promise.reject(caught);
    }
  }
}
