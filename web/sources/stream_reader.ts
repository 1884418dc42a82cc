import { describe, MillraceError } from '../api/errors.js';
import type { SourceReader } from './source_reader.js';

/**
 * Reads one stream from beginning to end. Only the rest of the last chunk is kept, so that each read has to begin where the one
 * before ended. Reads can be requested while others wait.
 */
export class StreamReader implements SourceReader {
  readonly #stream: ReadableStreamDefaultReader<unknown>;
  #rest = new Uint8Array(0);
  #position = 0;
  #ended = false;
  /** The last of the reads that wait. Once one has failed, all later ones fail in the same way. */
  #reading: Promise<number> | undefined;

  /** Errors: throws 'source-failed' when the stream has a reader already. */
  constructor(stream: ReadableStream<unknown>) {
    try {
      this.#stream = stream.getReader();
    } catch (caught) {
      throw MillraceError.from(caught, 'source-failed');
    }
  }

  read(_file: number, offset: number, length: number, put: (piece: Uint8Array) => void): number | Promise<number> {
    if (!this.#reading && offset === this.#position && (this.#ended || this.#rest.length >= length)) {
      return this.#take(length, put);
    }
    const before = this.#reading ?? Promise.resolve(0);
    const reading = before.then(() => this.#read(offset, length, put));
    this.#reading = reading;
    reading.then(
      () => {
        if (this.#reading === reading) this.#reading = undefined;
      },
      () => {},
    );
    return reading;
  }

  close(): void {
    this.#rest = new Uint8Array(0);
    this.#ended = true;
    this.#stream.cancel().catch(() => {}); // The stream failed before, and the read of that time reported it.
  }

  async #read(offset: number, length: number, put: (piece: Uint8Array) => void): Promise<number> {
    if (this.#ended && offset >= this.#position) return 0;
    if (offset !== this.#position) {
      throw new MillraceError('source-failed', `a stream at byte ${this.#position} cannot be read at byte ${offset}`);
    }
    let found = this.#take(length, put);
    while (found < length && !this.#ended) {
      await this.#fill();
      found += this.#take(length - found, put);
    }
    return found;
  }

  /** Hands over the bytes in memory, at most `length`. */
  #take(length: number, put: (piece: Uint8Array) => void): number {
    const piece = this.#rest.subarray(0, length);
    if (piece.length === 0) return 0;
    this.#rest = this.#rest.subarray(piece.length);
    this.#position += piece.length;
    put(piece);
    return piece.length;
  }

  async #fill(): Promise<void> {
    let result: ReadableStreamReadResult<unknown>;
    try {
      result = await this.#stream.read();
    } catch (caught) {
      throw new MillraceError('source-failed', `the stream failed: ${describe(caught)}`, { cause: caught });
    }
    if (result.done) this.#ended = true;
    else this.#rest = toBytes(result.value);
  }
}

function toBytes(chunk: unknown): Uint8Array<ArrayBuffer> {
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new MillraceError('source-failed', `the stream contains a ${typeof chunk} instead of bytes`);
}
