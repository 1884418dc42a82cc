import { MillraceError } from '../api/errors.js';
import type { FileInfo } from '../api/types.js';
import { JOURNAL_NAME, type Journal } from './journal.js';
import { OpenWriters } from './open_writers.js';
import { RangeSet, type Range } from './range_set.js';
import type { AbortableWriter, ExistingRange, FileWriter, Store } from './sink.js';
import { removeStored } from './stored.js';
import { writeFully, type SyncFile, type SyncFileHandle } from './sync_file.js';
import type { TransferFolder } from './transfer_folder.js';

/** What a crash may lose, ms of writing. */
const FLUSH_INTERVAL_MS = 1_000;
/**
 * A flush holds up everything else in this worker until the disk has it all (17 ms at 25 MB/s, in Chromium and Firefox): on
 * a slow disk it gets at most this share of the time.
 */
const MAX_FLUSH_SHARE = 0.1;

/**
 * Files of the private file system that a worker writes in place, straight from the heap, with a journal of what is
 * durable. Their names are the files' numbers; what the other side calls them never becomes a path.
 */
export class OpfsSyncStore implements Store {
  readonly folder: string;
  readonly existing: readonly ExistingRange[];
  readonly #folder: TransferFolder;
  readonly #journal: Journal;
  readonly #writers = new OpenWriters<SyncWriter>();
  /** The file that is being read back. */
  #reading: { readonly number: number; readonly file: SyncFile } | undefined;
  #startingToRead: Promise<SyncFile> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #flushDelayMs = FLUSH_INTERVAL_MS;
  #claimed: boolean;

  /** The store releases the folder and closes the journal. */
  constructor(folder: TransferFolder, journal: Journal, existing: readonly ExistingRange[]) {
    this.folder = folder.name;
    this.existing = existing;
    this.#folder = folder;
    this.#journal = journal;
    this.#claimed = existing.length > 0;
  }

  readExisting(file: number, offset: number, bytes: Uint8Array<ArrayBuffer>): number | Promise<number> {
    if (this.#reading?.number === file) return this.#reading.file.read(bytes, { at: offset });
    this.#startingToRead = this.#startReading(file);
    return this.#startingToRead.then((opened) => opened.read(bytes, { at: offset }));
  }

  async open(file: FileInfo): Promise<FileWriter> {
    this.#stopReading();
    const writer = await this.#writers.add(this.#openWriter(file));
    return {
      write: (offset, bytes) => {
        writer.write(offset, bytes);
        this.#timer ??= setTimeout(() => this.#flush(), this.#flushDelayMs);
      },
      close: async (size) => {
        await writer.close(size);
        this.#writers.delete(writer);
        if (file.size !== null && size > 0) this.#claim([{ file: file.id, begin: 0, end: size }]);
        const stored = await writer.handle.getFile();
        // A slice is still backed by the file, and says what type it is.
        return stored.slice(0, stored.size, file.type);
      },
    };
  }

  async abort(keep: boolean): Promise<void> {
    await this.#startingToRead?.catch(() => {}); // Whoever reads hears of it.
    this.#stopReading();
    clearTimeout(this.#timer);
    if (keep) this.#flush();
    await this.#writers.abort();
    this.#journal.close();
    try {
      if (!keep || !this.#claimed || !this.#folder.resumable) await removeStored(this.folder);
    } finally {
      this.#folder.release();
    }
  }

  async finish(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopReading();
    this.#journal.close();
    try {
      await this.#folder.handle.removeEntry(JOURNAL_NAME);
    } finally {
      this.#folder.release();
    }
  }

  async #openWriter({ id, size }: FileInfo): Promise<SyncWriter> {
    const handle = await this.#folder.handle.getFileHandle(String(id), { create: true });
    return new SyncWriter(id, size, handle, await openSync(handle));
  }

  async #startReading(number: number): Promise<SyncFile> {
    this.#stopReading();
    const file = await openSync(await this.#folder.handle.getFileHandle(String(number)));
    this.#reading = { number, file };
    return file;
  }

  #stopReading(): void {
    this.#reading?.file.close();
    this.#reading = undefined;
  }

  /** Makes durable what was written, then says so in the journal. What cannot be flushed is not claimed. */
  #flush(): void {
    this.#timer = undefined;
    const start = performance.now();
    for (const writer of this.#writers) {
      this.#claim(writer.flush().map(({ begin, end }) => ({ file: writer.number, begin, end })));
    }
    try {
      this.#journal.flush();
    } catch {
      // The lines may still become durable; without them, bytes are sent once more.
    }
    this.#flushDelayMs = Math.max(FLUSH_INTERVAL_MS, (performance.now() - start) / MAX_FLUSH_SHARE);
  }

  #claim(ranges: readonly ExistingRange[]): void {
    if (ranges.length === 0) return;
    try {
      this.#journal.claim(ranges);
      this.#claimed = true;
    } catch {
      // No room for a line: the bytes are sent once more if it comes to that, and what is said already still holds.
    }
  }
}

function openSync(handle: FileSystemFileHandle): Promise<SyncFile> {
  return (handle as unknown as SyncFileHandle).createSyncAccessHandle();
}

class SyncWriter implements AbortableWriter {
  readonly number: number;
  readonly handle: FileSystemFileHandle;
  /** Undefined where the size is unknown: nobody could go on with such a file. */
  readonly #unclaimed: RangeSet | undefined;
  readonly #size: number;
  readonly #file: SyncFile;
  #written = false;
  #failure: unknown;

  constructor(number: number, size: number | null, handle: FileSystemFileHandle, file: SyncFile) {
    this.number = number;
    this.handle = handle;
    this.#size = size ?? 0;
    this.#unclaimed = size === null ? undefined : new RangeSet();
    this.#file = file;
  }

  write(offset: number, bytes: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    writeFully(this.#file, bytes, offset);
    this.#unclaimed?.add(offset, offset + bytes.length);
    this.#written = true;
  }

  /** Makes durable what was written, and answers which leaves became so. A failure shows at the next write. */
  flush(): Range[] {
    if (!this.#written || !this.#unclaimed || this.#failure !== undefined) return [];
    try {
      this.#file.flush();
    } catch (caught) {
      this.#failure = caught;
      return [];
    }
    this.#written = false;
    return this.#unclaimed.takeLeaves(this.#size);
  }

  async close(size: number): Promise<undefined> {
    try {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#file.getSize() !== size) this.#file.truncate(size);
      this.#file.flush();
      // Chromium 156 says nothing where it could not do it.
      if (this.#file.getSize() !== size) throw new MillraceError('out-of-space', 'the file could not be made whole');
    } finally {
      this.#file.close();
    }
    return undefined;
  }

  async abort(): Promise<void> {
    this.#file.close();
  }
}
