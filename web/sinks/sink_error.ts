import { MillraceError, type ErrorCode } from '../api/errors.js';

export function isDomException(caught: unknown, name: string): boolean {
  return caught instanceof DOMException && caught.name === name;
}

/** Turns a store's exception into a `MillraceError`: 'out-of-space', 'sink-failed' with what to do about it, or `otherwise`. */
export function toSinkError(caught: unknown, otherwise: ErrorCode = 'sink-failed'): MillraceError {
  if (isDomException(caught, 'QuotaExceededError')) return MillraceError.from(caught, 'out-of-space');
  if (isDomException(caught, 'NotAllowedError')) {
    const detail = 'the page may not write to the folder: ask for it again with requestPermission({ mode: "readwrite" })';
    return new MillraceError('sink-failed', detail, { cause: caught });
  }
  return MillraceError.from(caught, otherwise);
}
