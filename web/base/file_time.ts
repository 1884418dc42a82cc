/** The last moment that a `Date` can hold, ms since 1970. */
const LAST_MS = 8.64e15;

/**
 * A time of last change as the protocol carries it: whole ms from 1970 to the last moment of a `Date`. Anything earlier, such as the
 * epoch of Windows that Android reports for unknown times, and NaN become 0.
 */
export function toFileTime(ms: number): number {
  return ms > 0 ? Math.min(Math.floor(ms), LAST_MS) : 0;
}
