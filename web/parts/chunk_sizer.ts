import { profiles, sizingModes, type Profile, type SizingMode } from '../api/profile.js';
import { core, keep, type ChunkSizerCore } from '../wasm/parts.js';
import { checkChoice, checkNumber } from './check.js';

/** How the size is chosen. */
export interface ChunkSizerOptions {
  /** 'strict' tolerates less loss. Default 'default'. */
  ladder?: 'default' | 'strict';
  /** The kind of network, which sets bounds and mode; 'auto': by measurement. Default 'auto'. */
  profile?: Profile;
  /** How quickly the size follows the link; default: as the profile suggests. */
  mode?: SizingMode;
  /** Lower bound in bytes, instead of the profile's; rounded to multiples of 16 KiB, from 16 KiB to 4 MiB. */
  minChunkSize?: number;
  /** Upper bound, in the same way. */
  maxChunkSize?: number;
  /** First value of `ChunkSizer.onUpdate`. */
  onUpdate?: (update: ChunkSizeUpdate) => void;
}

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
    const { ladder, profile, mode, minChunkSize, maxChunkSize, onUpdate } = options;
    checkChoice('ladder', ladder, ['default', 'strict']);
    checkChoice('profile', profile, profiles);
    checkChoice('mode', mode, sizingModes);
    if (minChunkSize !== undefined) checkNumber('minChunkSize', minChunkSize, 1);
    if (maxChunkSize !== undefined) checkNumber('maxChunkSize', maxChunkSize, 1);
    this.#core = keep(this, new core.ChunkSizer({ ladder, profile, mode, minChunkSize, maxChunkSize }));
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
   * total falls, the rate is measured anew.
   */
  reportMetrics(metrics: ChunkMetrics): boolean {
    const previous = this.chunkSize;
    const taken = this.#core.report(metrics);
    const { chunkSize } = this;
    if (chunkSize !== previous) this.onUpdate?.({ chunkSize, previous, metrics });
    return taken;
  }

  /** The properties of the path, for 'auto', as `detectLan` finds them. */
  setPath({ hostPair, cellular = false }: { hostPair: boolean; cellular?: boolean }): void {
    this.#core.setPath(hostPair, cellular);
  }
}
