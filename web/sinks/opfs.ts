import type { FileInfo } from '../api/types.js';
import { openFileStream } from './file_stream.js';
import { Journal, JOURNAL_NAME, journalHeader } from './journal.js';
import { OpenWriters } from './open_writers.js';
import { OpfsSyncStore } from './opfs_sync.js';
import { RangeSet } from './range_set.js';
import type { AbortableWriter, ExistingRange, FileWriter, Store, StoreOffer } from './sink.js';
import { isDomException } from './sink_error.js';
import { removeStored } from './stored.js';
import { hasSyncAccess, type SyncFileHandle } from './sync_file.js';
import { claimFolder, finishFolder, makeRoom, type TransferFolder } from './transfer_folder.js';
import { writeText } from './write_text.js';

/**
 * A store in the origin's private file system. In a worker, a later attempt can resume it; in a window, it writes through streams.
 * Stale partial transfers are removed from the file system first.
 * Errors: rejects with 'out-of-space' if the browser grants less than the transfer needs; with 'not-supported' or the browser's
 * exception where there is no such file system.
 */
export async function openOpfsStore(offer: StoreOffer): Promise<Store> {
  const folder = await claimFolder(offer.token);
  try {
    const journal = await folder.handle.getFileHandle(JOURNAL_NAME, { create: true });
    if (hasSyncAccess(journal)) return await openSyncStore(folder, journal, offer);
    return await openStreamStore(folder, journal, offer);
  } catch (caught) {
    folder.release();
    throw caught;
  }
}

async function openSyncStore(folder: TransferFolder, handle: SyncFileHandle, offer: StoreOffer): Promise<Store> {
  const journal = new Journal(await handle.createSyncAccessHandle(), offer);
  let existing: ExistingRange[] = [];
  try {
    if (journal.claims) existing = await checkClaims(folder.handle, journal.claims);
    else await removeFiles(folder.handle);
    await makeRoomFor(offer, existing);
  } catch (caught) {
    journal.close();
    if (existing.length === 0) await removeStored(folder.name);
    throw caught;
  }
  return new OpfsSyncStore(folder, journal, existing);
}

async function openStreamStore(folder: TransferFolder, journal: FileSystemFileHandle, offer: StoreOffer): Promise<Store> {
  const header = journalHeader(offer);
  try {
    // This journal claims nothing. It shows that the folder can be removed when it is not in use.
    await removeFiles(folder.handle);
    await writeText(journal, header);
    await makeRoomFor(offer, []);
  } catch (caught) {
    await removeStored(folder.name);
    throw caught;
  }
  return new OpfsStreamStore(folder, header);
}

function makeRoomFor({ totalBytes }: StoreOffer, existing: readonly ExistingRange[]): Promise<void> {
  const present = existing.reduce((sum, { begin, end }) => sum + end - begin, 0);
  return makeRoom(totalBytes === null ? 0 : totalBytes - present);
}

/** Merges the journal's claims. Claims beyond the end of a file are dropped, because the disk has lost those bytes. */
async function checkClaims(folder: FileSystemDirectoryHandle, claims: readonly ExistingRange[]): Promise<ExistingRange[]> {
  const byFile = new Map<number, ExistingRange[]>();
  for (const claim of claims) {
    const others = byFile.get(claim.file);
    if (others) others.push(claim);
    else byFile.set(claim.file, [claim]);
  }
  const files = [...byFile.keys()].sort((a, b) => a - b);
  const checked = await Promise.all(
    files.map(async (file) => {
      const size = await sizeOf(folder, file);
      const ranges = new RangeSet();
      for (const { begin, end } of byFile.get(file)!) {
        if (end <= size) ranges.add(begin, end);
      }
      return ranges.ranges.map(({ begin, end }) => ({ file, begin, end }));
    }),
  );
  return checked.flat();
}

async function sizeOf(folder: FileSystemDirectoryHandle, file: number): Promise<number> {
  try {
    const handle = await folder.getFileHandle(String(file));
    return (await handle.getFile()).size;
  } catch (caught) {
    if (isDomException(caught, 'NotFoundError')) return 0;
    throw caught;
  }
}

/** Removes all files but the journal. */
async function removeFiles(folder: FileSystemDirectoryHandle): Promise<void> {
  const names: string[] = [];
  for await (const name of folder.keys()) names.push(name);
  for (const name of names) {
    if (name !== JOURNAL_NAME) await folder.removeEntry(name, { recursive: true });
  }
}

/** The store for windows. The journal in its folder claims nothing, so that no later attempt resumes its files. */
class OpfsStreamStore implements Store {
  readonly folder: string;
  readonly existing: readonly ExistingRange[] = [];
  readonly #folder: TransferFolder;
  readonly #header: string;
  readonly #writers = new OpenWriters<AbortableWriter>();

  constructor(folder: TransferFolder, header: string) {
    this.folder = folder.name;
    this.#folder = folder;
    this.#header = header;
  }

  readExisting(): number {
    return 0;
  }

  async open(file: FileInfo): Promise<FileWriter> {
    const name = String(file.id);
    const writer = await this.#writers.add(this.#openWriter(name, file.size));
    return {
      write: (offset, bytes) => writer.write(offset, bytes),
      close: async (size) => {
        await writer.close(size);
        this.#writers.delete(writer);
        const stored = await (await this.#folder.handle.getFileHandle(name)).getFile();
        return stored.slice(0, stored.size, file.type);
      },
    };
  }

  async #openWriter(name: string, size: number | null): Promise<AbortableWriter> {
    return openFileStream(await this.#folder.handle.getFileHandle(name, { create: true }), size);
  }

  async abort(): Promise<void> {
    await this.#writers.abort();
    try {
      await removeStored(this.folder);
    } finally {
      this.#folder.release();
    }
  }

  async finish(): Promise<void> {
    await finishFolder(this.#folder, this.#header);
  }
}
