import { MillraceError } from '../api/errors.js';
import { INDEX_NAME, JOURNAL_NAME } from './journal.js';
import { hasLocks, hold, type Release } from './locks.js';
import { isDomException } from './sink_error.js';
import { openRoot, removeStored } from './stored.js';
import { writeText } from './write_text.js';

/** When files are offered again at once, the earlier attempt may still be closing its files, ms. */
const LOCK_WAIT_MS = 1_000;
/** Partial transfers that were not resumed for this long are removed, ms. */
const STALE_MS = 7 * 24 * 60 * 60 * 1_000;

/** A folder of the private file system that belongs to one transfer until `release`. */
export interface TransferFolder {
  readonly name: string;
  readonly handle: FileSystemDirectoryHandle;
  /** Whether a later attempt can find it. */
  readonly resumable: boolean;
  release: Release;
}

/**
 * Takes the folder that is named after the transfer, with the files that an earlier attempt left there. If another transfer uses
 * it, or it has the files of a finished one, takes a new folder with a random name.
 * Errors: rejects with 'not-supported' or the browser's exception where there is no private file system.
 */
export async function claimFolder(token: string): Promise<TransferFolder> {
  const root = await openRoot();
  // Without locks, another tab might use the same folder.
  const release = hasLocks() ? await hold(lockName(token), LOCK_WAIT_MS) : undefined;
  if (release) {
    try {
      const handle = await root.getDirectoryHandle(token, { create: true });
      if (await isUnfinished(handle)) return { name: token, handle, resumable: true, release };
    } catch (caught) {
      release();
      throw caught;
    }
    release();
  }
  const name = crypto.randomUUID();
  const releaseNew = hasLocks() ? await hold(lockName(name)) : undefined;
  const handle = await root.getDirectoryHandle(name, { create: true });
  return { name, handle, resumable: false, release: releaseNew ?? (() => {}) };
}

/**
 * The transfer is complete: its files belong to the page now. `header`: of its journal, kept for `listStored`.
 * Errors: rejects with the browser's exception; the folder is released in any case.
 */
export async function finishFolder({ handle, release }: TransferFolder, header: string): Promise<void> {
  try {
    // On a full disk, the files are listed without their names.
    await handle.getFileHandle(INDEX_NAME, { create: true }).then((index) => writeText(index, header)).catch(() => {});
    await handle.removeEntry(JOURNAL_NAME);
  } finally {
    release();
  }
}

/** Runs `action` while no transfer uses the folder. Returns undefined, without running it, if one still does after `waitMs`. */
export async function withFolder<T>(name: string, action: () => Promise<T>, waitMs = 0): Promise<T | undefined> {
  const release = hasLocks() ? await hold(lockName(name), waitMs) : () => {};
  if (!release) return undefined;
  try {
    return await action();
  } finally {
    release();
  }
}

/**
 * Removes partial transfers that were not resumed for a week, and then, the oldest first, as many others as are needed to make
 * room for `bytes`. Those in use stay.
 * Errors: rejects with 'out-of-space' if that is not enough.
 */
export async function makeRoom(bytes: number): Promise<void> {
  const partials = hasLocks() ? await listPartials() : [];
  const now = Date.now();
  const stale = partials.filter(({ lastUsed }) => now - lastUsed > STALE_MS);
  for (const { name } of stale) await removePartial(name);

  let { quota, free } = await estimateSpace();
  for (const { name } of partials.slice(stale.length)) {
    // Nothing is removed for a transfer that would not fit into an empty disk.
    if (bytes <= free || bytes > quota) break;
    await removePartial(name);
    ({ quota, free } = await estimateSpace());
  }
  if (bytes > free) throw new MillraceError('out-of-space', `${bytes} bytes have to be stored, and this site has room for ${free}`);
}

/** Bytes that this site may store in all, and in addition; Infinity where the browser does not say. */
async function estimateSpace(): Promise<{ quota: number; free: number }> {
  const { quota = Infinity, usage = 0 } = await navigator.storage.estimate();
  return { quota, free: quota - usage };
}

interface Partial {
  readonly name: string;
  /** Time of the last write to its journal, ms since 1970. */
  readonly lastUsed: number;
}

/** All partial transfers, the oldest first. */
async function listPartials(): Promise<Partial[]> {
  const root = await openRoot();
  const looks: Promise<Partial | undefined>[] = [];
  for await (const handle of root.values()) {
    if (handle.kind === 'directory') looks.push(toPartial(handle));
  }
  const partials = (await Promise.all(looks)).filter((partial) => partial !== undefined);
  return partials.sort((a, b) => a.lastUsed - b.lastUsed);
}

async function toPartial(handle: FileSystemDirectoryHandle): Promise<Partial | undefined> {
  try {
    if (!(await isUnfinished(handle))) return undefined;
    const journal = await handle.getFileHandle(JOURNAL_NAME).catch(() => undefined);
    // A crash left the folder without a journal: there is nothing to resume.
    return { name: handle.name, lastUsed: journal ? (await journal.getFile()).lastModified : 0 };
  } catch {
    return undefined; // It is being removed.
  }
}

async function removePartial(name: string): Promise<void> {
  try {
    await withFolder(name, async () => {
      // Since it was listed, the transfer may have been finished, and its files belong to the user now.
      const root = await openRoot();
      if (await isUnfinished(await root.getDirectoryHandle(name))) await removeStored(name);
    });
  } catch {
    // It is being read, or was removed: the next transfer tries again.
  }
}

/** A folder with a journal, or an empty one that a crash left before it got one. */
async function isUnfinished(folder: FileSystemDirectoryHandle): Promise<boolean> {
  try {
    await folder.getFileHandle(JOURNAL_NAME);
    return true;
  } catch (caught) {
    if (!isDomException(caught, 'NotFoundError')) throw caught;
  }
  for await (const _ of folder.keys()) return false;
  return true;
}

function lockName(folder: string): string {
  return `millrace/${folder}`;
}
