import { MillraceError } from '../errors.js';
import type { AbortableWriter } from './opfs.js';

/** What this file needs of `FileSystemSyncAccessHandle`, which exists in dedicated workers only. */
interface SyncAccessHandle {
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  getSize(): number;
  close(): void;
}

interface SyncFileHandle {
  createSyncAccessHandle(): Promise<SyncAccessHandle>;
}

export function hasSyncAccess(handle: object): handle is SyncFileHandle {
  return 'createSyncAccessHandle' in handle && typeof handle.createSyncAccessHandle === 'function';
}

/** Writes at any offset, from a view of the heap, without waiting. */
export async function openSyncWriter(handle: SyncFileHandle): Promise<AbortableWriter> {
  const access = await handle.createSyncAccessHandle();
  return {
    write(offset, bytes) {
      let done = 0;
      while (done < bytes.length) {
        const written = access.write(done === 0 ? bytes : bytes.subarray(done), { at: offset + done });
        if (written === 0) throw new MillraceError('out-of-space', 'the file takes no more bytes');
        done += written;
      }
    },
    async close(size) {
      try {
        if (access.getSize() !== size) access.truncate(size);
        access.flush();
      } finally {
        access.close();
      }
      return undefined;
    },
    async abort() {
      access.close();
    },
  };
}
