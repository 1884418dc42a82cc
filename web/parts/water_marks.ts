import { core, type WaterMarkPreset, type WaterMarks } from '../wasm/parts.js';
import { checkChoice, checkNumber } from './check.js';

/**
 * 'prescribed': 16 MiB and 4 MiB. 'event-driven': 1 MiB and 64 KiB. 'deep': 8 MiB and 1 MiB. 'measured', the default: 1 MiB and
 * 256 KiB, which is enough for a turn of the event loop; more only delays what is behind it.
 */
export const waterMarks: Readonly<Record<WaterMarkPreset, WaterMarks>> = core.waterMarks();

/** A preset, or numbers of your own. */
export interface WaterMarkOptions {
  /** Default 'measured'. */
  preset?: WaterMarkPreset;
  /** Bytes; clamped to what the browser's queue holds, which throws at 16 MiB in Chromium. */
  high?: number;
  /** Bytes; no more than `high`. */
  low?: number;
}

/** Errors: throws 'invalid-argument' for a preset that is none, and for numbers that are no sizes. */
export function resolveWaterMarks({ preset = 'measured', high, low }: WaterMarkOptions): WaterMarks {
  checkChoice('preset', preset, Object.keys(waterMarks));
  const marks = waterMarks[preset];
  return {
    high: high === undefined ? marks.high : checkNumber('high', high, 1),
    low: low === undefined ? Math.min(marks.low, high ?? Infinity) : checkNumber('low', low, 0),
  };
}
