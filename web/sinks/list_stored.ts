import { MillraceError } from '../api/errors.js';
import type { StoredFile, StoredTransfer } from '../api/stored_types.js';
import { INDEX_NAME, JOURNAL_NAME, readJournal, type JournalFile } from './journal.js';
import { RangeSet } from './range_set.js';
import { isDomException } from './sink_error.js';
import { findRoot, removeStored } from './stored.js';
import { withFolder } from './transfer_folder.js';

/** A transfer that has just ended may hold its folder for so long, ms: locks are released a moment later. */
const RELEASE_MS = 100;

/** What the folder of a transfer has, without its name. */
type Found = Pick<StoredTransfer, 'state' | 'storedAt'> & { readonly files: readonly StoredFile[] };

/**
 * Lists what the sink 'opfs' has stored for this origin, also on earlier visits: finished transfers, whose files stay until they are
 * removed, and interrupted ones. The newest comes first. Transfers that are being received, here or in other pages, are left out.
 * Errors: rejects with 'not-supported' where there is no private file system, or with the browser's exception.
 */
export async function listStored(): Promise<StoredTransfer[]> {
  const root = await findRoot();
  if (!root) return [];
  const looks: Promise<StoredTransfer | undefined>[] = [];
  for await (const handle of root.values()) {
    if (handle.kind === 'directory') looks.push(withFolder(handle.name, () => look(handle), RELEASE_MS));
  }
  const found = (await Promise.all(looks)).filter((transfer) => transfer !== undefined);
  return found.sort((a, b) => b.storedAt - a.storedAt);
}

/** Undefined for a folder that goes, or comes into use, in the meantime. */
async function look(handle: FileSystemDirectoryHandle): Promise<StoredTransfer | undefined> {
  try {
    const journal = await read(handle, JOURNAL_NAME);
    const found = journal ? toInterrupted(journal) : await toFinished(handle);
    const sizes = found.files.map(({ size }) => size);
    return {
      folder: handle.name,
      ...found,
      bytes: found.files.reduce((sum, { bytes }) => sum + bytes, 0),
      totalBytes: sizes.reduce((sum, size) => (sum === null || size === null ? null : sum + size), 0),
      remove: () => remove(handle.name),
    };
  } catch (caught) {
    if (caught instanceof DOMException) return undefined;
    throw caught;
  }
}

async function remove(folder: string): Promise<void> {
  const removed = await withFolder(folder, async () => {
    await removeStored(folder);
    return true;
  }, RELEASE_MS);
  if (!removed) throw new MillraceError('invalid-argument', `the transfer ${folder} is being received again`);
}

interface Text {
  readonly text: string;
  readonly lastModified: number;
}

async function read(folder: FileSystemDirectoryHandle, name: string): Promise<Text | undefined> {
  try {
    const file = await (await folder.getFileHandle(name)).getFile();
    return { text: await file.text(), lastModified: file.lastModified };
  } catch (caught) {
    if (isDomException(caught, 'NotFoundError')) return undefined;
    throw caught;
  }
}

function toInterrupted({ text, lastModified }: Text): Found {
  const journal = readJournal(text);
  const ranges = new Map<number, RangeSet>();
  for (const { file, begin, end } of journal?.claims ?? []) {
    const present = ranges.get(file) ?? new RangeSet();
    ranges.set(file, present);
    present.add(begin, end);
  }
  const bytesOf = (file: number): number => (ranges.get(file)?.ranges ?? []).reduce((sum, { begin, end }) => sum + end - begin, 0);
  const files = (journal?.files ?? []).map((file, number) => toStoredFile(file, bytesOf(number)));
  return { state: 'interrupted', storedAt: lastModified, files };
}

async function toFinished(folder: FileSystemDirectoryHandle): Promise<Found> {
  const index = await read(folder, INDEX_NAME);
  const names = (index && readJournal(index.text)?.files) ?? [];
  const numbers: number[] = [];
  for await (const name of folder.keys()) if (/^\d+$/.test(name)) numbers.push(Number(name));
  // A crash left the folder before anything was in it.
  if (!index && numbers.length === 0) return { state: 'interrupted', storedAt: 0, files: [] };
  numbers.sort((a, b) => a - b);
  const contents = await Promise.all(numbers.map(async (number) => (await folder.getFileHandle(String(number))).getFile()));
  const files = contents.map((content, position): StoredFile => {
    const number = numbers[position]!;
    const { lastModified, size } = content;
    // Earlier versions kept no names.
    const file = names[number] ?? { path: String(number), type: '', lastModified };
    return { ...toStoredFile({ ...file, size }, size), blob: content.slice(0, size, file.type) };
  });
  return { state: 'finished', storedAt: index?.lastModified ?? Math.max(...contents.map(({ lastModified }) => lastModified)), files };
}

function toStoredFile({ path, type, lastModified, size }: JournalFile, bytes: number): StoredFile {
  return { name: path.slice(path.lastIndexOf('/') + 1), path, type, lastModified, size, bytes };
}
