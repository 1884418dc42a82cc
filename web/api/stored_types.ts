/** A file of a `StoredTransfer`. Names, path, type and date are those of the offer, as in `FileInfo`. */
export interface StoredFile {
  /** The last part of `path`. */
  readonly name: string;
  /** With '/' between folders. It comes from the other side: never use it as a path without checking it. */
  readonly path: string;
  /** Its MIME type according to the sender; empty if unknown. */
  readonly type: string;
  /** Milliseconds since 1970, according to the sender. */
  readonly lastModified: number;
  /** Bytes of the whole file; null while unknown. */
  readonly size: number | null;
  /** Bytes that are stored; of an interrupted transfer those that a later attempt does not need again. */
  readonly bytes: number;
  /** The content, if the transfer is finished. It cannot be read after `StoredTransfer.remove`. */
  readonly blob?: Blob;
}

/** A transfer that the sink 'opfs' has in this origin's private file system. */
export interface StoredTransfer {
  /** Its folder, as `Receipt.folder`. */
  readonly folder: string;
  /** 'interrupted': it continues when the same files are offered again. Otherwise it is removed after a week, or when room is short. */
  readonly state: 'finished' | 'interrupted';
  /** In the order of the offer. Empty where a crash left nothing but a folder. */
  readonly files: readonly StoredFile[];
  /** Bytes that are stored, of all files. */
  readonly bytes: number;
  /** Bytes of all files; null while the size of one of them is unknown. */
  readonly totalBytes: number | null;
  /** When it was finished, or last written to: milliseconds since 1970. */
  readonly storedAt: number;
  /**
   * Removes the files. Resolves if they are gone already.
   * Errors: rejects with 'invalid-argument' while the transfer is being received again, here or in another page, and with the browser's
   * exception.
   */
  remove(): Promise<void>;
}
