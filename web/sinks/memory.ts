import { MillraceError } from '../api/errors.js';
import type { FileInfo } from '../api/types.js';
import { nextTask } from '../base/tasks.js';
import type { ExistingRange, FileWriter, Store } from './sink.js';

/** Largest transfer that the sink takes, bytes. Browsers may kill a page that keeps more in memory. */
export const MEMORY_LIMIT_BYTES = 1024 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;
/** Pieces that become a blob in one task, so that the copy does not block the window. */
const PIECES_PER_TASK = 8;

/**
 * Keeps the files in memory, in pieces that are allocated when their first byte arrives. `totalBytes`: null while unknown.
 * Errors: 'too-large' when the files exceed the limit, by their declared or by their real size.
 */
export class MemoryStore implements Store {
  readonly existing: readonly ExistingRange[] = [];
  readonly #writers = new Set<MemoryWriter>();
  readonly #limitBytes: number;
  #heldBytes = 0;

  constructor(totalBytes: number | null, limitBytes = MEMORY_LIMIT_BYTES) {
    if (totalBytes !== null && totalBytes > limitBytes) throw tooLarge(limitBytes);
    this.#limitBytes = limitBytes;
  }

  get memoryShare(): number {
    return this.#heldBytes / this.#limitBytes;
  }

  readExisting(): number {
    return 0;
  }

  open(file: FileInfo): FileWriter {
    const writer = new MemoryWriter(file, (bytes) => this.#hold(bytes));
    this.#writers.add(writer);
    return writer;
  }

  async abort(): Promise<void> {
    for (const writer of this.#writers) writer.clear();
    this.#writers.clear();
  }

  async finish(): Promise<void> {}

  #hold(bytes: number): void {
    if (this.#heldBytes + bytes > this.#limitBytes + PIECE_BYTES) throw tooLarge(this.#limitBytes);
    this.#heldBytes += bytes;
  }
}

class MemoryWriter implements FileWriter {
  readonly #file: FileInfo;
  readonly #hold: (bytes: number) => void;
  readonly #pieces = new Map<number, Uint8Array<ArrayBuffer>>();

  constructor(file: FileInfo, hold: (bytes: number) => void) {
    this.#file = file;
    this.#hold = hold;
  }

  write(offset: number, bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) {
      const position = offset + done;
      const index = Math.floor(position / PIECE_BYTES);
      const start = position - index * PIECE_BYTES;
      const part = bytes.subarray(done, done + PIECE_BYTES - start);
      this.#piece(index).set(part, start);
      done += part.length;
    }
  }

  async close(size: number): Promise<Blob> {
    const { type } = this.#file;
    const parts: Blob[] = [];
    const count = Math.ceil(size / PIECE_BYTES);
    for (let first = 0; first < count; first += PIECES_PER_TASK) {
      const group: Uint8Array<ArrayBuffer>[] = [];
      for (let index = first; index < Math.min(first + PIECES_PER_TASK, count); index += 1) {
        group.push(this.#piece(index).subarray(0, size - index * PIECE_BYTES));
        this.#pieces.delete(index);
      }
      parts.push(new Blob(group));
      if (first + PIECES_PER_TASK < count) await nextTask();
    }
    return new Blob(parts, { type });
  }

  clear(): void {
    this.#pieces.clear();
  }

  #piece(index: number): Uint8Array<ArrayBuffer> {
    let piece = this.#pieces.get(index);
    if (!piece) {
      const size = this.#file.size ?? Infinity;
      // The last piece, and so a small file, takes only the memory that it needs.
      const bytes = Math.max(0, Math.min(PIECE_BYTES, size - index * PIECE_BYTES));
      this.#hold(bytes);
      piece = new Uint8Array(bytes);
      this.#pieces.set(index, piece);
    }
    return piece;
  }
}

function tooLarge(limitBytes: number): MillraceError {
  return new MillraceError('too-large', `the memory sink takes at most ${limitBytes} bytes`);
}
