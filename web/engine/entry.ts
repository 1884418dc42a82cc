import type { SlabReader } from '../sources/slab_reader.js';
import type { FileInfo } from '../types.js';
import type { Incoming } from './incoming.js';

/** One live transfer as the engine sees it. */
export interface Entry {
  /** What the window calls it. */
  readonly id: string;
  /** What the core calls it. */
  readonly transfer: number;
  readonly files: readonly FileInfo[];
  readonly totalBytes: number;
  /** Sending. */
  readonly reader?: SlabReader;
  /** Receiving, once accepted and the store is open. */
  incoming?: Incoming;
  accepting?: boolean;
  /** What finished files left behind, by file. */
  readonly blobs: Map<number, Blob>;
  /** What the window was told last. */
  reportedBytes: number;
}
