import { LEAF_BYTES, type ExistingRange, type StoreOffer } from './sink.js';
import { writeFully, type SyncFile } from './sync_file.js';

/** In the folder of a transfer that is not finished; those of finished ones have none. */
export const JOURNAL_NAME = 'journal';
/** A longer one is not ours: an hour adds some 100 KB, and a header has at most 4 MiB of paths (PROTOCOL.md). */
const MAX_JOURNAL_BYTES = 64 * 1024 * 1024;

/** The first line: exactly which files the folder is for. */
export function journalHeader(offer: StoreOffer): string {
  const files = offer.files.map(({ path, size, type, lastModified }) => ({ path, size, type, lastModified }));
  return `${JSON.stringify({ version: 1, files })}\n`;
}

/**
 * What of a transfer is durable, in a file beside its files. Text: a header, then for each flush one line with the ranges
 * that became durable by it, `[[file,begin,end],…]`. A line counts once its end is there, so that a write that a crash cut
 * short takes nothing with it.
 */
export class Journal {
  /** What the file said when it was opened; undefined when it is new or was about other files, and starts anew. */
  readonly claims: readonly ExistingRange[] | undefined;
  readonly #file: SyncFile;
  #end: number;

  /** Errors: throws 'out-of-space' or whatever the browser says; the file is closed then. */
  constructor(file: SyncFile, offer: StoreOffer) {
    this.#file = file;
    this.#end = 0;
    const header = journalHeader(offer);
    try {
      const text = readText(file);
      if (text.startsWith(header)) {
        const { claims, length } = readClaims(text.slice(header.length), offer);
        this.claims = claims;
        // Whatever follows must not get between two lines.
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

  /** Adds what became durable. Errors: throws 'out-of-space' or what the browser says; what it said before still holds. */
  claim(ranges: readonly ExistingRange[]): void {
    if (ranges.length === 0) return;
    this.#append(`${JSON.stringify(ranges.map(({ file, begin, end }) => [file, begin, end]))}\n`);
  }

  /** Errors: throws what the browser says. */
  flush(): void {
    this.#file.flush();
  }

  close(): void {
    this.#file.close();
  }

  #append(line: string): void {
    const bytes = new TextEncoder().encode(line);
    // What a full disk cuts short has no end, and the next line goes over it.
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

/** Reads lines up to the first one that is cut short or makes no sense. `length`: of the lines read; they are ASCII. */
function readClaims(text: string, offer: StoreOffer): { claims: ExistingRange[]; length: number } {
  const claims: ExistingRange[] = [];
  let length = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', length)) {
    const line = readLine(text.slice(length, end), offer);
    if (!line) break;
    claims.push(...line);
    length = end + 1;
  }
  return { claims, length };
}

function readLine(line: string, offer: StoreOffer): ExistingRange[] | undefined {
  let entries: unknown;
  try {
    entries = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!Array.isArray(entries)) return undefined;
  const claims: ExistingRange[] = [];
  for (const entry of entries as unknown[]) {
    const claim = toClaim(entry, offer);
    if (!claim) return undefined;
    claims.push(claim);
  }
  return claims;
}

function toClaim(entry: unknown, offer: StoreOffer): ExistingRange | undefined {
  if (!Array.isArray(entry) || entry.length !== 3 || !entry.every(Number.isSafeInteger)) return undefined;
  const [file, begin, end] = entry as [number, number, number];
  const size = offer.files[file]?.size;
  if (size === undefined || size === null || begin < 0 || begin >= end || end > size) return undefined;
  if (begin % LEAF_BYTES !== 0 || (end % LEAF_BYTES !== 0 && end !== size)) return undefined;
  return { file, begin, end };
}
