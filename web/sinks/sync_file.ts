import { MillraceError } from '../api/errors.js';

/**
 * The part of `FileSystemSyncAccessHandle` that Millrace uses. It exists in dedicated workers only, and locks its file until it is
 * closed.
 */
export interface SyncFile {
  read(bytes: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  getSize(): number;
  close(): void;
}

export interface SyncFileHandle {
  createSyncAccessHandle(): Promise<SyncFile>;
}

export function hasSyncAccess(handle: object): handle is SyncFileHandle {
  return 'createSyncAccessHandle' in handle && typeof handle.createSyncAccessHandle === 'function';
}

/** Writes all of `bytes`. Errors: throws 'out-of-space' when the file takes no more bytes, or the browser's exception. */
export function writeFully(file: SyncFile, bytes: Uint8Array, at: number): void {
  let done = 0;
  while (done < bytes.length) {
    const written = file.write(done === 0 ? bytes : bytes.subarray(done), { at: at + done });
    // Chromium 156 returns -8 as an unsigned number when the quota is used up, and throws nothing.
    if (written === 0 || written > bytes.length - done) {
      throw new MillraceError('out-of-space', 'the file takes no more bytes');
    }
    done += written;
  }
}
