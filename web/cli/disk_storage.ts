// The private file system of a browser, in a hidden folder of a disk: files that are being received lie there, and an interrupted
// transfer goes on from there, as in a page.
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { openAsBlob } from 'node:fs';
import { lstat, mkdir, open, readdir, readFile, rm, stat, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SyncFile } from '../sinks/sync_file.js';

const LOCK_RETRY_MS = 50;

/** Makes `navigator.storage` and `navigator.locks` for the sink 'opfs'. `root`: a folder, which is made when it is needed. */
export function provideStorage(root: string): void {
  const storage = {
    getDirectory: async () => {
      await mkdir(root, { recursive: true });
      return new DiskFolder(root, '');
    },
    estimate: async () => {
      const { bavail, bsize } = await statfs(root);
      return { quota: bavail * bsize, usage: 0 };
    },
  };
  const locks = { request: (...args: LockArguments) => request(root, ...args) };
  // Node.js before 21 has no navigator, and later ones have one without storage.
  if (typeof navigator === 'undefined') Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
  Object.defineProperty(navigator, 'storage', { value: storage, configurable: true });
  Object.defineProperty(navigator, 'locks', { value: locks, configurable: true });
}

class DiskFolder {
  readonly kind = 'directory';
  readonly name: string;
  readonly [Symbol.toStringTag] = 'FileSystemDirectoryHandle';
  readonly #path: string;

  constructor(path: string, name: string) {
    this.#path = path;
    this.name = name;
  }

  async getDirectoryHandle(name: string, { create = false } = {}): Promise<DiskFolder> {
    const path = join(this.#path, name);
    if (create) await inWords(mkdir(path, { recursive: true }));
    if (!(await inWords(stat(path))).isDirectory()) throw new DOMException(`${name} is a file`, 'TypeMismatchError');
    return new DiskFolder(path, name);
  }

  async getFileHandle(name: string, { create = false } = {}): Promise<DiskFile> {
    const path = join(this.#path, name);
    if (create) await (await inWords(open(path, 'a'))).close();
    if (!(await inWords(stat(path))).isFile()) throw new DOMException(`${name} is a folder`, 'TypeMismatchError');
    return new DiskFile(path, name);
  }

  async removeEntry(name: string): Promise<void> {
    const path = join(this.#path, name);
    await inWords(lstat(path));
    await inWords(rm(path, { recursive: true }));
  }

  async *keys(): AsyncGenerator<string> {
    yield* (await inWords(readdir(this.#path))).filter((name) => !name.startsWith('.'));
  }

  async *values(): AsyncGenerator<DiskFolder | DiskFile> {
    for await (const name of this.keys()) {
      const found = await stat(join(this.#path, name)).catch(() => undefined);
      if (found) yield found.isDirectory() ? this.getDirectoryHandle(name) : this.getFileHandle(name);
    }
  }
}

class DiskFile {
  readonly kind = 'file';
  readonly name: string;
  readonly [Symbol.toStringTag] = 'FileSystemFileHandle';
  readonly #path: string;

  constructor(path: string, name: string) {
    this.#path = path;
    this.name = name;
  }

  async getFile(): Promise<File> {
    const { mtimeMs } = await inWords(stat(this.#path));
    return new File([await inWords(openAsBlob(this.#path))], this.name, { lastModified: Math.round(mtimeMs) });
  }

  async createSyncAccessHandle(): Promise<SyncFile> {
    return new OpenFile(attempt(() => openSync(this.#path, 'r+')));
  }
}

class OpenFile implements SyncFile {
  #file: number | undefined;

  constructor(file: number) {
    this.#file = file;
  }

  read(bytes: Uint8Array, { at }: { at: number }): number {
    return attempt(() => readSync(this.#open, bytes, 0, bytes.length, at));
  }

  write(bytes: Uint8Array, { at }: { at: number }): number {
    return attempt(() => writeSync(this.#open, bytes, 0, bytes.length, at));
  }

  truncate(size: number): void {
    attempt(() => ftruncateSync(this.#open, size));
  }

  flush(): void {
    attempt(() => fsyncSync(this.#open));
  }

  getSize(): number {
    return attempt(() => fstatSync(this.#open).size);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  get #open(): number {
    if (this.#file === undefined) throw new DOMException('the file is closed', 'InvalidStateError');
    return this.#file;
  }
}

/** The names that browsers give to errors; without paths, because the other side is told. */
function toDomException(caught: unknown): unknown {
  const code = String((caught as { code?: unknown }).code);
  if (code === 'ENOENT' || code === 'ENOTDIR') return new DOMException('it is not there', 'NotFoundError');
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return new DOMException('the disk is full', 'QuotaExceededError');
  return new DOMException(`the file system answered ${code}`, 'NoModificationAllowedError');
}

async function inWords<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (caught) {
    throw toDomException(caught);
  }
}

function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (caught) {
    throw toDomException(caught);
  }
}

// Locks: files with the number of the process that holds them, so that two programs can receive into one folder.

interface LockOptions {
  readonly ifAvailable?: boolean;
  readonly signal?: AbortSignal;
}

type LockAction<T> = (lock: object | null) => T | Promise<T>;
type LockArguments = [name: string, options: LockOptions | LockAction<unknown>, action?: LockAction<unknown>];

async function request(root: string, name: string, options: LockOptions | LockAction<unknown>, given?: LockAction<unknown>): Promise<unknown> {
  const [{ ifAvailable = false, signal }, action] = typeof options === 'function' ? [{}, options] : [options, given!];
  await mkdir(root, { recursive: true });
  const path = join(root, `.lock-${encodeURIComponent(name)}`);
  while (!(await take(path))) {
    if (ifAvailable) return action(null);
    signal?.throwIfAborted();
    await sleep(LOCK_RETRY_MS);
  }
  try {
    return await action({ name });
  } finally {
    await unlink(path).catch(() => {});
  }
}

async function take(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (caught) {
    if ((caught as { code?: unknown }).code !== 'EEXIST') throw toDomException(caught);
  }
  const holder = Number(await readFile(path, 'utf8').catch(() => ''));
  if (holder > 0 && holder !== process.pid && !isAlive(holder)) await unlink(path).catch(() => {});
  return false;
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (caught) {
    return (caught as { code?: unknown }).code === 'EPERM';
  }
}
