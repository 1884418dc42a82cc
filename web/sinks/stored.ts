import { MillraceError } from '../api/errors.js';
import { text } from '../api/shape.js';
import { isDomException } from './sink_error.js';

/** The folder in the origin's private file system that contains all files of Millrace. */
const ROOT = 'millrace';

/**
 * The folder that contains one folder for each transfer.
 * Errors: rejects with 'not-supported' where there is no private file system, or with the browser's exception.
 */
export async function openRoot(): Promise<FileSystemDirectoryHandle> {
  return (await openStorage()).getDirectoryHandle(ROOT, { create: true });
}

/** As `openRoot`, but undefined where nothing was ever stored. */
export async function findRoot(): Promise<FileSystemDirectoryHandle | undefined> {
  const storage = await openStorage();
  try {
    return await storage.getDirectoryHandle(ROOT);
  } catch (caught) {
    if (isDomException(caught, 'NotFoundError')) return undefined;
    throw caught;
  }
}

/** Only windows have `persist`. */
type MaybeWindows = StorageManager & { persist?(): Promise<boolean> };

let askedToKeep = false;

/** Asks the browser, once per page, not to evict what is stored when room is short. Firefox asks the user. */
export function askToKeep(): void {
  if (askedToKeep) return;
  askedToKeep = true;
  const storage: MaybeWindows = navigator.storage;
  // Whatever the answer is, the files are stored.
  storage.persist?.().catch(() => {});
}

async function openStorage(): Promise<FileSystemDirectoryHandle> {
  // Node.js has no storage, and before version 21 no navigator.
  const storage = typeof navigator === 'undefined' ? undefined : navigator.storage;
  if (storage === undefined) throw new MillraceError('not-supported', 'there is no private file system: the page is not secure (https)');
  return storage.getDirectory();
}

/**
 * Removes files that the sink 'opfs' stored (`listStored`): those of one receipt (`receipt.folder`), or all of this origin, including those of
 * earlier visits. Blobs of such a receipt cannot be read afterwards. Resolves if there is nothing to remove.
 * Errors: rejects with 'invalid-argument', 'not-supported' where there is no private file system, and 'sink-failed', for example
 * while a transfer still writes there.
 */
export async function removeStored(folder?: string): Promise<void> {
  if (folder !== undefined) text({ least: 1 }).check(folder, 'folder');
  try {
    const storage = await openStorage();
    if (folder === undefined) {
      await storage.removeEntry(ROOT, { recursive: true });
    } else {
      const root = await storage.getDirectoryHandle(ROOT);
      await root.removeEntry(folder, { recursive: true });
    }
  } catch (caught) {
    if (!isDomException(caught, 'NotFoundError')) throw MillraceError.from(caught, 'sink-failed');
  }
}
