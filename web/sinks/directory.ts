import { MillraceError } from '../api/errors.js';
import type { FileInfo } from '../api/types.js';
import { namesLike } from '../base/unique_name.js';
import { openFileStream } from './file_stream.js';
import { exclusively } from './locks.js';
import { OpenWriters } from './open_writers.js';
import type { AbortableWriter, ExistingRange, FileWriter, Store } from './sink.js';
import { isDomException } from './sink_error.js';

/** Two transfers that find a name free at the same moment would write into one file. */
const NAMING_LOCK = 'millrace/naming';

/** An entry that this store made. */
interface Made<Handle extends FileSystemHandle> {
  readonly parent: FileSystemDirectoryHandle;
  readonly handle: Handle;
}

/**
 * Writes into a folder that the page provides, with the folders of each file's path. Nothing that is there is changed: who
 * finds a name taken becomes "name (2).ext". An early end removes unfinished files and the folders that are empty then.
 */
export class DirectoryStore implements Store {
  readonly existing: readonly ExistingRange[] = [];
  readonly #directory: FileSystemDirectoryHandle;
  readonly #writers = new OpenWriters<DirectoryWriter>();
  /** By the path that the other side gave. */
  readonly #folders = new Map<string, FileSystemDirectoryHandle>();
  /** Outer ones first. */
  readonly #madeFolders: Made<FileSystemDirectoryHandle>[] = [];

  private constructor(directory: FileSystemDirectoryHandle) {
    this.#directory = directory;
  }

  /** Errors: rejects with 'sink-failed' when the page may not write there. */
  static async create(directory: FileSystemDirectoryHandle): Promise<DirectoryStore> {
    if ((await permissionOf(directory)) !== 'granted') {
      const ask = 'ask for it with requestPermission({ mode: "readwrite" }) when the user clicks';
      throw new MillraceError('sink-failed', `the page may not write to the folder "${directory.name}": ${ask}`);
    }
    return new DirectoryStore(directory);
  }

  readExisting(): number {
    return 0;
  }

  async open(file: FileInfo): Promise<FileWriter> {
    const writer = await this.#writers.add(this.#openWriter(file));
    return {
      write: (offset, bytes) => writer.write(offset, bytes),
      close: async (size) => {
        const blob = await writer.close(size);
        this.#writers.delete(writer);
        return blob;
      },
    };
  }

  async abort(): Promise<void> {
    await this.#writers.abort();
    for (const { parent, handle } of this.#madeFolders.reverse()) {
      await parent.removeEntry(handle.name).catch(() => {}); // Finished files keep theirs.
    }
  }

  async finish(): Promise<void> {}

  async #openWriter({ path, size }: FileInfo): Promise<DirectoryWriter> {
    const parts = path.split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..')) {
      throw new MillraceError('sink-failed', `"${path}" is no path within a folder`);
    }
    const name = parts.pop()!;
    const place = await exclusively(NAMING_LOCK, async () => {
      const parent = await this.#folderFor(parts);
      return { parent, handle: await makeFile(parent, name) };
    });
    try {
      return new DirectoryWriter(place, await openFileStream(place.handle, size));
    } catch (caught) {
      await place.parent.removeEntry(place.handle.name).catch(() => {});
      throw caught;
    }
  }

  async #folderFor(parts: readonly string[]): Promise<FileSystemDirectoryHandle> {
    let folder = this.#directory;
    for (const [depth, name] of parts.entries()) {
      const path = parts.slice(0, depth + 1).join('/');
      const known = this.#folders.get(path);
      if (known) {
        folder = known;
        continue;
      }
      const { handle, made } = await findFolder(folder, name);
      if (made) this.#madeFolders.push({ parent: folder, handle });
      this.#folders.set(path, handle);
      folder = handle;
    }
    return folder;
  }
}

class DirectoryWriter implements AbortableWriter {
  readonly #file: Made<FileSystemFileHandle>;
  readonly #stream: AbortableWriter;

  constructor(file: Made<FileSystemFileHandle>, stream: AbortableWriter) {
    this.#file = file;
    this.#stream = stream;
  }

  write(offset: number, bytes: Uint8Array<ArrayBuffer>): void | Promise<void> {
    return this.#stream.write(offset, bytes);
  }

  async close(size: number): Promise<Blob> {
    await this.#stream.close(size);
    return this.#file.handle.getFile();
  }

  async abort(): Promise<void> {
    // It may have failed already; the file cannot go before its stream has.
    await this.#stream.abort().catch(() => {});
    await this.#file.parent.removeEntry(this.#file.handle.name);
  }
}

/** 'granted' where the browser has no such question: folders of the private file system, and Firefox. */
async function permissionOf(directory: FileSystemDirectoryHandle): Promise<PermissionState> {
  if (!('queryPermission' in directory) || typeof directory.queryPermission !== 'function') return 'granted';
  return directory.queryPermission({ mode: 'readwrite' }) as Promise<PermissionState>;
}

/** Makes an empty file of that name, or of the next one that is free. */
function makeFile(parent: FileSystemDirectoryHandle, wanted: string): Promise<FileSystemFileHandle> {
  return withAllowedName(wanted, async (base) => {
    for (const name of namesLike(base)) {
      const found = await look(parent.getFileHandle(name));
      if (found === 'nothing') return parent.getFileHandle(name, { create: true });
    }
    throw tooManyNamed(wanted);
  });
}

/** The folder of that name; where a file has it, the next one that is a folder or free. */
function findFolder(
  parent: FileSystemDirectoryHandle,
  wanted: string,
): Promise<{ handle: FileSystemDirectoryHandle; made: boolean }> {
  return withAllowedName(wanted, async (base) => {
    for (const name of namesLike(base)) {
      const found = await look(parent.getDirectoryHandle(name));
      if (found === 'nothing') return { handle: await parent.getDirectoryHandle(name, { create: true }), made: true };
      if (found !== 'other') return { handle: found, made: false };
    }
    throw tooManyNamed(wanted);
  });
}

function tooManyNamed(name: string): MillraceError {
  return new MillraceError('sink-failed', `the folder has too many entries named like "${name}"`);
}

/** What is there: 'other' is a file where a folder was asked for, or the other way round. */
async function look<Handle>(handle: Promise<Handle>): Promise<Handle | 'nothing' | 'other'> {
  try {
    return await handle;
  } catch (caught) {
    if (isDomException(caught, 'NotFoundError')) return 'nothing';
    if (isDomException(caught, 'TypeMismatchError')) return 'other';
    throw caught;
  }
}

/** Browsers refuse names that the system would take for something else, such as "a.lnk": those get a '_' behind. */
async function withAllowedName<T>(name: string, action: (name: string) => Promise<T>): Promise<T> {
  try {
    return await action(name);
  } catch (caught) {
    if (!(caught instanceof TypeError)) throw caught;
    return action(`${name}_`);
  }
}
