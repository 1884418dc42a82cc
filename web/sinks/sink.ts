import type { FileInfo } from '../types.js';

/** Where the files of one transfer go. Files are opened when their first byte arrives, several at a time. */
export interface Store {
  /** The folder that holds the files, where there is one. */
  readonly folder?: string;
  /** Errors: throws or rejects with whatever the browser says; the engine makes 'sink-failed' or 'out-of-space' of it. */
  open(file: FileInfo): FileWriter | Promise<FileWriter>;
  /** Removes everything, finished or not. Called once, after which nothing else is. */
  abort(): Promise<void>;
}

/** One file that is being received. Pieces come in any order, each byte once. */
export interface FileWriter {
  /** `bytes` stays as it is until the answer. Errors: as for `open`. */
  write(offset: number, bytes: Uint8Array<ArrayBuffer>): void | Promise<void>;
  /** All is written: makes `size` bytes durable, and answers them where they can be had. */
  close(size: number): Promise<Blob | undefined>;
}
