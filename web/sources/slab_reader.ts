import { readBlob } from './read_blob.js';
import type { SourceReader } from './source_reader.js';

/** Measured: reading small slices costs more than sending them does; slices of 4 MiB do not. */
export const SLAB_BYTES = 4 * 1024 * 1024;

export interface SlabReaderOptions {
  slabBytes?: number;
  /** Read-ahead beyond the last read, bytes. */
  aheadBytes?: number;
  /** Bytes kept at most; beyond that, the least recently used slab is dropped. */
  keptBytes?: number;
  /** Reads a part of a blob. Default: from the blob itself. */
  load?: (file: number, start: number, end: number) => Promise<Uint8Array>;
  /** Called by `close`. */
  onclose?: () => void;
}

/** Read-ahead in slabs, where files are small: enough to hide the latency of opening each. */
const MAX_AHEAD_SLABS = 16;

interface Slab {
  readonly loading: Promise<Uint8Array>;
  readonly bytes: number;
  data: Uint8Array | undefined;
}

/**
 * Reads blobs in slabs, with a read-ahead that crosses the ends of files. Slabs are numbered across all files, so that the next
 * slab always has the next number.
 */
export class SlabReader implements SourceReader {
  readonly #blobs: readonly Blob[];
  readonly #slabBytes: number;
  readonly #aheadBytes: number;
  readonly #keptBytes: number;
  readonly #loadPart: (file: number, start: number, end: number) => Promise<Uint8Array>;
  readonly #onclose: (() => void) | undefined;
  /** Number of the first slab of each file, and at the end the number of all slabs. */
  readonly #firstSlab: number[] = [];
  /** The least recently used first. */
  readonly #slabs = new Map<number, Slab>();
  #held = 0;
  #lastSlab = -1;

  constructor(blobs: readonly Blob[], options: SlabReaderOptions = {}) {
    this.#blobs = blobs;
    this.#slabBytes = options.slabBytes ?? SLAB_BYTES;
    this.#aheadBytes = options.aheadBytes ?? this.#slabBytes;
    this.#keptBytes = options.keptBytes ?? 3 * this.#slabBytes;
    this.#loadPart = options.load ?? ((file, start, end) => readBlob(blobs[file]!, start, end));
    this.#onclose = options.onclose;
    let next = 0;
    for (const blob of blobs) {
      this.#firstSlab.push(next);
      next += Math.ceil(blob.size / this.#slabBytes);
    }
    this.#firstSlab.push(next);
  }

  read(file: number, offset: number, length: number, put: (piece: Uint8Array) => void): number | Promise<number> {
    const first = Math.floor(offset / this.#slabBytes);
    const last = Math.floor(Math.max(offset, offset + length - 1) / this.#slabBytes);
    const slabs: Slab[] = [];
    for (let index = first; index <= last; index += 1) {
      const slab = this.#use(file, index);
      if (slab) slabs.push(slab);
    }
    this.#readAhead(file, last);

    const copy = (all: readonly Uint8Array[]): number => {
      let position = offset;
      const end = offset + length;
      for (const [i, data] of all.entries()) {
        const start = (first + i) * this.#slabBytes;
        const piece = data.subarray(position - start, Math.min(end - start, data.length));
        put(piece);
        position += piece.length;
        // A short slab: the file ended here.
        if (position < Math.min(end, start + this.#slabBytes)) break;
      }
      return position - offset;
    };

    const present = slabs.map((slab) => slab.data);
    if (present.every((data) => data !== undefined)) return copy(present);
    return Promise.all(slabs.map((slab) => slab.loading)).then(copy);
  }

  close(): void {
    this.#slabs.clear();
    this.#held = 0;
    this.#onclose?.();
  }

  #use(file: number, index: number): Slab | undefined {
    const number = this.#firstSlab[file]! + index;
    if (number >= this.#firstSlab[file + 1]!) return undefined;
    const slab = this.#slabs.get(number) ?? this.#load(file, index);
    this.#slabs.delete(number);
    this.#slabs.set(number, slab);
    return slab;
  }

  #readAhead(file: number, index: number): void {
    const current = this.#firstSlab[file]! + index;
    if (current === this.#lastSlab) return;
    this.#lastSlab = current;
    let bytes = 0;
    let aheadFile = file;
    const end = Math.min(current + MAX_AHEAD_SLABS, this.#firstSlab[this.#blobs.length]! - 1);
    for (let number = current + 1; number <= end && bytes < this.#aheadBytes; number += 1) {
      while (number >= this.#firstSlab[aheadFile + 1]!) aheadFile += 1;
      const aheadIndex = number - this.#firstSlab[aheadFile]!;
      bytes += (this.#slabs.get(number) ?? this.#load(aheadFile, aheadIndex)).bytes;
    }
  }

  #load(file: number, index: number): Slab {
    const blob = this.#blobs[file]!;
    const start = index * this.#slabBytes;
    const end = Math.min(start + this.#slabBytes, blob.size);
    const number = this.#firstSlab[file]! + index;
    const slab: Slab = {
      bytes: end - start,
      data: undefined,
      loading: this.#loadPart(file, start, end).then((data) => (slab.data = data)),
    };
    slab.loading.catch(() => {
      // Reads that wait for it fail; later ones try again.
      if (this.#slabs.get(number) === slab) this.#remove(number, slab);
    });
    this.#makeRoom(slab.bytes);
    this.#slabs.set(number, slab);
    this.#held += slab.bytes;
    return slab;
  }

  #makeRoom(bytes: number): void {
    for (const [number, slab] of this.#slabs) {
      if (this.#held + bytes <= this.#keptBytes) return;
      this.#remove(number, slab);
    }
  }

  #remove(number: number, slab: Slab): void {
    this.#slabs.delete(number);
    this.#held -= slab.bytes;
  }
}
