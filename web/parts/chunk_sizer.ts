import { profiles, sizingModes, type Profile, type SizingMode } from '../api/profile.js';
import { callback, checkOptions, choice, flag, number, shape, type OptionsOf } from '../api/shape.js';
import { callListener } from '../base/report_exception.js';
import { core, keep, type ChunkSizerCore } from '../wasm/parts.js';

const shapes = {
  /** 'strict' tolerates less loss. Default 'default'. */
  ladder: choice(['default', 'strict']),
  /** The kind of network, which sets bounds and mode; 'auto': by measurement. Default 'auto'. */
  profile: choice<Profile>(profiles),
  /** How quickly the size follows the link; default: as the profile suggests. */
  mode: choice<SizingMode>(sizingModes),
  /** Lower bound in bytes, instead of the profile's; rounded to multiples of 16 KiB, from 16 KiB to 4 MiB. */
  minChunkSize: number({ least: 1, unit: 'bytes' }),
  /** Upper bound, in the same way. */
  maxChunkSize: number({ least: 1, unit: 'bytes' }),
  /** First value of `ChunkSizer.onUpdate`. */
  onUpdate: callback<(update: ChunkSizeUpdate) => void>(),
};

/** How the size is chosen. */
export interface ChunkSizerOptions extends OptionsOf<typeof shapes> {}

/** Totals since the start, and the current state of the link. */
export interface ChunkMetrics {
  /** ms, rising. */
  readonly timestamp: number;
  /** Total. */
  readonly bytesTransferred: number;
  /** Total. */
  readonly chunksSent: number;
  /** Total. */
  readonly chunksAcked: number;
  /** ms. */
  readonly rtt: number;
  /** 0 to 1. */
  readonly packetLoss: number;
  /** ms. */
  readonly jitter: number;
  /** 0 to 1 of the high water mark. */
  readonly bufferLevel: number;
}

/** A change of the size. */
export interface ChunkSizeUpdate {
  /** Bytes. */
  readonly chunkSize: number;
  /** Bytes. */
  readonly previous: number;
  /** The report that led to it. */
  readonly metrics: ChunkMetrics;
}

/** The settings of a sizer. */
export interface ChunkSizerConfig {
  /** As `ChunkSizerOptions.ladder`. */
  readonly ladder: 'default' | 'strict';
  /** The given profile; for 'auto' the one that fits the path, or 'auto' before the first report. */
  readonly profile: Profile;
  /** The given mode, or the profile's. */
  readonly mode: SizingMode;
  /** Bytes. */
  readonly minChunkSize: number;
  /** Bytes. */
  readonly maxChunkSize: number;
}

/** Chooses a chunk size that follows the measured link, with the engine's own code. */
export class ChunkSizer {
  /** Called with each change, within the `reportMetrics` that leads to it. */
  onUpdate: ((update: ChunkSizeUpdate) => void) | undefined;
  readonly #core: ChunkSizerCore;

  /** Errors: throws 'invalid-argument' for an unknown ladder, profile or mode, and for bounds below 1. */
  constructor(options: ChunkSizerOptions = {}) {
    const { ladder, profile, mode, minChunkSize, maxChunkSize, onUpdate } = checkOptions(options, shapes);
    this.#core = keep(this, new (core().ChunkSizer)({ ladder, profile, mode, minChunkSize, maxChunkSize }));
    this.onUpdate = onUpdate;
  }

  /** Bytes, a multiple of 16 KiB. */
  get chunkSize(): number {
    return this.#core.chunkSize();
  }

  /** The current settings. */
  get config(): ChunkSizerConfig {
    return this.#core.config();
  }

  /**
   * Takes a report. False: it was ignored as a whole, because a number is missing, not finite, negative, or above 1 for a share, or
   * because it is not later than the last report. After a gap or a step back of the clock by more than a minute, and where a
   * total falls, the rate is measured anew. Errors: throws 'invalid-argument' for a report that is no object.
   */
  reportMetrics(metrics: ChunkMetrics): boolean {
    const previous = this.chunkSize;
    const taken = this.#core.report(toMetrics(metrics));
    const { chunkSize } = this;
    if (chunkSize !== previous) callListener(() => this.onUpdate?.({ chunkSize, previous, metrics }));
    return taken;
  }

  /** The properties of the path, for 'auto', as `detectLan` finds them. Errors: throws 'invalid-argument'. */
  setPath(path: { hostPair: boolean; cellular?: boolean }): void {
    const { hostPair, cellular = false } = checkOptions(path, { cellular: flag() }, 'path', { hostPair: flag() });
    this.#core.setPath(hostPair, cellular);
  }
}

const metricNames = ['timestamp', 'bytesTransferred', 'chunksSent', 'chunksAcked', 'rtt', 'packetLoss', 'jitter', 'bufferLevel'] as const;
/** A number of any kind: the core ignores a report with one that means nothing. */
const anyNumber = shape<unknown>('a number', () => true);
const metricShapes = Object.fromEntries(metricNames.map((name) => [name, anyNumber]));

function toMetrics(metrics: ChunkMetrics): ChunkMetrics {
  const given = checkOptions(metrics, metricShapes, 'metrics');
  const entries = metricNames.map((name): [string, number] => [name, typeof given[name] === 'number' ? given[name] : NaN]);
  return Object.fromEntries(entries) as Record<(typeof metricNames)[number], number>;
}
