import type { SkippedFile, Sources } from '../api/types.js';
import { startSharedReader, type SharedReader, type WorkerSource } from '../engine/shared_reader.js';
import { SLAB_BYTES } from '../sources/slab_reader.js';
import { toSourceFiles, type SourceFile } from '../sources/source.js';
import type { ListedSource } from './transfers.js';

/** The files of a transfer to several sessions. They are listed once, and read once where the sessions are at about the same place. */
export class SharedSource implements ListedSource {
  readonly files: readonly SourceFile[] | Promise<readonly SourceFile[]>;
  readonly skipped: readonly SkippedFile[];
  #bytesRead = 0;
  #reader: SharedReader | undefined;
  readonly #isShared: boolean;
  #closed = false;

  /** `name`: for sources without a name. `isShared`: more than one session may send it. Errors: throws as `toSourceFiles`. */
  constructor(sources: Sources, name: string | undefined, isShared: boolean) {
    this.#isShared = isShared;
    const skipped: SkippedFile[] = [];
    this.files = toSourceFiles(sources, name, skipped);
    this.skipped = skipped;
    // Each transfer reports it.
    if (this.files instanceof Promise) this.files.catch(() => {});
  }

  /** Bytes that the common reader has read. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /**
   * The way to the common reader, for one session; undefined where each session reads by itself. `files`: the listed ones.
   * `workers`: as for `startSharedReader`.
   */
  open(files: readonly SourceFile[], workers: WorkerSource | undefined): MessagePort | undefined {
    if (!this.#isShared || this.#closed) return undefined;
    const blobs = files.flatMap(({ body }) => (body instanceof Blob ? [body] : []));
    const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
    // Streams cannot be read twice; a single slab is not worth a worker.
    if (blobs.length < files.length || bytes <= SLAB_BYTES) return undefined;
    this.#reader ??= startSharedReader(blobs, workers, (count) => (this.#bytesRead += count));
    return this.#reader.open();
  }

  /** No session reads any more. */
  close(): void {
    this.#closed = true;
    this.#reader?.close();
    this.#reader = undefined;
  }
}
