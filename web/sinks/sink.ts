import type { FileInfo } from '../api/types.js';

/** Size of a leaf of the hash tree (PROTOCOL.md). A sink keeps whole leaves for a later attempt. Bytes. */
export const LEAF_BYTES = 16 * 1024;

/** The transfer that is about to be received. */
export interface StoreOffer {
  /** Names the transfer beyond the session: 32 hexadecimal digits. */
  readonly token: string;
  readonly files: readonly FileInfo[];
  /** Bytes; null when a stream of unknown size is among the files. */
  readonly totalBytes: number | null;
}

/** Bytes of a file that are stored already: from the beginning of a leaf to the end of a leaf or of the file. */
export interface ExistingRange {
  readonly file: number;
  readonly begin: number;
  readonly end: number;
}

/**
 * Stores the files of one transfer. Several files may be open at once.
 * Errors: each function throws or rejects with a `MillraceError` or with the browser's exception; `toSinkError` turns the latter
 * into the former.
 */
export interface Store {
  /** The folder that holds the files, if there is one. */
  readonly folder?: string;
  /** Share of the store's memory limit that is in use, 0 to 1; undefined for stores that use no memory. */
  readonly memoryShare?: number;
  /** So many files are opened before their first byte is there, because opening takes time; default 16. */
  readonly opensAhead?: number;
  /** Ranges that an earlier attempt left, ascending; empty in most stores. */
  readonly existing: readonly ExistingRange[];
  /**
   * Reads bytes of `existing` into `bytes`, whose memory stays valid until the result: the number of bytes. Called before any
   * file is opened, one call at a time.
   */
  readExisting(file: number, offset: number, bytes: Uint8Array<ArrayBuffer>): number | Promise<number>;
  open(file: FileInfo): FileWriter | Promise<FileWriter>;
  /**
   * The transfer ended early. `keep`: partial files stay for a later attempt, if the store can do that; otherwise they are
   * removed. Called once, as the last call.
   */
  abort(keep: boolean): Promise<void>;
  /** Every file is closed: removes files that were needed only to resume. Called once, as the last call. */
  finish(): Promise<void>;
}

/** One file that is being received. Pieces come in any order, each byte once. */
export interface FileWriter {
  /** The memory of `bytes` stays valid until the result. */
  write(offset: number, bytes: Uint8Array<ArrayBuffer>): void | Promise<void>;
  /** All is written: makes `size` bytes durable, and returns their blob if the store has one. */
  close(size: number): Promise<Blob | undefined>;
}

/** A writer that can release its file before it is finished. */
export interface AbortableWriter extends FileWriter {
  abort(): Promise<void>;
}
