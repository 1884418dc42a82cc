import { openFileStream } from './file_stream.js';
import { hasSyncAccess, writeFully } from './sync_file.js';

/** Makes `text` the content of a file, in a worker or in a window. Errors: rejects as every writer. */
export async function writeText(handle: FileSystemFileHandle, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  if (!hasSyncAccess(handle)) {
    const writer = await openFileStream(handle, bytes.length);
    await writer.write(0, bytes);
    await writer.close(bytes.length);
    return;
  }
  const file = await handle.createSyncAccessHandle();
  try {
    file.truncate(0);
    writeFully(file, bytes, 0);
    file.flush();
  } finally {
    file.close();
  }
}
