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
  const files = entries.map(({ path, size, lastModified, content }) => ({ name: path, lastModified, input: content, ...(size === null ? {} : { size }) }));
  const sizes = entries.map(({ path, size }) => ({ name: path, size: size ?? 0 }));
  return {
    name: archiveName(entries.map(({ path }) => path)),
    size: entries.some(({ size }) => size === null) ? undefined : Number(predictLength(sizes)),
    stream: makeZip(files),
  };
}

/** The name of the folder that holds all files, if there is one. */
function archiveName(paths: readonly string[]): string {
  const [top = '', ...rest] = paths[0]?.split('/') ?? [];
  const isFolder = rest.length > 0 && paths.every((path) => path.startsWith(`${top}/`));
  return `${isFolder ? top : 'Millrace files'}.zip`;
}
