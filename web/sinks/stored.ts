/** Everything that Millrace keeps in the origin's private file system lies below this folder. */
const ROOT = 'millrace';

/** A new folder of random name for one transfer. Errors: rejects with what the browser says where there is no such file system. */
export async function createFolder(): Promise<{ name: string; handle: FileSystemDirectoryHandle }> {
  const storage = await navigator.storage.getDirectory();
  const root = await storage.getDirectoryHandle(ROOT, { create: true });
  const name = crypto.randomUUID();
  return { name, handle: await root.getDirectoryHandle(name, { create: true }) };
}

/**
 * Removes files that the sink 'opfs' stored: those of one receipt (`receipt.folder`), or all of this origin, also those of
 * earlier visits. Blobs of such a receipt cannot be read afterwards. What is not there counts as removed.
 * Errors: rejects with what the browser says, for example while a transfer still writes there.
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
    if (!(caught instanceof DOMException && caught.name === 'NotFoundError')) throw caught;
  }
}
