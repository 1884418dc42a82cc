import { MillraceError } from '../errors.js';
import type { FileInfo } from '../types.js';
import { openStreamWriter } from './opfs_stream.js';
import { hasSyncAccess, openSyncWriter } from './opfs_sync.js';
import type { FileWriter, Store } from './sink.js';
import { createFolder, removeStored } from './stored.js';

/** A writer that can let go of its file before it is finished. */
export interface AbortableWriter extends FileWriter {
  abort(): Promise<void>;
}

/**
 * Keeps the files in the origin's private file system: in a worker written in place straight from the heap, in a window
 * through a stream. Their names are the files' numbers; what the other side calls them never becomes a path.
 */
export class OpfsStore implements Store {
  readonly folder: string;
  readonly #directory: FileSystemDirectoryHandle;
  readonly #open = new Set<AbortableWriter>();
  #aborted = false;

  private constructor(folder: string, directory: FileSystemDirectoryHandle) {
    this.folder = folder;
    this.#directory = directory;
  }

  /** Errors: rejects with 'out-of-space' when the browser grants less than `totalBytes`. */
  static async create(totalBytes: number): Promise<OpfsStore> {
    const { quota, usage = 0 } = await navigator.storage.estimate();
    if (quota !== undefined && totalBytes > quota - usage) {
      throw new MillraceError('out-of-space', `${totalBytes} bytes offered, ${quota - usage} left for this site`);
    }
    const { name, handle } = await createFolder();
    return new OpfsStore(name, handle);
  }

  async open(file: FileInfo): Promise<FileWriter> {
    const handle = await this.#directory.getFileHandle(String(file.id), { create: true });
    const inner = await (hasSyncAccess(handle) ? openSyncWriter(handle) : openStreamWriter(handle, file.size));
    if (this.#aborted) {
      await inner.abort();
      await removeStored(this.folder);
      throw new MillraceError('cancelled', 'the transfer ended while a file was being opened');
    }
    this.#open.add(inner);
    return {
      write: (offset, bytes) => inner.write(offset, bytes),
      close: async (size) => {
        await inner.close(size);
        this.#open.delete(inner);
        const stored = await handle.getFile();
        // A slice is still backed by the file, and says what type it is.
        return stored.slice(0, stored.size, file.type);
      },
    };
  }

  async abort(): Promise<void> {
    this.#aborted = true;
    await Promise.allSettled([...this.#open].map((writer) => writer.abort()));
    this.#open.clear();
    await removeStored(this.folder);
  }
}
