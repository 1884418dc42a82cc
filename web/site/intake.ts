import { byteLength } from '../base/bytes.js';
import { MAX_FILES } from '../sources/directory_walk.js';

/** Why something that a person chose, dropped or pasted is not sent. */
export type Reason = 'unreadable' | 'empty-folder' | 'too-deep';

export interface LeftOut {
  /** With its folders. */
  readonly path: string;
  readonly reason: Reason;
}

/** What a person gave to the page. It always has files, something that was left out, or too many files. */
export interface Intake {
  readonly files: readonly File[];
  readonly leftOut: readonly LeftOut[];
  /** How many files there are, where they are more than a transfer can have; `files` is empty then. */
  readonly tooMany?: number;
}

/** One thing of a drop or a paste: at least one of the two is there. Both have to be taken while the event lasts. */
export interface Item {
  readonly entry: FileSystemEntry | null;
  readonly file: File | null;
}

/** Files are counted up to here, bytes of memory in mind. */
export const mostCounted = 100_000;
/** UTF-8; the core takes no longer path. A folder that contains itself ends here, too. */
const mostPathBytes = 4096;
/** Files that are opened and read at once. */
const readTogether = 256;

interface Found {
  readonly path: string;
  readonly open: () => Promise<File>;
}

interface Opened {
  readonly path: string;
  readonly file: File;
}

/** Collects the files of a drop or a paste, with those inside folders, and tries to read each one. Never rejects. */
export async function takeItems(items: readonly Item[]): Promise<Intake> {
  const walk = new Walk();
  for (const { entry, file } of items) {
    if (entry !== null) await walk.enter(entry, file);
    else if (file !== null) walk.found.push({ path: pathOf(file), open: () => Promise.resolve(file) });
  }
  return readAll(walk.found, walk.leftOut);
}

/** The same for files from a dialog. Never rejects. */
export function takeFiles(files: readonly File[]): Promise<Intake> {
  return readAll(files.map((file) => ({ path: pathOf(file), open: () => Promise.resolve(file) })), []);
}

/** Finds the files of folders, without opening them: their number is known soon. */
class Walk {
  readonly found: Found[] = [];
  readonly leftOut: LeftOut[] = [];

  /** `known`: the same file as the browser gives it directly, which it can open where its entry cannot be opened. */
  async enter(entry: FileSystemEntry, known: File | null = null): Promise<void> {
    const path = entry.fullPath.replace(/^\//, '') || entry.name;
    if (this.found.length > mostCounted) return;
    if (isDirectory(entry) && byteLength(path) > mostPathBytes) this.leftOut.push({ path, reason: 'too-deep' });
    else if (isDirectory(entry)) await this.#list(entry, path);
    else this.found.push({ path, open: () => openEntry(entry as FileSystemFileEntry, path, known) });
  }

  async #list(folder: FileSystemDirectoryEntry, path: string): Promise<void> {
    const reader = folder.createReader();
    const inner: FileSystemEntry[] = [];
    try {
      for (;;) {
        const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
        // A folder is read in parts; an empty part is the end.
        if (some.length === 0) break;
        inner.push(...some);
      }
    } catch {
      this.leftOut.push({ path, reason: 'unreadable' });
      return;
    }
    if (inner.length === 0) this.leftOut.push({ path, reason: 'empty-folder' });
    // Disks list names in any order.
    inner.sort((one, other) => (one.name < other.name ? -1 : 1));
    for (const each of inner) await this.enter(each);
  }
}

async function openEntry(entry: FileSystemFileEntry, path: string, known: File | null): Promise<File> {
  let file: File;
  try {
    file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
  } catch (error) {
    if (known === null) throw error;
    file = known;
  }
  // Unlike a chosen file, a dropped one does not know its folder.
  if (path.includes('/')) Object.defineProperty(file, 'webkitRelativePath', { value: path });
  return file;
}

async function readAll(found: readonly Found[], left: readonly LeftOut[]): Promise<Intake> {
  if (found.length > MAX_FILES) return { files: [], leftOut: left, tooMany: found.length };
  const leftOut = [...left, ...found.filter(isTooDeep).map(({ path }): LeftOut => ({ path, reason: 'too-deep' }))];
  const opened: Opened[] = [];
  const unreadable = new Set<string>();
  for (const group of groupsOf(found.filter((each) => !isTooDeep(each)))) {
    const files = await Promise.all(group.map(async ({ path, open }) => open().then((file) => ({ path, file }), () => path)));
    const good = files.filter((file) => typeof file !== 'string');
    for (const path of [...files.filter((file) => typeof file === 'string'), ...(await findUnreadable(good))]) unreadable.add(path);
    opened.push(...good);
  }
  leftOut.push(...[...unreadable].map((path): LeftOut => ({ path, reason: 'unreadable' })));
  return { files: opened.filter(({ path }) => !unreadable.has(path)).map(({ file }) => file), leftOut };
}

/** The paths of files whose first byte cannot be read. The bytes of many files are read at once, because that takes hardly longer than for one. */
async function findUnreadable(files: readonly Opened[]): Promise<string[]> {
  if (files.length === 0) return [];
  try {
    await new Blob(files.map(({ file }) => file.slice(0, 1))).arrayBuffer();
    return [];
  } catch {
    if (files.length === 1) return files.map(({ path }) => path);
    const half = Math.ceil(files.length / 2);
    return [...(await findUnreadable(files.slice(0, half))), ...(await findUnreadable(files.slice(half)))];
  }
}

function groupsOf(found: readonly Found[]): Found[][] {
  return Array.from({ length: Math.ceil(found.length / readTogether) }, (_, index) => found.slice(index * readTogether, (index + 1) * readTogether));
}

function isTooDeep({ path }: Found): boolean {
  return byteLength(path) > mostPathBytes;
}

function pathOf(file: File): string {
  return file.webkitRelativePath || file.name;
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
