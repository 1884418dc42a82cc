import { MillraceError } from '../api/errors.js';
import type { FileInfo } from '../api/types.js';
import type { Journal } from './journal.js';
import { OpenWriters } from './open_writers.js';
import { RangeSet, type Range } from './range_set.js';
import type { AbortableWriter, ExistingRange, FileWriter, Store } from './sink.js';
import { removeStored } from './stored.js';
import { writeFully, type SyncFile, type SyncFileHandle } from './sync_file.js';
import { finishFolder, type TransferFolder } from './transfer_folder.js';

/** A crash loses at most this much time of writing, ms. */
const FLUSH_INTERVAL_MS = 1_000;
/**
 * Largest share of the time that flushes take on a slow disk. A flush blocks this worker until the disk has all bytes: 17 ms at
 * 25 MB/s, in Chromium and in Firefox.
 */
const MAX_FLUSH_SHARE = 0.1;

/**
 * Files of the private file system that a worker writes in place, straight from the heap, with a journal of the durable parts.
 * They are named by their numbers: names from the other side never become paths.
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
        // A slice is still backed by the file, and has the type.
        return stored.slice(0, stored.size, file.type);
      },
    };
  }

  async abort(keep: boolean): Promise<void> {
    await this.#startingToRead?.catch(() => {}); // `readExisting` reports it.
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
    await finishFolder(this.#folder, this.#journal.header);
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

  /** Makes written bytes durable, then adds them to the journal. Bytes that cannot be flushed are not claimed. */
  #flush(): void {
    this.#timer = undefined;
    const start = performance.now();
    for (const writer of this.#writers) {
      this.#claim(writer.flush().map(({ begin, end }) => ({ file: writer.number, begin, end })));
    }
    try {
      this.#journal.flush();
    } catch {
      // The lines may still become durable. Without them, bytes are sent again.
    }
    this.#flushDelayMs = Math.max(FLUSH_INTERVAL_MS, (performance.now() - start) / MAX_FLUSH_SHARE);
  }

  #claim(ranges: readonly ExistingRange[]): void {
    if (ranges.length === 0) return;
    try {
      this.#journal.claim(ranges);
      this.#claimed = true;
    } catch {
      // There is no room for a line: a later attempt sends these bytes again. Earlier lines still count.
    }
  }
}

function openSync(handle: FileSystemFileHandle): Promise<SyncFile> {
  return (handle as unknown as SyncFileHandle).createSyncAccessHandle();
}

class SyncWriter implements AbortableWriter {
  readonly number: number;
  readonly handle: FileSystemFileHandle;
  /** Undefined for a file of unknown size, which cannot be resumed. */
  readonly #unclaimed: RangeSet | undefined;
  readonly #size: number;
  readonly #file: SyncFile;
  #written = false;
  #failure: { readonly reason: unknown } | undefined;

  constructor(number: number, size: number | null, handle: FileSystemFileHandle, file: SyncFile) {
    this.number = number;
    this.handle = handle;
    this.#size = size ?? 0;
    this.#unclaimed = size === null ? undefined : new RangeSet();
    this.#file = file;
  }

  write(offset: number, bytes: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure.reason;
    writeFully(this.#file, bytes, offset);
    this.#unclaimed?.add(offset, offset + bytes.length);
    this.#written = true;
  }

  /** Makes written bytes durable, and returns the leaves that became so. A failure is thrown by the next write. */
  flush(): Range[] {
    if (!this.#written || !this.#unclaimed || this.#failure !== undefined) return [];
    try {
      this.#file.flush();
    } catch (caught) {
      this.#failure = { reason: caught };
      return [];
    }
    this.#written = false;
    return this.#unclaimed.takeLeaves(this.#size);
  }

  async close(size: number): Promise<undefined> {
    try {
      if (this.#failure !== undefined) throw this.#failure.reason;
      if (this.#file.getSize() !== size) this.#file.truncate(size);
      this.#file.flush();
      // Chromium 156 does not report that it could not truncate or flush.
      if (this.#file.getSize() !== size) throw new MillraceError('out-of-space', 'the file has lost bytes on its way to the disk');
    } finally {
      this.#file.close();
    }
    return undefined;
  }

  async abort(): Promise<void> {
    this.#file.close();
  }
}
