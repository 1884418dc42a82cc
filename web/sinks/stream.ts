import { MillraceError } from '../api/errors.js';
import type { FileInfo } from '../api/types.js';
import { deferred, type Deferred } from '../base/deferred.js';
import { OpenWriters } from './open_writers.js';
import type { AbortableWriter, ExistingRange, FileWriter, Store } from './sink.js';

/** Opens the stream for one file's bytes. */
export type OpenStream = (file: FileInfo) => WritableStream<Uint8Array> | Promise<WritableStream<Uint8Array>>;

/** Streams that are open, or being closed, besides the one of the first file that is not finished. */
const MAX_AHEAD = 2;

/**
 * Passes each file on to a stream of the page, in order and no faster than the stream takes it. The page is asked for a stream when
 * the first bytes of its file are there, and for at most two files beyond the first one that is not finished: bytes of later files wait.
 */
export class StreamStore implements Store {
  readonly existing: readonly ExistingRange[] = [];
  readonly opensAhead = 0;
  readonly #openStream: OpenStream;
  readonly #writers = new OpenWriters<InOrderWriter>();
  /** All files below this are finished. */
  #firstUnfinished = 0;
  /** Finished files from there on. */
  readonly #finished = new Set<number>();
  /** Files that wait for their turn. */
  readonly #turns = new Map<number, Deferred<void>>();

  constructor(openStream: OpenStream) {
    this.#openStream = openStream;
  }

  readExisting(): number {
    return 0;
  }

  async open(file: FileInfo): Promise<FileWriter> {
    const writer = await this.#writers.add(this.#openWriter(file));
    return {
      write: (offset, bytes) => writer.write(offset, bytes),
      close: async (size) => {
        await writer.close(size);
        this.#writers.delete(writer);
        this.#onFinished(file.id);
        return undefined;
      },
    };
  }

  async abort(): Promise<void> {
    for (const turn of this.#turns.values()) turn.reject(new MillraceError('cancelled', 'the transfer ended before the turn of the file'));
    this.#turns.clear();
    await this.#writers.abort();
  }

  async finish(): Promise<void> {}

  async #openWriter(file: FileInfo): Promise<InOrderWriter> {
    if (!this.#isInReach(file.id)) {
      const turn = deferred<void>();
      this.#turns.set(file.id, turn);
      await turn.promise;
    }
    return new InOrderWriter((await this.#openStream(file)).getWriter());
  }

  #isInReach(file: number): boolean {
    return file <= this.#firstUnfinished + MAX_AHEAD;
  }

  #onFinished(file: number): void {
    this.#finished.add(file);
    while (this.#finished.delete(this.#firstUnfinished)) this.#firstUnfinished += 1;
    for (const [waiting, turn] of this.#turns) {
      if (!this.#isInReach(waiting)) continue;
      this.#turns.delete(waiting);
      turn.resolve();
    }
  }
}

/** Bytes that wait for earlier bytes, or for the stream. */
interface Waiting {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Writes arrive in any order and wait for their turn; the other side's credit bounds the bytes that wait. A write resolves when
 * the stream has taken its bytes and wants more.
 */
class InOrderWriter implements AbortableWriter {
  readonly #stream: WritableStreamDefaultWriter<Uint8Array>;
  /** By offset. */
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;
  #pumping = false;
  #failure: { readonly reason: unknown } | undefined;

  constructor(stream: WritableStreamDefaultWriter<Uint8Array>) {
    this.#stream = stream;
    // A stream may fail, or its owner may close it, while nothing is being written.
    stream.closed.catch((reason: unknown) => this.#fail(reason));
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure.reason);
    return new Promise((resolve, reject) => {
      this.#waiting.set(offset, { bytes, resolve, reject });
      if (!this.#pumping) void this.#pump();
    });
  }

  async close(size: number): Promise<undefined> {
    if (this.#failure) throw this.#failure.reason;
    if (this.#next !== size) throw new MillraceError('internal', `the stream took ${this.#next} of ${size} bytes`);
    await this.#stream.close();
    return undefined;
  }

  async abort(): Promise<void> {
    const reason = new MillraceError('cancelled', 'the transfer ended before the file did');
    this.#fail(reason);
    await this.#stream.abort(reason);
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      for (let next = this.#waiting.get(this.#next); next; next = this.#waiting.get(this.#next)) {
        // A copy, because the stream may keep its chunks, and the heap is reused once this write has resolved.
        const copy = next.bytes.slice();
        this.#stream.write(copy).catch((reason: unknown) => this.#fail(reason));
        await this.#stream.ready;
        this.#waiting.delete(this.#next);
        this.#next += copy.length;
        next.resolve();
      }
    } catch (caught) {
      this.#fail(caught);
    }
    this.#pumping = false;
  }

  #fail(reason: unknown): void {
    this.#failure ??= { reason };
    for (const { reject } of this.#waiting.values()) reject(this.#failure.reason);
    this.#waiting.clear();
  }
}
