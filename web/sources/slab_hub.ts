import { MillraceError } from '../api/errors.js';
import { readBlob } from './read_blob.js';
import { SLAB_BYTES } from './slab_reader.js';

/** From a reader to the hub. 'done': it reads no more. */
export type SlabRequest = { readonly read: number; readonly file: number; readonly start: number; readonly end: number } | 'done';
/** The answer to the request with the same number: bytes, which belong to the reader then, or why there are none. */
export type SlabAnswer = { readonly read: number; readonly bytes: ArrayBuffer } | { readonly read: number; readonly code: string; readonly detail: string };

interface Slab {
  readonly loading: Promise<Uint8Array<ArrayBuffer>>;
  readonly bytes: number;
}

export interface SlabHubOptions {
  /** Slabs are kept up to this size in all, bytes; beyond that, the least recently used one is dropped. Default: 8 slabs of 4 MiB. */
  readonly keptBytes?: number;
  /** Called with the size of each part that was read from a blob. */
  readonly onread?: (bytes: number) => void;
}

/**
 * Reads blobs for several readers, each behind a `MessagePort`. A slab that one of them asked for stays in memory for the others,
 * so readers at about the same place cost one read of the file. Nobody waits for anybody: a reader that falls back further than
 * what is kept has its slabs read again.
 */
export class SlabHub {
  readonly #blobs: readonly Blob[];
  readonly #keptBytes: number;
  readonly #onread: ((bytes: number) => void) | undefined;
  readonly #ports = new Set<MessagePort>();
  /** By file and range; the least recently used first. */
  readonly #slabs = new Map<string, Slab>();
  #held = 0;

  constructor(blobs: readonly Blob[], { keptBytes = 8 * SLAB_BYTES, onread }: SlabHubOptions = {}) {
    this.#blobs = blobs;
    this.#keptBytes = keptBytes;
    this.#onread = onread;
  }

  /** Bytes in memory, without the copies on their way to readers. */
  get heldBytes(): number {
    return this.#held;
  }

  /** Answers the reader at the other end of `port` until it is done. */
  attach(port: MessagePort): void {
    this.#ports.add(port);
    port.onmessage = ({ data }: MessageEvent<SlabRequest>) => {
      if (data === 'done') this.#detach(port);
      else void this.#answer(port, data);
    };
  }

  /** Readers that are not done read by themselves. */
  close(): void {
    for (const port of [...this.#ports]) this.#detach(port);
  }

  #detach(port: MessagePort): void {
    port.close();
    this.#ports.delete(port);
    if (this.#ports.size > 0) return;
    this.#slabs.clear();
    this.#held = 0;
  }

  async #answer(port: MessagePort, { read, file, start, end }: Exclude<SlabRequest, 'done'>): Promise<void> {
    let answer: SlabAnswer;
    try {
      // A copy, which is transferred: the slab stays for the other readers.
      answer = { read, bytes: (await this.#use(file, start, end)).slice().buffer };
    } catch (caught) {
      const { code, explanation } = MillraceError.from(caught, 'source-failed');
      answer = { read, code, detail: explanation };
    }
    if (this.#ports.has(port)) port.postMessage(answer, 'bytes' in answer ? [answer.bytes] : []);
  }

  #use(file: number, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const key = `${file}:${start}:${end}`;
    const slab = this.#slabs.get(key) ?? this.#load(key, file, start, end);
    if (this.#slabs.delete(key)) this.#slabs.set(key, slab);
    return slab.loading;
  }

  #load(key: string, file: number, start: number, end: number): Slab {
    const slab: Slab = { bytes: end - start, loading: readBlob(this.#blobs[file]!, start, end) };
    for (const [oldest, { bytes }] of this.#slabs) {
      if (this.#held + slab.bytes <= this.#keptBytes) break;
      this.#remove(oldest, bytes);
    }
    this.#slabs.set(key, slab);
    this.#held += slab.bytes;
    slab.loading.then(
      ({ length }) => this.#onread?.(length),
      () => {
        // Reads that wait for it fail; later ones try again.
        if (this.#slabs.get(key) === slab) this.#remove(key, slab.bytes);
      },
    );
    return slab;
  }

  #remove(key: string, bytes: number): void {
    this.#slabs.delete(key);
    this.#held -= bytes;
  }
}
