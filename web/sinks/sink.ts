import type { FileInfo } from '../api/types.js';

/** Where a sink may cut what it keeps for a later attempt: the leaves of the hash tree (PROTOCOL.md), bytes. */
export const LEAF_BYTES = 16 * 1024;

/** What is about to be received. */
export interface StoreOffer {
  /** Names the transfer beyond the session: 32 hexadecimal digits. */
  readonly token: string;
  readonly files: readonly FileInfo[];
  /** Bytes; null when a stream of unknown size is among the files. */
  readonly totalBytes: number | null;
}

/** Bytes of a file that are there already: from a leaf's begin to a leaf's end or to the end of the file. */
export interface ExistingRange {
  readonly file: number;
  readonly begin: number;
  readonly end: number;
}

/**
 * Where the files of one transfer go. Files are opened when their first byte arrives, several at a time.
 * Errors: everything throws or rejects with a `MillraceError` or with whatever the browser says; `toSinkError` makes the
 * former of the latter.
 */
export interface Store {
  /** The folder that holds the files, where there is one. */
  readonly folder?: string;
  /** In use of the memory that the store may take, 0 to 1, where it takes any. */
  readonly memoryShare?: number;
  /** What an earlier attempt left, ascending; empty in most stores. */
  readonly existing: readonly ExistingRange[];
  /**
   * Reads such bytes into `bytes`, which stays as it is until the answer: how many there were. Called before any file is
   * opened, one call at a time.
   */
  readExisting(file: number, offset: number, bytes: Uint8Array<ArrayBuffer>): number | Promise<number>;
  open(file: FileInfo): FileWriter | Promise<FileWriter>;
  /**
   * The transfer ended early. `keep`: what is partial stays for a later attempt, where the store can do that; otherwise
   * everything goes that no person could use. Called once, after which nothing else is.
   */
  abort(keep: boolean): Promise<void>;
  /** Every file is closed: what was only needed to go on later goes. Called once, after which nothing else is. */
  finish(): Promise<void>;
}

/** One file that is being received. Pieces come in any order, each byte once. */
export interface FileWriter {
  /** `bytes` stays as it is until the answer. */
  write(offset: number, bytes: Uint8Array<ArrayBuffer>): void | Promise<void>;
  /** All is written: makes `size` bytes durable, and answers them where they can be had. */
  close(size: number): Promise<Blob | undefined>;
}

/** A writer that can let go of its file before it is finished. */
export interface AbortableWriter extends FileWriter {
  abort(): Promise<void>;
}
