import { openAsBlob } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { Writable } from 'node:stream';
import { namesLike } from '../base/unique_name.js';
import type { FileInfo } from '../index.js';

/**
 * The files at `paths`, and all files in folders among them, with their paths. Bytes are read when they are sent.
 * Errors: rejects with the error of the file system.
 */
export async function openFiles(paths: readonly string[]): Promise<File[]> {
  const files: File[] = [];
  for (const path of paths) {
    const top = resolve(path);
    if ((await stat(top)).isDirectory()) {
      for (const entry of await readdir(top, { recursive: true, withFileTypes: true })) {
        // Symbolic links are left out: they may lead anywhere.
        if (entry.isFile()) files.push(await openFile(join(entry.parentPath ?? entry.path, entry.name), dirname(top)));
      }
    } else {
      files.push(await openFile(top, dirname(top)));
    }
  }
  return files;
}

async function openFile(path: string, base: string): Promise<File> {
  const { mtimeMs } = await stat(path);
  const file = new File([await openAsBlob(path)], basename(path), { lastModified: Math.round(mtimeMs) });
  Object.defineProperty(file, 'webkitRelativePath', { value: relative(base, path).split(sep).join('/') });
  return file;
}

/**
 * A sink that writes below `folder`. The core has cleaned the paths. A file whose name is taken gets a number, so that nothing is
 * ever overwritten. `written` is called with the path of each file.
 */
export function folderSink(folder: string, written: (file: FileInfo, path: string) => void) {
  return async (file: FileInfo): Promise<WritableStream<Uint8Array>> => {
    const wanted = join(folder, ...file.path.split('/'));
    await mkdir(dirname(wanted), { recursive: true });
    for (const name of namesLike(basename(wanted))) {
      const path = join(dirname(wanted), name);
      try {
        const handle = await open(path, 'wx');
        written(file, path);
        return Writable.toWeb(handle.createWriteStream()) as WritableStream<Uint8Array>;
      } catch (caught) {
        if ((caught as { code?: unknown }).code !== 'EEXIST') throw caught;
      }
    }
    throw new Error(`the folder has too many entries named like "${basename(wanted)}"`);
  };
}
