import { MillraceError } from '../api/errors.js';
import type { Source } from '../api/types.js';
import type { CoreFile } from '../wasm/session.js';
import { MAX_FILES, walkDirectory } from './directory_walk.js';

/** Where a file's bytes are. */
export type SourceBody = Blob | ReadableStream<Uint8Array>;

/** A source as the engine takes it: its description, and where its bytes are. */
export interface SourceFile {
  readonly info: CoreFile;
  readonly body: SourceBody;
}

/**
 * Lists the files that the caller wants to send. Returns a promise only if there is a directory among the sources, which has to
 * be walked first. `name`: for sources without a name.
 * Errors: throws 'invalid-argument' for an empty list, an invalid source, or a stream that has a reader; throws or rejects with
 * 'too-large' for too many files; rejects with 'source-failed' when a directory cannot be read, and with 'invalid-argument'
 * when it has no files.
 */
export function toSourceFiles(
  source: Source | readonly Source[],
  name = 'untitled',
): SourceFile[] | Promise<SourceFile[]> {
  const sources: readonly Source[] = isList(source) ? source : [source];
  const streams = sources.filter((each) => isStream(each));
  if (new Set(streams).size < streams.length) {
    throw new MillraceError('invalid-argument', 'a stream can be sent only once');
  }
  // All sources are checked before a walk begins.
  const groups = sources.map((each) => (isDirectory(each) ? each : [toSourceFile(each, name)]));
  if (groups.every((group) => Array.isArray(group))) return checkCount(groups.flat());
  const walks = groups.map(async (group) => (Array.isArray(group) ? group : toSourceFilesIn(group)));
  return Promise.all(walks).then((found) => checkCount(found.flat()));
}

function checkCount(files: SourceFile[]): SourceFile[] {
  if (files.length === 0) throw new MillraceError('invalid-argument', 'there are no files to send');
  if (files.length > MAX_FILES) throw new MillraceError('too-large', `a transfer can have at most ${MAX_FILES} files`);
  return files;
}

async function toSourceFilesIn(directory: FileSystemDirectoryHandle): Promise<SourceFile[]> {
  const found = await walkDirectory(directory);
  return found.map(({ path, file }) => toFile(file, file.name, path, file.lastModified));
}

function toSourceFile(source: Source, fallbackName: string): SourceFile {
  if (isFile(source)) {
    const name = source.name || fallbackName;
    return toFile(source, name, source.webkitRelativePath || name, source.lastModified);
  }
  if (source instanceof Blob) return toFile(source, fallbackName, fallbackName, Date.now());
  if (source instanceof Uint8Array) {
    // A blob is passed to the worker by reference, and later changes of the caller's array do not affect it.
    return toFile(new Blob([source as Uint8Array<ArrayBuffer>]), fallbackName, fallbackName, Date.now());
  }
  if (isStream(source)) {
    if (source.locked) throw new MillraceError('invalid-argument', 'the stream has a reader already');
    const info = { name: fallbackName, path: fallbackName, size: null, type: '', lastModified: Date.now() };
    return { info, body: source };
  }
  throw new MillraceError(
    'invalid-argument',
    'a source must be a File, a Blob, a Uint8Array, a ReadableStream or a FileSystemDirectoryHandle',
  );
}

function toFile(blob: Blob, name: string, path: string, lastModified: number): SourceFile {
  return { info: { name, path, size: blob.size, type: blob.type, lastModified }, body: blob };
}

function isList(source: Source | readonly Source[]): source is readonly Source[] {
  return Array.isArray(source);
}

function isFile(source: Source): source is File {
  return typeof File !== 'undefined' && source instanceof File;
}

function isStream(source: Source): source is ReadableStream<Uint8Array> {
  return typeof ReadableStream !== 'undefined' && source instanceof ReadableStream;
}

function isDirectory(source: Source): source is FileSystemDirectoryHandle {
  return typeof FileSystemDirectoryHandle !== 'undefined' && source instanceof FileSystemDirectoryHandle;
}
