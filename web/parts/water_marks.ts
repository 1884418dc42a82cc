import { core, type WaterMarkPreset, type WaterMarks } from '../wasm/parts.js';
import { checkChoice, checkNumber } from './check.js';

/**
 * High and low marks. 'prescribed': 16 MiB and 4 MiB. 'event-driven': 1 MiB and 64 KiB. 'deep': 8 MiB and 1 MiB. 'measured', the
 * default: 1 MiB and 256 KiB, which lasts for a turn of the event loop; larger marks only delay later messages.
 */
export const waterMarks: Readonly<Record<WaterMarkPreset, WaterMarks>> = core.waterMarks();

/** A preset, or other numbers. */
export interface WaterMarkOptions {
  /** Default 'measured'. */
  preset?: WaterMarkPreset;
  /** Bytes; limited to what the browser's queue holds. Chromium throws at 16 MiB. */
  high?: number;
  /** Bytes, at most `high`. */
  low?: number;
}

/** Errors: throws 'invalid-argument' for an unknown preset, and for invalid sizes. */
export function resolveWaterMarks({ preset = 'measured', high, low }: WaterMarkOptions): WaterMarks {
  checkChoice('preset', preset, Object.keys(waterMarks));
  const marks = waterMarks[preset];
  return {
    high: high === undefined ? marks.high : checkNumber('high', high, 1),
    low: low === undefined ? Math.min(marks.low, high ?? Infinity) : checkNumber('low', low, 0),
  };
}
