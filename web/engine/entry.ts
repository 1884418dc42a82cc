import type { FileInfo } from '../api/types.js';
import type { SourceReader } from '../sources/source_reader.js';
import type { Incoming } from './incoming.js';
import type { TransferMeter } from './transfer_meter.js';

/** One live transfer as the engine sees it. */
export interface Entry {
  /** What the window calls it. */
  readonly id: string;
  /** What the core calls it. */
  readonly transfer: number;
  /** What it is called beyond the session; receiving only. */
  readonly token: string;
  readonly files: readonly FileInfo[];
  /** Null where the size of a file is unknown. */
  readonly totalBytes: number | null;
  /** Sending. */
  readonly reader?: SourceReader;
  /** Receiving, once accepted and the store is open. */
  incoming?: Incoming;
  accepting?: boolean;
  /** What finished files left behind, by file. */
  readonly blobs: Map<number, Blob>;
  /** What the window was told last. */
  reportedBytes: number;
  /** From when it is accepted. */
  meter?: TransferMeter;
}
