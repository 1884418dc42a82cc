import { MillraceError } from '../api/errors.js';
import type { SkippedFile } from '../api/types.js';

/** Largest number of files in one transfer (PROTOCOL.md). */
export const MAX_FILES = 20_000;

/** A file below a directory; the path begins with the directory's own name. */
export interface FoundFile {
  readonly path: string;
  readonly file: File;
}

/**
 * Finds all files below a directory, sorted by name; the files of a folder stand where the folder's name does. Empty folders
 * are left out, and so are files and folders that cannot be read: these are added to `skipped`.
 * Errors: rejects with 'too-large' for more than `MAX_FILES` entries, folders included, and with 'source-failed' when
 * the directory itself cannot be read.
 */
export async function walkDirectory(directory: FileSystemDirectoryHandle, skipped: SkippedFile[]): Promise<FoundFile[]> {
  const walk: Walk = { left: MAX_FILES, found: [], skipped };
  try {
    await visit(directory, directory.name, walk);
  } catch (caught) {
    const error = toSourceError(caught);
    throw error.code === 'source-failed' ? new MillraceError('source-failed', `${directory.name}: ${error.explanation}`, { cause: caught }) : error;
  }
  return walk.found;
}

interface Walk {
  /** Entries that may still be found. */
  left: number;
  readonly found: FoundFile[];
  readonly skipped: SkippedFile[];
}

async function visit(directory: FileSystemDirectoryHandle, path: string, walk: Walk): Promise<void> {
  const handles = await list(directory, walk);
  // Together, because each takes a millisecond, most of it waiting.
  const files = await Promise.all(
    handles.map(async (handle) => (isFile(handle) ? open(handle, join(path, handle.name)).catch(toSourceError) : undefined)),
  );
  for (const [index, handle] of handles.entries()) {
    const file = files[index];
    const own = join(path, handle.name);
    if (file instanceof MillraceError) skip(walk, own, file);
    else if (file) walk.found.push(file);
    else await visit(handle as FileSystemDirectoryHandle, own, walk).catch((caught: unknown) => skip(walk, own, toSourceError(caught)));
  }
}

async function list(
  directory: FileSystemDirectoryHandle,
  walk: Walk,
): Promise<FileSystemHandle[]> {
  const handles: FileSystemHandle[] = [];
  try {
    for await (const handle of directory.values()) {
      walk.left -= 1;
      if (walk.left < 0) throw new MillraceError('too-large', `a transfer can have at most ${MAX_FILES} files`);
      handles.push(handle);
    }
  } catch (caught) {
    throw toSourceError(caught);
  }
  return handles.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function open(handle: FileSystemFileHandle, path: string): Promise<FoundFile> {
  return { path, file: await handle.getFile() };
}

/** Errors: throws an error that is not about this entry alone. */
function skip(walk: Walk, path: string, error: MillraceError): void {
  if (error.code !== 'source-failed') throw error;
  walk.skipped.push({ path, reason: error.explanation });
}

function toSourceError(caught: unknown): MillraceError {
  return MillraceError.from(caught, 'source-failed');
}

function isFile(handle: FileSystemHandle): handle is FileSystemFileHandle {
  return handle.kind === 'file';
}

/** The root of the private file system has an empty name. */
function join(path: string, name: string): string {
  return path ? `${path}/${name}` : name;
}
