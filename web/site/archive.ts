import { makeZip, predictLength } from 'client-zip';

/** One file of an archive; its bytes are read when its turn comes. */
export interface ArchiveEntry {
  readonly path: string;
  /** Bytes; null: unknown. */
  readonly size: number | null;
  /** Milliseconds since 1970. */
  readonly lastModified: number;
  readonly content: Blob | ReadableStream<Uint8Array>;
}

export interface Archive {
  readonly name: string;
  /** Bytes; undefined where the size of an entry is unknown. */
  readonly size: number | undefined;
  readonly stream: ReadableStream<Uint8Array>;
}

/** An uncompressed ZIP file of `entries`, in their order, made while it is read. The core has made their paths distinct and safe. */
export function makeArchive(entries: readonly ArchiveEntry[]): Archive {
  const files = entries.map(({ path, size, lastModified, content }) => ({ name: path, lastModified: toZipTime(lastModified), input: content, ...(size === null ? {} : { size }) }));
  const sizes = entries.map(({ path, size }) => ({ name: path, size: size ?? 0 }));
  return {
    name: archiveName(entries.map(({ path }) => path)),
    size: entries.some(({ size }) => size === null) ? undefined : Number(predictLength(sizes)),
    stream: makeZip(files),
  };
}

/** The nearest time that an entry of a ZIP file can have: it has the local time, in years of seven bits from 1980 on. */
function toZipTime(ms: number): Date {
  const [first, last] = [new Date(1980, 0, 1), new Date(2107, 11, 31, 23, 59, 58)];
  return new Date(Math.min(Math.max(ms, first.getTime()), last.getTime()));
}

/** Bytes of an archive that is made in memory: what a page of a phone gets. */
const partBytes = 256 * 1024 * 1024;

/** `entries`, in their order, in parts that fit into memory. An entry that alone is larger is a part of its own. */
export function partsOf(entries: readonly ArchiveEntry[], mostBytes = partBytes): ArchiveEntry[][] {
  const parts: ArchiveEntry[][] = [];
  let bytes = Infinity;
  for (const entry of entries) {
    const size = entry.size ?? 0;
    if (bytes + size > mostBytes) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(entry);
    bytes += size;
  }
  return parts;
}

/** The name of the folder that holds all files, if there is one. */
function archiveName(paths: readonly string[]): string {
  const [top = '', ...rest] = paths[0]?.split('/') ?? [];
  const isFolder = rest.length > 0 && paths.every((path) => path.startsWith(`${top}/`));
  return `${isFolder ? top : 'Millrace files'}.zip`;
}
