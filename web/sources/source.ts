import { MillraceError } from '../api/errors.js';
import type { Source } from '../api/types.js';
import type { CoreFile } from '../wasm/session.js';
import { MAX_FILES, walkDirectory } from './directory_walk.js';

/** Where a file's bytes are. */
export type SourceBody = Blob | ReadableStream<Uint8Array>;

/** A source as the engine takes it: what is said about it, and where its bytes are. */
export interface SourceFile {
  readonly info: CoreFile;
  readonly body: SourceBody;
}

/**
 * Looks at what the caller wants to send. The answer comes at once unless a directory is among it, which has to be walked
 * through first. `name`: of what has none.
 * Errors: throws 'invalid-argument' for an empty list, something that is no source, or a stream that has a reader; throws
 * or rejects with 'too-large' for too many files; rejects with 'source-failed' when a directory cannot be read, and with
 * 'invalid-argument' when no files are in it.
 */
export function toSourceFiles(
  source: Source | readonly Source[],
  name = 'untitled',
): SourceFile[] | Promise<SourceFile[]> {
  const sources: readonly Source[] = isList(source) ? source : [source];
  const streams = sources.filter((each) => isStream(each));
  if (new Set(streams).size < streams.length) {
    throw new MillraceError('invalid-argument', 'a stream can be sent once only');
  }
  // All are looked at before a walk begins.
  const groups = sources.map((each) => (isDirectory(each) ? each : [toSourceFile(each, name)]));
  if (groups.every((group) => Array.isArray(group))) return checkCount(groups.flat());
  const walks = groups.map((group) => (Array.isArray(group) ? group : toSourceFilesIn(group)));
  return Promise.all(walks).then((found) => checkCount(found.flat()));
}

function checkCount(files: SourceFile[]): SourceFile[] {
  if (files.length === 0) throw new MillraceError('invalid-argument', 'nothing to send');
  if (files.length > MAX_FILES) throw new MillraceError('too-large', `a transfer takes ${MAX_FILES} files at most`);
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
    // A blob goes to the worker by reference, and the caller's array may change afterwards.
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
