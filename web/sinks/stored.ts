import { MillraceError } from '../api/errors.js';
import { isDomException } from './sink_error.js';

/** The folder in the origin's private file system that contains all files of Millrace. */
const ROOT = 'millrace';

/**
 * The folder that contains one folder for each transfer.
 * Errors: rejects with 'not-supported' where there is no private file system, or with the browser's exception.
 */
export async function openRoot(): Promise<FileSystemDirectoryHandle> {
  if (navigator.storage === undefined) {
    throw new MillraceError('not-supported', 'there is no private file system: the page is not secure (https)');
  }
  const storage = await navigator.storage.getDirectory();
  return storage.getDirectoryHandle(ROOT, { create: true });
}

/**
 * Removes files that the sink 'opfs' stored: those of one receipt (`receipt.folder`), or all of this origin, including those of
 * earlier visits. Blobs of such a receipt cannot be read afterwards. Resolves if there is nothing to remove.
 * Errors: rejects with the browser's exception, for example while a transfer still writes there.
 */
export async function removeStored(folder?: string): Promise<void> {
  const storage = await navigator.storage.getDirectory();
  try {
    if (folder === undefined) {
      await storage.removeEntry(ROOT, { recursive: true });
    } else {
      const root = await storage.getDirectoryHandle(ROOT);
      await root.removeEntry(folder, { recursive: true });
    }
  } catch (caught) {
    if (!isDomException(caught, 'NotFoundError')) throw caught;
  }
}
