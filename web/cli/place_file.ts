import { link, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { namesLike } from '../base/unique_name.js';

/**
 * Moves a verified file to `path` below `folder`; the core has cleaned `path`. A name that is taken gets a number, also that of a folder,
 * so nothing is ever overwritten. Both lie in one file system. Returns the path of the file.
 * Errors: rejects with the error of the file system.
 */
export async function placeFile(source: string, folder: string, path: string): Promise<string> {
  const parts = path.split('/');
  let parent = folder;
  for (const part of parts.slice(0, -1)) parent = await findFolder(parent, part);
  const target = await move(source, join(parent, parts.at(-1)!));
  return target;
}

async function findFolder(parent: string, wanted: string): Promise<string> {
  for (const name of namesLike(wanted)) {
    const path = join(parent, name);
    try {
      await mkdir(path);
      return path;
    } catch (caught) {
      if (codeOf(caught) !== 'EEXIST') throw caught;
      // A link to nowhere is in the way, too.
      const found = await stat(path).catch(() => undefined);
      if (found?.isDirectory()) return path;
    }
  }
  throw tooMany(wanted);
}

async function move(source: string, wanted: string): Promise<string> {
  for (const name of namesLike(basename(wanted))) {
    const target = join(dirname(wanted), name);
    try {
      await moveTo(source, target);
      return target;
    } catch (caught) {
      if (codeOf(caught) !== 'EEXIST') throw caught;
    }
  }
  throw tooMany(basename(wanted));
}

/** Errors: rejects with EEXIST for a name that is taken: `rename` alone would overwrite. */
async function moveTo(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
    await unlink(source);
  } catch (caught) {
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP', 'EMLINK'].includes(codeOf(caught))) throw caught;
    // The file system has no links. The name is taken with an empty file, which `rename` replaces.
    await (await open(target, 'wx')).close();
    await rename(source, target);
  }
}

function codeOf(caught: unknown): string {
  return String((caught as { code?: unknown }).code);
}

function tooMany(name: string): Error {
  return new Error(`the folder has too many entries named like "${name}"`);
}
