import { choice, number, type OptionsOf } from '../api/shape.js';
import { core, type WaterMarkPreset, type WaterMarks } from '../wasm/parts.js';

const presets: readonly WaterMarkPreset[] = ['prescribed', 'event-driven', 'deep', 'measured'];
const readers = presets.map((preset) => [preset, { enumerable: true, get: (): WaterMarks => core().waterMarks()[preset] }] as const);

/**
 * High and low marks. 'prescribed': 16 MiB and 4 MiB. 'event-driven': 1 MiB and 64 KiB. 'deep': 8 MiB and 1 MiB. 'measured', the
 * default: 1 MiB and 256 KiB, which lasts for a turn of the event loop; larger marks only delay later messages.
 * The core has the numbers: reading them needs `ready`.
 */
export const waterMarks = Object.defineProperties({}, Object.fromEntries(readers)) as Readonly<Record<WaterMarkPreset, WaterMarks>>;

/** The options of everything that has water marks. */
export const waterMarkShapes = {
  /** Default 'measured'. */
  preset: choice<WaterMarkPreset>(['prescribed', 'event-driven', 'deep', 'measured']),
  /** Bytes; limited to what the browser's queue holds. Chromium throws at 16 MiB. */
  high: number({ least: 1, unit: 'bytes' }),
  /** Bytes, at most `high`. */
  low: number({ least: 0, unit: 'bytes' }),
};

/** A preset, or other numbers. */
export interface WaterMarkOptions extends OptionsOf<typeof waterMarkShapes> {}

/** The marks of options that were checked. */
export function resolveWaterMarks({ preset = 'measured', high, low }: WaterMarkOptions): WaterMarks {
  const marks = waterMarks[preset];
  return {
    high: high ?? marks.high,
    low: low ?? Math.min(marks.low, high ?? Infinity),
  };
}
