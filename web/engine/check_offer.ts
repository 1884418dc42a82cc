import { MillraceError } from '../api/errors.js';
import type { CoreFile } from '../wasm/session.js';

/** More than any path that the core accepts (4,096 bytes), and little enough to be copied into its memory. */
const MAX_TEXT_LENGTH = 16_384;

/**
 * Checks an offer before the core sees them: a value that Embind cannot convert throws in the middle of the core's C++, which is
 * compiled without exceptions and never frees what it held.
 * Errors: throws 'invalid-argument'.
 */
export function checkOffer(files: readonly CoreFile[], secret: Uint8Array): void {
  if (!(secret instanceof Uint8Array)) throw new MillraceError('internal', 'the secret of a transfer must be a Uint8Array');
  for (const [index, file] of files.entries()) {
    const { path, type, size, lastModified } = file;
    const valid = isText(path) && isText(type) && (size === null || typeof size === 'number') && typeof lastModified === 'number';
    if (!valid) throw new MillraceError('invalid-argument', `file ${index + 1} has an invalid path, type, size or date`);
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_TEXT_LENGTH;
}
