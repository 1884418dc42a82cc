import { toText } from '../api/shape.js';

/** The other side is told at most this many bytes (PROTOCOL.md); more characters cannot fit. */
const MAX_REASON_LENGTH = 1_024;

/**
 * The text of a reason, whatever a caller passed as one: an `Error`, an `Event`, a number. Empty for undefined and null, and
 * for an object that cannot be converted to text; cut to 1,024 characters.
 */
export function toReason(reason: unknown): string {
  return reason === undefined || reason === null ? '' : toText(reason).slice(0, MAX_REASON_LENGTH);
}
