import { toError, type MillraceError } from '../api/errors.js';
import type { Ending } from '../engine/messages.js';

/** The error of a session that the engine has ended. The stack of an exception crosses from a worker as text. */
export function errorOf({ code, detail, byPeer, stack }: Ending): MillraceError {
  const cause = stack === undefined ? {} : { cause: Object.assign(new Error(detail), { stack }) };
  return toError(code, detail, 'peer-error', { byPeer, ...cause });
}
