// What a link carried, and when, out of the emulator's trace.

/** @typedef {{ bucketMs: number, ab: { carriedBytes: number[] } }} Trace */

/** Of buckets from `from` up to `to`. Buckets after the last thing that happened are not in a trace: nothing was carried. */
function mbpsOf({ bucketMs, ab }, from, to) {
  const bytes = ab.carriedBytes.slice(from, to).reduce((sum, carried) => sum + carried, 0);
  return (bytes * 8) / 1000 / ((to - from) * bucketMs);
}

/**
 * Mbit/s of wire bytes from a to b, between two times since the trace began, s.
 *
 * @param {Trace} trace @param {number} from @param {number} to
 */
export function carriedMbps(trace, from, to) {
  const bucketOf = (seconds) => Math.max(0, Math.round((seconds * 1000) / trace.bucketMs));
  return mbpsOf(trace, bucketOf(from), bucketOf(to));
}

/**
 * Seconds from `from` until the `window` seconds just gone have carried at least `mbps`; null where that never happens.
 *
 * @param {Trace} trace @param {number} from @param {number} mbps @param {number} window
 */
export function secondsUntil(trace, from, mbps, window) {
  const start = Math.round((from * 1000) / trace.bucketMs);
  const length = Math.round((window * 1000) / trace.bucketMs);
  for (let end = start; end <= trace.ab.carriedBytes.length; end += 1) {
    if (end >= length && mbpsOf(trace, end - length, end) >= mbps) return ((end - start) * trace.bucketMs) / 1000;
  }
  return null;
}
