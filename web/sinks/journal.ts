import type { FileInfo } from '../api/types.js';
import { isRecord } from '../base/is_record.js';
import { LEAF_BYTES, type ExistingRange, type StoreOffer } from './sink.js';
import { writeFully, type SyncFile } from './sync_file.js';

/** Name of the journal in the folder of an unfinished transfer. The folder of a finished one has no journal. */
export const JOURNAL_NAME = 'journal';
/** In the folder of a finished transfer: the journal's header, for names and dates. */
export const INDEX_NAME = 'files';
/** No journal is longer: an hour adds some 100 KB, and a header has at most 4 MiB of paths (PROTOCOL.md). */
const MAX_JOURNAL_BYTES = 64 * 1024 * 1024;

/** A file as a journal names it. */
export type JournalFile = Pick<FileInfo, 'path' | 'size' | 'type' | 'lastModified'>;

/** The first line of a journal, which identifies the files of the folder. */
export function journalHeader(offer: StoreOffer): string {
  const files = offer.files.map(({ path, size, type, lastModified }): JournalFile => ({ path, size, type, lastModified }));
  return `${JSON.stringify({ version: 1, files })}\n`;
}

/** The files and the durable ranges of a journal or an index; undefined without a header that can be read. */
export function readJournal(text: string): { files: readonly JournalFile[]; claims: readonly ExistingRange[] } | undefined {
  const end = text.indexOf('\n');
  const files = readHeader(text.slice(0, Math.max(end, 0)));
  return files && { files, claims: readClaims(text.slice(end + 1), files).claims };
}

/**
 * The durable parts of a transfer, listed in a file beside its files. It is text: a header, then for each flush one line with
 * the ranges that became durable, `[[file,begin,end],…]`. A line counts only when it is complete, so that a crash in the middle
 * of a write spoils nothing else.
 */
export class Journal {
  /** The ranges in the file when it was opened; undefined for a new file, or one of other files, which starts anew. */
  readonly claims: readonly ExistingRange[] | undefined;
  readonly header: string;
  readonly #file: SyncFile;
  #end: number;

  /** Errors: throws 'out-of-space' or the browser's exception, and closes the file. */
  constructor(file: SyncFile, offer: StoreOffer) {
    this.#file = file;
    this.#end = 0;
    const header = journalHeader(offer);
    this.header = header;
    try {
      const text = readText(file);
      if (text.startsWith(header)) {
        const { claims, length } = readClaims(text.slice(header.length), offer.files);
        this.claims = claims;
        // An incomplete line must not stand between two others.
        this.#end = new TextEncoder().encode(header).length + length;
        file.truncate(this.#end);
      } else {
        file.truncate(0);
        this.#append(header);
        file.flush();
      }
    } catch (caught) {
      file.close();
      throw caught;
    }
  }

  /** Adds ranges that became durable. Errors: throws 'out-of-space' or the browser's exception; earlier lines still count. */
  claim(ranges: readonly ExistingRange[]): void {
    if (ranges.length === 0) return;
    this.#append(`${JSON.stringify(ranges.map(({ file, begin, end }) => [file, begin, end]))}\n`);
  }

  /** Errors: throws the browser's exception. */
  flush(): void {
    this.#file.flush();
  }

  close(): void {
    this.#file.close();
  }

  #append(line: string): void {
    const bytes = new TextEncoder().encode(line);
    // A line that a full disk cut short is incomplete, and the next line overwrites it.
    writeFully(this.#file, bytes, this.#end);
    this.#end += bytes.length;
  }
}

function readText(file: SyncFile): string {
  const size = file.getSize();
  if (size > MAX_JOURNAL_BYTES) return '';
  const bytes = new Uint8Array(size);
  const length = file.read(bytes, { at: 0 });
  return new TextDecoder().decode(bytes.subarray(0, length));
}

type Sized = Pick<FileInfo, 'size'>;

function readHeader(line: string): JournalFile[] | undefined {
  let header: unknown;
  try {
    header = JSON.parse(line);
  } catch {
    return undefined;
  }
  const isWhole = isRecord(header) && header.version === 1 && Array.isArray(header.files) && header.files.every(isJournalFile);
  return isWhole ? (header as { files: JournalFile[] }).files : undefined;
}

function isJournalFile(value: unknown): value is JournalFile {
  if (!isRecord(value)) return false;
  const { path, size, type, lastModified } = value;
  const isSize = size === null || (Number.isSafeInteger(size) && (size as number) >= 0);
  return typeof path === 'string' && isSize && typeof type === 'string' && typeof lastModified === 'number';
}

/** Reads lines up to the first one that is incomplete or invalid. `length`: of those lines, which are ASCII. */
function readClaims(text: string, files: readonly Sized[]): { claims: ExistingRange[]; length: number } {
  const claims: ExistingRange[] = [];
  let length = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', length)) {
    const line = readLine(text.slice(length, end), files);
    if (!line) break;
    claims.push(...line);
    length = end + 1;
  }
  return { claims, length };
}

function readLine(line: string, files: readonly Sized[]): ExistingRange[] | undefined {
  let entries: unknown;
  try {
    entries = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!Array.isArray(entries)) return undefined;
  const claims: ExistingRange[] = [];
  for (const entry of entries as unknown[]) {
    const claim = toClaim(entry, files);
    if (!claim) return undefined;
    claims.push(claim);
  }
  return claims;
}

function toClaim(entry: unknown, files: readonly Sized[]): ExistingRange | undefined {
  if (!Array.isArray(entry) || entry.length !== 3 || !entry.every(Number.isSafeInteger)) return undefined;
  const [file, begin, end] = entry as [number, number, number];
  const size = files[file]?.size;
  if (size === undefined || size === null || begin < 0 || begin >= end || end > size) return undefined;
  if (begin % LEAF_BYTES !== 0 || (end % LEAF_BYTES !== 0 && end !== size)) return undefined;
  return { file, begin, end };
}
