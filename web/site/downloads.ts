import type { FileInfo, StreamSink } from '../index.js';
import { makeArchive, partsOf, type ArchiveEntry } from './archive.js';
import { make } from './dom.js';
import { betweenSavesMs } from './saving.js';
import { openDownload } from './download_stream.js';

/** Writes files straight to the browser's downloads. */
export interface DownloadSink {
  /** The name of the download. */
  readonly name: string;
  readonly sink: StreamSink;
  /** No more files follow. */
  abandon(): void;
}

/**
 * Sends what is received straight to the browser's downloads: one file as itself, several as a ZIP file. When a person stops the
 * download there, the sink fails. Errors: rejects as `openDownload`.
 */
export async function openDownloadSink(files: readonly FileInfo[]): Promise<DownloadSink> {
  const [only] = files;
  if (only !== undefined && files.length === 1) {
    const download = await openDownload(only.name, only.size ?? undefined);
    // A locked stream belongs to the transfer, which ends it.
    return { name: only.name, sink: () => download, abandon: () => void download.abort().catch(() => {}) };
  }
  const ending = new AbortController();
  const parts = files.map(() => new TransformStream<Uint8Array, Uint8Array>());
  const entries = parts.map(({ readable }, index): ArchiveEntry => {
    const content = readable.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal: ending.signal });
    return { ...files[index]!, content };
  });
  const { name, size, stream } = makeArchive(entries);
  const download = await openDownload(name, size);
  const abandon = (): void => ending.abort(new Error('the download was stopped'));
  stream.pipeTo(download).catch(abandon);
  return { name, sink: ({ id }) => parts[id]!.writable, abandon };
}

/**
 * Begins to put files into one ZIP file among the browser's downloads. `done` resolves when it is there, and rejects when a person
 * stops it. Errors: rejects as `openDownload`.
 */
export async function saveArchive(entries: readonly ArchiveEntry[]): Promise<{ done: Promise<void> }> {
  const { name, size, stream } = makeArchive(entries);
  return { done: stream.pipeTo(await openDownload(name, size)) };
}

/** The browser has read a saved blob's address by then, ms. */
const savedMs = 60_000;

/**
 * Saves files as ZIP files that are made in memory, one after another: for browsers that cannot stream a download. A file that is
 * too large for that is saved as itself. Errors: rejects where the browser has no memory for a part.
 */
export async function saveParts(entries: readonly ArchiveEntry[]): Promise<void> {
  const parts = partsOf(entries);
  for (const [index, part] of parts.entries()) {
    const [only] = part;
    if (parts.length > 1 && part.length === 1 && only?.content instanceof Blob) {
      saveBlob(only.content, only.path.split('/').at(-1) ?? '');
    } else {
      const { name, stream } = makeArchive(part);
      const archive = await new Response(stream).blob();
      saveBlob(archive, parts.length === 1 ? name : name.replace(/\.zip$/, ` (${index + 1} of ${parts.length}).zip`));
    }
    await new Promise((resolve) => setTimeout(resolve, betweenSavesMs));
  }
}

function saveBlob(blob: Blob, name: string): void {
  // Plain bytes: a document with scripts that is opened in a tab would run as this site.
  const address = URL.createObjectURL(blob.slice(0, blob.size, 'application/octet-stream'));
  make('a', { attributes: { download: name, href: address } }).click();
  setTimeout(() => URL.revokeObjectURL(address), savedMs);
}
