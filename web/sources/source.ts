import { MillraceError } from '../api/errors.js';
import type { SkippedFile, Source, Sources } from '../api/types.js';
import { isBlob, isBuffer, isDirectory, isFile, isFileHandle, isMap, isStream } from '../api/brand.js';
import { toFileTime } from '../base/file_time.js';
import { isRecord } from '../base/is_record.js';
import { toWellFormed } from '../base/well_formed.js';
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
 * Lists the files that the caller wants to send. Returns a promise only if there is a handle of the file system among the sources,
 * which has to be read first. `name`: for sources without a name. Files of folders that cannot be read are left out, and added to
 * `skipped`.
 * Errors: throws 'invalid-argument' for an empty list, an invalid source, or a stream that has a reader; throws or rejects with
 * 'too-large' for too many files; rejects with 'source-failed' when a directory cannot be read, and with 'invalid-argument'
 * when it has no files.
 */
export function toSourceFiles(source: Sources, name = '', skipped: SkippedFile[] = []): SourceFile[] | Promise<SourceFile[]> {
  const sources = listSources(source, name);
  const streams = sources.map(({ source: each }) => each).filter((each) => isStream(each));
  if (new Set(streams).size < streams.length) {
    throw new MillraceError('invalid-argument', 'a stream can be sent only once');
  }
  // All sources are checked before a walk begins.
  const groups = sources.map(({ source: each, name: own }) => (isHandle(each) ? each : [toSourceFile(each, own || 'untitled')]));
  if (groups.every((group) => Array.isArray(group))) return checkCount(groups.flat());
  const reads = groups.map(async (group) => (Array.isArray(group) ? group : readHandle(group, skipped)));
  return Promise.all(reads).then((found) => checkCount(found.flat(), skipped));
}

/**
 * The same sources in a form that can be read for each of several transfers: what a generator gives is kept.
 * Errors: throws as `toSourceFiles` for a list that cannot be read.
 */
export function keepSources(source: Sources): Exclude<Sources, Source> {
  const listed = listSources(source, '').map(({ source: each }) => each);
  return isMap(source) ? new Map(source) : listed;
}

/** Whether one of them can be read only once. */
export function hasStream(sources: Sources): boolean {
  return listSources(sources, '').some(({ source }) => isStream(source));
}

/** A source, and the name that it has where it has none itself. */
interface NamedSource {
  readonly source: Source;
  readonly name: string;
}

/** The keys of a map that are texts are the names of its values. */
function listSources(source: Sources, name: string): NamedSource[] {
  const sources: NamedSource[] = [];
  try {
    if (!isList(source)) return [{ source, name }];
    const named = isMap(source);
    for (const each of source as Iterable<unknown>) {
      if (sources.length >= MAX_FILES) throw tooMany();
      const [key, value] = named ? (each as [unknown, unknown]) : [undefined, each];
      sources.push({ source: value as Source, name: typeof key === 'string' ? key : name });
    }
  } catch (caught) {
    throw MillraceError.from(caught, 'invalid-argument');
  }
  return sources;
}

/** A stream and a text are iterable, too. */
function isList(source: Sources): source is Exclude<Sources, Source> {
  if (!isRecord(source) || ArrayBuffer.isView(source) || isStream(source)) return false;
  return typeof (source as { [Symbol.iterator]?: unknown })[Symbol.iterator] === 'function';
}

function checkCount(files: SourceFile[], skipped: readonly SkippedFile[] = []): SourceFile[] {
  const [first] = skipped;
  if (files.length === 0 && first) throw new MillraceError('source-failed', `nothing in the folder could be read: ${first.path} (${first.reason})`);
  if (files.length === 0) throw new MillraceError('invalid-argument', 'there is no source to send: the list or folder is empty');
  if (files.length > MAX_FILES) throw tooMany();
  return files;
}

function tooMany(): MillraceError {
  return new MillraceError('too-large', `a transfer can have at most ${MAX_FILES} files`);
}

type Handle = FileSystemFileHandle | FileSystemDirectoryHandle;

function isHandle(source: unknown): source is Handle {
  return isDirectory(source) || isFileHandle(source);
}

async function readHandle(handle: Handle, skipped: SkippedFile[]): Promise<SourceFile[]> {
  if (handle.kind === 'directory') {
    return (await walkDirectory(handle, skipped)).map(({ path, file }) => toFile(file, file.name, path, file.lastModified));
  }
  try {
    return [toSourceFile(await handle.getFile(), handle.name)];
  } catch (caught) {
    throw MillraceError.from(caught, 'source-failed');
  }
}

/** `name`: of a source that has none. Errors: throws 'invalid-argument', also for a detached buffer or an imitation of a file. */
function toSourceFile(source: unknown, name: string): SourceFile {
  try {
    return describeSource(source, name);
  } catch (caught) {
    throw MillraceError.from(caught, 'invalid-argument');
  }
}

function describeSource(source: unknown, name: string): SourceFile {
  if (isFile(source)) {
    const own = source.name || name;
    return toFile(source, own, source.webkitRelativePath || own, source.lastModified);
  }
  if (isBlob(source)) return toFile(source, name, name, Date.now());
  if (typeof source === 'string') return toFile(new Blob([source], { type: 'text/plain;charset=utf-8' }), name, name, Date.now());
  // A blob is passed to the worker by reference, and later changes of the caller's bytes do not affect it.
  if (ArrayBuffer.isView(source) || isBuffer(source)) return toFile(new Blob([copyOf(source)]), name, name, Date.now());
  if (isStream(source)) {
    if (source.locked) throw new MillraceError('invalid-argument', 'the stream has a reader already: not a source');
    return { info: toInfo(name, name, null, '', Date.now()), body: source };
  }
  throw new MillraceError(
    'invalid-argument',
    'a source must be a File, a Blob, an ArrayBuffer or a view of one, a string, a ReadableStream, or a handle of a file or directory',
  );
}

/** Bytes for a blob, which takes none that are shared. Errors: throws for a buffer that was transferred. */
function copyOf(source: ArrayBufferView | ArrayBuffer): Uint8Array<ArrayBuffer> {
  const [buffer, offset, length] = ArrayBuffer.isView(source)
    ? [source.buffer, source.byteOffset, source.byteLength]
    : [source, 0, source.byteLength];
  const view = new Uint8Array(buffer, offset, length);
  return buffer instanceof ArrayBuffer ? (view as Uint8Array<ArrayBuffer>) : new Uint8Array(view);
}

function toFile(blob: Blob, name: string, path: string, lastModified: number): SourceFile {
  return { info: toInfo(name, path, blob.size, blob.type, lastModified), body: toOwnBlob(blob) };
}

/** A blob of another window works like one of this one, once it is wrapped. Errors: throws 'invalid-argument' for an imitation. */
function toOwnBlob(blob: Blob): Blob {
  // Not `instanceof` on its own: TypeScript then takes all others for impossible.
  if ((blob as object) instanceof Blob) return blob;
  const own = new Blob([blob]);
  if (own.size !== blob.size) throw new MillraceError('invalid-argument', 'a source must be a Blob of the browser, not an imitation');
  return own;
}

/** What the core can carry: text in UTF-8, and times from 1970 on. */
function toInfo(name: string, path: string, size: number | null, type: string, lastModified: number): CoreFile {
  return {
    name: toWellFormed(name),
    path: toWellFormed(path),
    size,
    type: toWellFormed(type),
    lastModified: toFileTime(lastModified),
  };
}
