import { SlabClient } from './slab_client.js';
import { SlabReader } from './slab_reader.js';
import type { SourceBody } from './source.js';
import type { SourceReader } from './source_reader.js';
import { StreamReader } from './stream_reader.js';

/** The reader of a file, and the file's number there. */
interface Part {
  readonly reader: SourceReader;
  readonly file: number;
}

/**
 * Reads the files of a transfer, each a blob or a stream. `hub`: leads to the `SlabHub` that reads these blobs for several
 * transfers.
 * Errors: throws 'source-failed' when one of the streams has a reader already.
 */
export function openSources(bodies: readonly SourceBody[], hub?: MessagePort): SourceReader {
  const blobs = bodies.filter((body) => body instanceof Blob);
  const slabs = hub ? openShared(blobs, hub) : new SlabReader(blobs);
  if (blobs.length === bodies.length) return slabs;
  let nextBlob = 0;
  const parts = bodies.map((body): Part => {
    if (body instanceof Blob) return { reader: slabs, file: nextBlob++ };
    return { reader: new StreamReader(body), file: 0 };
  });
  return new CombinedReader(parts);
}

function openShared(blobs: readonly Blob[], hub: MessagePort): SlabReader {
  const client = new SlabClient(hub, blobs);
  return new SlabReader(blobs, { load: (file, start, end) => client.load(file, start, end), onclose: () => client.close() });
}

/** The streams among `bodies`, which must be transferred to a worker; blobs are passed by reference. */
export function transferablesOf(bodies: readonly SourceBody[]): Transferable[] {
  return bodies.filter((body) => !(body instanceof Blob));
}

class CombinedReader implements SourceReader {
  readonly #parts: readonly Part[];

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  read(file: number, offset: number, length: number, put: (piece: Uint8Array) => void): number | Promise<number> {
    const part = this.#parts[file]!;
    return part.reader.read(part.file, offset, length, put);
  }

  close(): void {
    for (const reader of new Set(this.#parts.map((part) => part.reader))) reader.close();
  }
}
