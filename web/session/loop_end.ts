import type { MillraceError } from '../api/errors.js';

/** How loops of a session end: an orderly end throws nothing. */
export function toLoopEnd(error: MillraceError): MillraceError | undefined {
  return error.code === 'closed' ? undefined : error;
}
