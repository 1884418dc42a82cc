import { describe, MillraceError } from '../api/errors.js';

/** Largest number of files in one transfer (PROTOCOL.md). */
export const MAX_FILES = 20_000;

/** A file below a directory; the path begins with the directory's own name. */
export interface FoundFile {
  readonly path: string;
  readonly file: File;
}

/**
 * Finds all files below a directory, sorted by name; the files of a folder stand where the folder's name does. Empty folders
 * are left out.
 * Errors: rejects with 'too-large' for more than `MAX_FILES` entries, folders included, and with 'source-failed' when
 * something cannot be read.
 */
export async function walkDirectory(directory: FileSystemDirectoryHandle): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  await walk(directory, directory.name, { left: MAX_FILES }, found);
  return found;
}

async function walk(
  directory: FileSystemDirectoryHandle,
  path: string,
  entries: { left: number },
  found: FoundFile[],
): Promise<void> {
  const handles = await list(directory, path, entries);
  // Together, because each takes a millisecond, most of it waiting.
  const files = await Promise.all(
    handles.map(async (handle) => (isFile(handle) ? open(handle, join(path, handle.name)) : undefined)),
  );
  for (const [index, handle] of handles.entries()) {
    const file = files[index];
    if (file) found.push(file);
    else await walk(handle as FileSystemDirectoryHandle, join(path, handle.name), entries, found);
  }
}

async function list(
  directory: FileSystemDirectoryHandle,
  path: string,
  entries: { left: number },
): Promise<FileSystemHandle[]> {
  const handles: FileSystemHandle[] = [];
  try {
    for await (const handle of directory.values()) {
      entries.left -= 1;
      if (entries.left < 0) throw new MillraceError('too-large', `a transfer can have at most ${MAX_FILES} files`);
      handles.push(handle);
    }
  } catch (caught) {
    throw toSourceError(caught, path);
  }
  return handles.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function open(handle: FileSystemFileHandle, path: string): Promise<FoundFile> {
  try {
    return { path, file: await handle.getFile() };
  } catch (caught) {
    throw toSourceError(caught, path);
  }
}

function toSourceError(caught: unknown, path: string): MillraceError {
  if (caught instanceof MillraceError) return caught;
  return new MillraceError('source-failed', `${path}: ${describe(caught)}`, { cause: caught });
}

function isFile(handle: FileSystemHandle): handle is FileSystemFileHandle {
  return handle.kind === 'file';
}

/** The root of the private file system has an empty name. */
function join(path: string, name: string): string {
  return path ? `${path}/${name}` : name;
}
