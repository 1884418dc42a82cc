import { profiles, sizingModes, type Profile, type SizingMode } from '../api/profile.js';
import { core, keep, type ChunkSizerCore } from '../wasm/parts.js';
import { checkChoice, checkNumber } from './check.js';

/** By what the size is chosen. */
export interface ChunkSizerOptions {
  /** 'strict' asks for less loss. Default 'default'. */
  ladder?: 'default' | 'strict';
  /** Bounds and mode that suit a kind of network; 'auto': by measurement. Default 'auto'. */
  profile?: Profile;
  /** How quickly the size follows; default: as the profile suggests. */
  mode?: SizingMode;
  /** Bytes, instead of the profile's bound; whole multiples of 16 KiB from 16 KiB to 4 MiB are used. */
  minChunkSize?: number;
  /** The same. */
  maxChunkSize?: number;
  /** Begins as `ChunkSizer.onUpdate`. */
  onUpdate?: (update: ChunkSizeUpdate) => void;
}

/** Totals since the beginning, and how the link is now. */
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

/** What a sizer goes by. */
export interface ChunkSizerConfig {
  /** As `ChunkSizerOptions.ladder`. */
  readonly ladder: 'default' | 'strict';
  /** The chosen one; for 'auto' what the path looks like, 'auto' before the first report. */
  readonly profile: Profile;
  /** The chosen one, or the profile's. */
  readonly mode: SizingMode;
  /** Bytes. */
  readonly minChunkSize: number;
  /** Bytes. */
  readonly maxChunkSize: number;
}

/** The chunk size that follows the measured link, as the engine has it. */
export class ChunkSizer {
  /** Is told each change, within the `reportMetrics` that leads to it. */
  onUpdate: ((update: ChunkSizeUpdate) => void) | undefined;
  readonly #core: ChunkSizerCore;

  /** Errors: throws 'invalid-argument' for a ladder, profile or mode that is none, and for bounds that are no sizes. */
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

  /** What it goes by now. */
  get config(): ChunkSizerConfig {
    return this.#core.config();
  }

  /**
   * Takes a report, and answers whether it did. A report with a number that is missing, not finite, negative, or above 1
   * where that is a share, is ignored as a whole, and so is one that is not later than the last. After a gap or a step back
   * of the clock by more than a minute, and where a total falls, the rate is measured anew.
   */
  reportMetrics(metrics: ChunkMetrics): boolean {
    const previous = this.chunkSize;
    const taken = this.#core.report(metrics);
    const { chunkSize } = this;
    if (chunkSize !== previous) this.onUpdate?.({ chunkSize, previous, metrics });
    return taken;
  }

  /** What the path is made of, for 'auto': `detectLan` tells. */
  setPath({ hostPair, cellular = false }: { hostPair: boolean; cellular?: boolean }): void {
    this.#core.setPath(hostPair, cellular);
  }
}
