import { MillraceError } from '../api/errors.js';
import type { AbortableWriter } from './sink.js';

/** Neighbouring records are written together, up to this size, because each call costs more than its bytes do. Bytes. */
const BATCH_BYTES = 1024 * 1024;
/** Above this the next write waits, which in turn limits the other side's credit. Bytes. */
const MAX_PENDING_BYTES = 4 * BATCH_BYTES;

/**
 * Writes through a `FileSystemWritableFileStream`, which works in windows and in folders that people chose. Bytes are copied,
 * because the stream takes them later. The file gets its bytes when it is closed, and is unchanged when it is aborted.
 * `size`: of the file, bytes, if known.
 * Errors: rejects with 'not-supported' where the browser has no such stream (Safari before 26), otherwise as every writer.
 */
export async function openFileStream(handle: FileSystemFileHandle, size: number | null): Promise<AbortableWriter> {
  if (!('createWritable' in handle)) {
    throw new MillraceError('not-supported', 'this browser can write files only in workers');
  }
  return new FileStreamWriter(await handle.createWritable(), Math.min(size ?? BATCH_BYTES, BATCH_BYTES));
}

class FileStreamWriter implements AbortableWriter {
  readonly #stream: FileSystemWritableFileStream;
  readonly #batchBytes: number;
  #batch: Uint8Array<ArrayBuffer> | undefined;
  #batchStart = 0;
  #batchLength = 0;
  #pending = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(stream: FileSystemWritableFileStream, batchBytes: number) {
    this.#stream = stream;
    this.#batchBytes = batchBytes;
  }

  write(offset: number, bytes: Uint8Array): void | Promise<void> {
    const follows = offset === this.#batchStart + this.#batchLength;
    if (!follows || this.#batchLength + bytes.length > this.#batchBytes) this.#flush();
    if (this.#batchLength === 0) this.#batchStart = offset;
    this.#batch ??= new Uint8Array(Math.max(this.#batchBytes, bytes.length));
    this.#batch.set(bytes, this.#batchLength);
    this.#batchLength += bytes.length;
    // An earlier write that failed rejects here or in `close`.
    return this.#pending > MAX_PENDING_BYTES ? this.#writing : undefined;
  }

  async close(size: number): Promise<undefined> {
    this.#flush();
    await this.#writing;
    await this.#stream.truncate(size);
    await this.#stream.close();
    return undefined;
  }

  async abort(): Promise<void> {
    this.#batch = undefined;
    this.#batchLength = 0;
    await this.#stream.abort();
  }

  #flush(): void {
    if (!this.#batch || this.#batchLength === 0) return;
    const data = this.#batch.subarray(0, this.#batchLength);
    const position = this.#batchStart;
    this.#batch = undefined;
    this.#batchLength = 0;
    this.#pending += data.length;
    this.#writing = this.#writing.then(async () => {
      await this.#stream.write({ type: 'write', position, data });
      this.#pending -= data.length;
    });
    this.#writing.catch(() => {});
  }
}
