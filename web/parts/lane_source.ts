import { isBlob, isBuffer } from '../api/brand.js';
import { MillraceError } from '../api/errors.js';
import { SlabReader } from '../sources/slab_reader.js';

/** Data for `LaneSet.send`. A blob is read chunk by chunk. */
export type LaneSource = ArrayBufferView | ArrayBuffer | Blob;

/** Data that can be read at any offset, and more than once. */
export interface LaneData {
  readonly bytes: number;
  /** Passes the bytes to `put`, in order; undefined: it has already done so. Errors: rejects with 'source-failed' or 'source-changed'. */
  read(offset: number, length: number, put: (piece: Uint8Array) => void): Promise<void> | undefined;
}

/** Errors: throws 'invalid-argument' for any other value. */
export function toLaneData(source: LaneSource): LaneData {
  if (isBlob(source)) return new BlobData(source);
  if (isBuffer(source)) return memoryData(new Uint8Array(source));
  if (ArrayBuffer.isView(source)) return memoryData(new Uint8Array(source.buffer, source.byteOffset, source.byteLength));
  throw new MillraceError('invalid-argument', 'data must be an ArrayBuffer, a view of one, or a Blob');
}

function memoryData(data: Uint8Array): LaneData {
  return {
    bytes: data.length,
    read: (offset, length, put) => {
      put(data.subarray(offset, offset + length));
      return undefined;
    },
  };
}

class BlobData implements LaneData {
  readonly bytes: number;
  readonly #reader: SlabReader;

  constructor(blob: Blob) {
    this.bytes = blob.size;
    this.#reader = new SlabReader([blob]);
  }

  read(offset: number, length: number, put: (piece: Uint8Array) => void): Promise<void> | undefined {
    if (length === 0) return undefined;
    const found = this.#reader.read(0, offset, length, put);
    const check = (read: number): void => {
      if (read < length) throw new MillraceError('source-changed', 'the blob is shorter than before');
    };
    if (typeof found !== 'number') return found.then(check);
    check(found);
    return undefined;
  }
}
