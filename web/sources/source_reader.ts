/** Reads the files of one transfer for the core. */
export interface SourceReader {
  /**
   * Finds `length` bytes of a file from `offset` on, and hands them to `put` in order, in one or more pieces; a piece is
   * only valid during the call. Answers how many there were: fewer than `length` when the file ended before. The answer
   * comes at once when the bytes are at hand.
   * Errors: rejects with 'source-changed' or 'source-failed'; the other files can still be read.
   */
  read(file: number, offset: number, length: number, put: (piece: Uint8Array) => void): number | Promise<number>;
  /** Lets go of everything; reads that are under way settle. */
  close(): void;
}
