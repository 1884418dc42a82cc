import { openAsBlob, type Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, relative, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { messageOf } from '../base/message_of.js';
import { namesLike } from '../base/unique_name.js';
import type { SkippedFile, Source } from '../index.js';
import { UsageError } from './usage_error.js';

/** What is sent: the keys are the names of the streams. */
export interface Found {
  readonly sources: ReadonlyMap<string, Source>;
  readonly skipped: readonly SkippedFile[];
  /** Files whose names are not UTF-8: under these names they are sent. */
  readonly renamed: readonly string[];
}

const STANDARD_INPUT = new Set(['-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0']);

/**
 * The files at `paths`, and all files in folders among them, with their paths. `-` is standard input; pipes are read as streams. Bytes
 * are read when they are sent. In a folder, links, devices, pipes and files that cannot be read are left out and reported.
 * Errors: rejects with a `UsageError` for a path that cannot be sent, and when nothing is left to send.
 */
export async function openFiles(paths: readonly string[]): Promise<Found> {
  const collection = new Collection();
  for (const path of paths) await collection.addArgument(path);
  if (paths.length > 0 && collection.sources.size === 0) {
    const reasons = collection.skipped.map(({ path, reason }) => `${path}: ${reason}`);
    throw new UsageError(['there is nothing to send: no file in the folder can be sent', ...reasons].join('\n'));
  }
  return collection;
}

class Collection implements Found {
  readonly sources = new Map<string, Source>();
  readonly skipped: SkippedFile[] = [];
  readonly renamed: string[] = [];

  async addArgument(path: string): Promise<void> {
    if (STANDARD_INPUT.has(path)) return this.#addStream('standard input', toStream(process.stdin));
    const top = resolve(path);
    const found = await stat(top).catch((caught: unknown) => refuse(path, reasonOf(caught)));
    if (found.isDirectory()) return this.#addFolder(Buffer.from(top), dirname(top), path);
    const reason = reasonAgainst(found);
    if (found.isFIFO()) return this.#addStream(basename(top), toStream((await open(top)).createReadStream()));
    if (reason !== undefined) refuse(path, reason);
    try {
      // Files of /proc are said to be empty, and are not.
      if (found.size === 0 && (await readsBytes(top))) this.#addStream(basename(top), toStream((await open(top)).createReadStream()));
      else this.#addFile(await openFile(Buffer.from(top), dirname(top), found));
    } catch (caught) {
      refuse(path, reasonOf(caught));
    }
  }

  async #addFolder(top: Buffer, base: string, path: string): Promise<void> {
    // The folder itself has to be readable; folders in it are left out if they are not.
    await this.#walk(top, base).catch((caught: unknown) => refuse(path, reasonOf(caught)));
  }

  /** Names are bytes: those that are not UTF-8 can be opened only with them. */
  async #walk(folder: Buffer, base: string): Promise<void> {
    const entries = await readdir(folder, { encoding: 'buffer', withFileTypes: true });
    for (const entry of entries.sort((a, b) => Buffer.compare(a.name, b.name))) {
      const path = Buffer.concat([folder, Buffer.from(sep), entry.name]);
      const shown = relative(base, path.toString());
      const skip = (reason: string): void => void this.skipped.push({ path: shown, reason });
      try {
        if (entry.isDirectory()) await this.#walk(path, base);
        // It may lead anywhere.
        else if (entry.isSymbolicLink()) skip('a symbolic link');
        else await this.#addEntry(path, base, shown);
      } catch (caught) {
        if (caught instanceof UsageError) throw caught;
        skip(reasonOf(caught));
      }
    }
  }

  async #addEntry(path: Buffer, base: string, shown: string): Promise<void> {
    const found = await stat(path);
    const reason = found.isFIFO() ? 'a pipe' : reasonAgainst(found);
    if (reason !== undefined) {
      this.skipped.push({ path: shown, reason });
      return;
    }
    await (await open(path)).close();
    this.#addFile(await openFile(path, base, found));
    if (!Buffer.from(shown).equals(path.subarray(path.length - Buffer.byteLength(shown))) || shown.includes('\ufffd')) this.renamed.push(shown);
  }

  #addFile(file: File): void {
    this.sources.set(`file ${this.sources.size}`, file);
  }

  #addStream(name: string, stream: ReadableStream<Uint8Array>): void {
    for (const free of namesLike(name)) {
      if (this.sources.has(free)) continue;
      this.sources.set(free, stream);
      return;
    }
  }
}

async function openFile(path: Buffer, base: string, { mtimeMs }: Stats): Promise<File> {
  const shown = path.toString();
  const file = new File([await openAsBlob(path)], basename(shown), { lastModified: Math.round(mtimeMs) });
  Object.defineProperty(file, 'webkitRelativePath', { value: relative(base, shown).split(sep).join('/') });
  return file;
}

function toStream(readable: Readable): ReadableStream<Uint8Array> {
  return Readable.toWeb(readable) as ReadableStream<Uint8Array>;
}

async function readsBytes(path: string): Promise<boolean> {
  const handle = await open(path);
  try {
    return (await handle.read(new Uint8Array(1), 0, 1, 0)).bytesRead > 0;
  } finally {
    await handle.close();
  }
}

/** Why something that is no folder and no pipe cannot be sent; undefined for a file. */
function reasonAgainst(found: Stats): string | undefined {
  if (found.isBlockDevice() || found.isCharacterDevice()) return 'a device: pipe its content to standard input, and send -';
  return found.isFile() || found.isFIFO() ? undefined : 'not a file';
}

function reasonOf(caught: unknown): string {
  const { code } = caught as { code?: unknown };
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'it may not be read';
  return messageOf(caught);
}

function refuse(path: string, reason: string): never {
  throw new UsageError(`${path}: ${reason}`);
}
