import { MillraceError } from '../api/errors.js';
import type { FileInfo } from '../api/types.js';
import { namesLike } from '../base/unique_name.js';
import { openFileStream } from './file_stream.js';
import { exclusively } from './locks.js';
import { OpenWriters } from './open_writers.js';
import type { AbortableWriter, ExistingRange, FileWriter, Store } from './sink.js';
import { isDomException } from './sink_error.js';

/** Chromium writes into NAME.crswap beside the file, and that name has 255 bytes at most, too. */
const MAX_NAME_BYTES = 248;
/** Without this lock, two transfers that find a name free at the same moment would write into one file. */
const NAMING_LOCK = 'millrace/naming';

/** An entry that this store made. */
interface Made<Handle extends FileSystemHandle> {
  readonly parent: FileSystemDirectoryHandle;
  readonly handle: Handle;
}

/**
 * Writes into a folder that the page provides, with the folders of each file's path. Existing entries stay as they are: a file
 * whose name is taken becomes "name (2).ext", and one whose name the browser refuses gets a similar one. An early end removes unfinished files, and then the folders that are empty.
 */
export class DirectoryStore implements Store {
  readonly existing: readonly ExistingRange[] = [];
  readonly #directory: FileSystemDirectoryHandle;
  readonly #writers = new OpenWriters<DirectoryWriter>();
  /** By the path that the other side sent. */
  readonly #folders = new Map<string, FileSystemDirectoryHandle>();
  /** Outer folders first. */
  readonly #madeFolders: Made<FileSystemDirectoryHandle>[] = [];

  private constructor(directory: FileSystemDirectoryHandle) {
    this.#directory = directory;
  }

  /** Errors: rejects with 'sink-failed' if the page has no permission to write there. */
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
      await parent.removeEntry(handle.name).catch(() => {}); // A folder with finished files stays.
    }
  }

  async finish(): Promise<void> {}

  async #openWriter({ path, size }: FileInfo): Promise<DirectoryWriter> {
    const parts = path.split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..')) {
      throw new MillraceError('sink-failed', `"${path}" is not a path within a folder`);
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
    // The stream may have failed already. The file cannot be removed before its stream has ended.
    await this.#stream.abort().catch(() => {});
    await this.#file.parent.removeEntry(this.#file.handle.name);
  }
}

/** Only Chromium has it. */
interface WithPermission {
  queryPermission?(options: { mode: 'readwrite' }): Promise<PermissionState>;
}

/** 'granted' where there is no such permission: in the private file system, and in Firefox. */
async function permissionOf(directory: FileSystemDirectoryHandle & WithPermission): Promise<PermissionState> {
  return (await directory.queryPermission?.({ mode: 'readwrite' })) ?? 'granted';
}

/** Makes an empty file of that name, or of the next free one. */
function makeFile(parent: FileSystemDirectoryHandle, wanted: string): Promise<FileSystemFileHandle> {
  return withAllowedName(wanted, async (base) => {
    for (const name of namesLike(base, MAX_NAME_BYTES)) {
      const found = await look(parent.getFileHandle(name));
      if (found === 'nothing') return parent.getFileHandle(name, { create: true });
    }
    throw tooManyNamed(wanted);
  });
}

/** Finds or makes the folder of that name. If a file has the name, the next name is tried. */
function findFolder(
  parent: FileSystemDirectoryHandle,
  wanted: string,
): Promise<{ handle: FileSystemDirectoryHandle; made: boolean }> {
  return withAllowedName(wanted, async (base) => {
    for (const name of namesLike(base, MAX_NAME_BYTES)) {
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

/** Finds an entry. 'other': a file in place of a folder, or a folder in place of a file. */
async function look<Handle>(handle: Promise<Handle>): Promise<Handle | 'nothing' | 'other'> {
  try {
    return await handle;
  } catch (caught) {
    if (isDomException(caught, 'NotFoundError')) return 'nothing';
    if (isDomException(caught, 'TypeMismatchError')) return 'other';
    throw caught;
  }
}

/**
 * Browsers refuse names with a meaning for the operating system, such as "a.lnk", and Chromium those with format characters (flags of
 * regions, some Arabic signs) or with a space or '~' at an end. The first of these names that the browser takes is used: the name, the
 * same with a '_' at its end, the same without such characters.
 */
async function withAllowedName<T>(name: string, action: (name: string) => Promise<T>): Promise<T> {
  const plain = name.replace(/\p{Format}/gu, '').replace(/^[\s~]|[\s~]$/gu, '_');
  for (const attempt of [name, `${name}_`, plain]) {
    try {
      return await action(attempt);
    } catch (caught) {
      if (!(caught instanceof TypeError)) throw caught;
    }
  }
  return action(`${plain}_`);
}
