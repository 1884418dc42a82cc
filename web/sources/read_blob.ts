import { MillraceError } from '../api/errors.js';

/**
 * Reads a part of a blob. Errors: rejects with 'source-changed' or 'source-failed'.
 *
 * Chromium rejects with 'NotReadableError' when a file's size or time has changed, and with 'NotFoundError' when the file was
 * removed. Firefox rejects with 'AbortError' when it was removed, returns fewer bytes when it shrank, and does not notice other
 * changes.
 */
export async function readBlob(blob: Blob, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await blob.slice(start, end).arrayBuffer());
  } catch (caught) {
    const changed = caught instanceof DOMException && caught.name === 'NotReadableError';
    throw MillraceError.from(caught, changed ? 'source-changed' : 'source-failed');
  }
}
