import type { FileInfo } from '../api/types.js';
import type { Deferred } from '../base/deferred.js';
import type { SourceReader } from '../sources/source_reader.js';
import type { Incoming } from './incoming.js';
import type { TransferMeter } from './transfer_meter.js';

interface EntryBase {
  /** Its name in the window: 'send-N' or 'receive-N'. */
  readonly id: string;
  /** Its number in the core. */
  readonly transfer: number;
  readonly files: readonly FileInfo[];
  /** Bytes that the window was told of last. */
  reportedBytes: number;
  /** Undefined until the transfer is accepted. */
  meter: TransferMeter | undefined;
}

/** A live transfer that this side sends. */
export interface SendEntry extends EntryBase {
  readonly direction: 'send';
  readonly reader: SourceReader;
}

/** A live transfer that this side receives. */
export interface ReceiveEntry extends EntryBase {
  readonly direction: 'receive';
  /** Names the transfer beyond the session: 32 hexadecimal digits. */
  readonly token: string;
  /** Null where the size of a file is unknown. */
  readonly totalBytes: number | null;
  accepted: boolean;
  /** Undefined until the store of an accepted transfer is open. */
  incoming: Incoming | undefined;
  /** Streams that the window was asked for, by file. */
  readonly streams: Map<number, Deferred<WritableStream<Uint8Array>>>;
  /** The contents of finished files, by file, where the store gives them. */
  readonly blobs: Map<number, Blob>;
}

export type Entry = SendEntry | ReceiveEntry;
