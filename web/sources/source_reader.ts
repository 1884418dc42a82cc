/** Reads the files of one transfer for the core. */
export interface SourceReader {
  /**
   * Reads `length` bytes of a file from `offset` on, and hands them to `put` in order, in one or more pieces; a piece is only
   * valid during the call. Returns the number of bytes, which is less than `length` where the file ended; a promise where the
   * bytes are not in memory yet.
   * Errors: rejects with 'source-changed' or 'source-failed'; the other files can still be read.
   */
  read(file: number, offset: number, length: number, put: (piece: Uint8Array) => void): number | Promise<number>;
  /** Releases all sources. Reads that are under way settle. */
  close(): void;
}
