import type { FileInfo, StreamSink } from '../index.js';
import { makeArchive, type ArchiveEntry } from './archive.js';
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
