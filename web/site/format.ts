export { formatBytes, formatDuration, formatThroughput } from '../base/format.js';

/** "1 file", "3 files". */
export function formatCount(count: number): string {
  return count === 1 ? '1 file' : `${count} files`;
}
