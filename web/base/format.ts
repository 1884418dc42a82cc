const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB'];
const bitUnits = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'];

/** "1.5 MB" (powers of ten, as disks and speeds are labelled); "–" for a negative or non-finite number. */
export function formatBytes(bytes: number): string {
  return formatAmount(bytes, byteUnits);
}

/** "12.3 MB/s" from bytes/s; with 'bits', "98.4 Mbit/s"; "–" for a negative or non-finite number. */
export function formatThroughput(bytesPerSecond: number, unit: 'bytes' | 'bits' = 'bytes'): string {
  if (unit === 'bits') return formatAmount(8 * bytesPerSecond, bitUnits);
  return isAmount(bytesPerSecond) ? `${formatBytes(bytesPerSecond)}/s` : '–';
}

/** "8 s", "3 min 20 s", "2 h 5 min" from seconds; "–" for a negative or non-finite number. */
export function formatDuration(seconds: number): string {
  if (!isAmount(seconds)) return '–';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The time that `bytesLeft` take at a rate, as `formatDuration` writes it; "–" at rate 0. */
export function formatEta(bytesLeft: number, bytesPerSecond: number): string {
  return isAmount(bytesLeft) && isAmount(bytesPerSecond) ? formatDuration(bytesLeft / bytesPerSecond) : '–';
}

function formatAmount(amount: number, units: readonly string[]): string {
  if (!isAmount(amount)) return '–';
  let value = amount;
  let unit = 0;
  // 999.95 would be shown as "1000.0".
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

function isAmount(number: number): boolean {
  return Number.isFinite(number) && number >= 0;
}
