import { MillraceError } from '../api/errors.js';
import { JOURNAL_NAME } from './journal.js';
import { hasLocks, hold, type Release } from './locks.js';
import { isDomException } from './sink_error.js';
import { openRoot, removeStored } from './stored.js';

/** Who offers again at once may find the attempt before still putting its things away, ms. */
const LOCK_WAIT_MS = 1_000;
/** What nobody went on with for so long goes, ms. */
const STALE_MS = 7 * 24 * 60 * 60 * 1_000;

/** A folder of the private file system that belongs to one transfer until `release`. */
export interface TransferFolder {
  readonly name: string;
  readonly handle: FileSystemDirectoryHandle;
  /** Whether a later attempt would find it. */
  readonly resumable: boolean;
  release: Release;
}

/**
 * Takes the folder that is named after the transfer, with what an earlier attempt left there. Where another transfer uses
 * it, or a finished one has its files there, it is a new one of random name.
 * Errors: rejects with what the browser says where there is no private file system.
 */
export async function claimFolder(token: string): Promise<TransferFolder> {
  const root = await openRoot();
  // Without locks nobody knows what the other tabs are doing.
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
 * Removes partial transfers that nobody went on with for a week, and then, the oldest first, as many others as it takes to
 * have room for `bytes`. Those in use stay.
 * Errors: rejects with 'out-of-space' when that is not enough.
 */
export async function makeRoom(bytes: number): Promise<void> {
  const partials = hasLocks() ? await listPartials() : [];
  const now = Date.now();
  const stale = partials.filter(({ lastUsed }) => now - lastUsed > STALE_MS);
  for (const { name } of stale) await removePartial(name);

  let { quota, free } = await estimateSpace();
  for (const { name } of partials.slice(stale.length)) {
    // For what would not fit into an empty disk nothing is given up.
    if (bytes <= free || bytes > quota) break;
    await removePartial(name);
    ({ quota, free } = await estimateSpace());
  }
  if (bytes > free) throw new MillraceError('out-of-space', `${bytes} bytes to store, ${free} left for this site`);
}

/** Bytes that this site may keep, and may add to what it has; Infinity where the browser does not say. */
async function estimateSpace(): Promise<{ quota: number; free: number }> {
  const { quota = Infinity, usage = 0 } = await navigator.storage.estimate();
  return { quota, free: quota - usage };
}

interface Partial {
  readonly name: string;
  /** When its journal was written last, ms since 1970. */
  readonly lastUsed: number;
}

/** The oldest first. */
async function listPartials(): Promise<Partial[]> {
  const root = await openRoot();
  const looks: Promise<Partial | undefined>[] = [];
  for await (const handle of root.values()) {
    if (handle.kind === 'directory') looks.push(toPartial(handle as FileSystemDirectoryHandle));
  }
  const partials = (await Promise.all(looks)).filter((partial) => partial !== undefined);
  return partials.sort((a, b) => a.lastUsed - b.lastUsed);
}

async function toPartial(handle: FileSystemDirectoryHandle): Promise<Partial | undefined> {
  try {
    const journal = await handle.getFileHandle(JOURNAL_NAME);
    return { name: handle.name, lastUsed: (await journal.getFile()).lastModified };
  } catch {
    return undefined; // A finished one, or one that is just being removed.
  }
}

async function removePartial(name: string): Promise<void> {
  const release = await hold(lockName(name));
  if (!release) return;
  try {
    // It may have been finished since it was listed, and be somebody's files now.
    const root = await openRoot();
    if (await isUnfinished(await root.getDirectoryHandle(name))) await removeStored(name);
  } catch {
    // Somebody reads it, or it is gone: the next transfer tries again.
  } finally {
    release();
  }
}

/** A folder with a journal, or one that a crash left before it had any. */
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
