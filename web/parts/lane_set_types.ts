import type { StripeLane } from '../wasm/parts.js';
import type { ChannelDelivery } from './data_channel.js';
import type { WaterMarkOptions } from './water_marks.js';

/** Both sides use the same prefix and protocol; the rest is each side's own. */
export interface LaneSetOptions extends WaterMarkOptions {
  /** How many lanes there are to be, 1 to 16; default 4. */
  lanes?: number;
  /** 'earliest': the lane on which a chunk will be there first. Default 'round-robin'. */
  scheduler?: 'round-robin' | 'earliest';
  /** How this side's chunks go; what the channel does not send again, the set does. Default 'reliable'. */
  delivery?: ChannelDelivery;
  /** Labels are `<prefix>-<number>`. Both sides use the same one. Default 'lane'. */
  prefix?: string;
  /** Of the channels. Default 'millrace-parts/1'. */
  protocol?: string;
  /** Bytes of a chunk, at most what a message carries; default 64 KiB. */
  chunkSize?: number;
  /** Whether a lane that closed is opened again while the connection lasts; default true. Only the side that opens lanes does. */
  reopen?: boolean;
}

/** Options of `LaneSet.send`. */
export interface SendLanesOptions {
  /** Bytes of a chunk of this transfer. */
  chunkSize?: number;
  /** Ends it with 'aborted'. */
  signal?: AbortSignal;
}

/** Options of `LaneSet.receive`. */
export interface ReceiveLanesOptions {
  /** Refuse more than this with 'too-large', bytes; default 64 MiB, or without bound where `onchunk` takes it. */
  maxBytes?: number;
  /** Takes the data piece by piece, in order; then nothing is kept. */
  onchunk?: (data: Uint8Array<ArrayBuffer>, offset: number) => void;
  /** Ends it with 'aborted'. */
  signal?: AbortSignal;
}

/** What `LaneSet.send` resolves with: all of it has arrived. */
export interface LanesReceipt {
  /** Of the data. */
  readonly bytes: number;
  /** How many it was cut into. */
  readonly chunks: number;
  /** Bytes; that of the options, or less where a message carries less. */
  readonly chunkSize: number;
  /** From `send` to the last acknowledgement. */
  readonly durationMs: number;
}

/** One lane of a `LaneSet`. */
export interface LaneState extends StripeLane {
  /** Of its channel. */
  readonly label: string;
  /** Of its channel. */
  readonly state: RTCDataChannelState;
}

/** Numbers of a `LaneSet`. */
export interface LaneSetStats {
  /** Those that are there now. */
  readonly lanes: readonly LaneState[];
  /** How many of them are open. */
  readonly openLanes: number;
  /** How many take nothing now: they are above their high water mark. */
  readonly pausedLanes: number;
  /** Of the lanes that are there now. */
  readonly bytesSent: number;
  /** Of the lanes that are there now. */
  readonly bytesReceived: number;
  /** Of the lanes that are there now. */
  readonly chunksSent: number;
  /** Of the lanes that are there now. */
  readonly chunksReceived: number;
  /** Bytes in all channels. */
  readonly bufferedAmount: number;
}

/** What a `LaneSet` fires. */
export interface LaneSetEvents {
  /** As many lanes are open as there are to be, for the first time. */
  ready: Event;
  /** A chunk went out, or arrived for the first time. */
  chunk: Event & {
    /** From 0, within its transfer. */
    readonly index: number;
    /** The number of the lane. */
    readonly lane: number;
    /** Which way it went. */
    readonly direction: 'send' | 'receive';
  };
  /** A lane is below its low mark again. */
  drain: Event & {
    /** Its number. */
    readonly lane: number;
  };
  /** A transfer begins to arrive: without a `receive` by the end of this event it is refused. */
  incoming: Event & {
    /** Of the data. */
    readonly totalBytes: number;
  };
  /** A lane opened or closed. */
  lane: Event & {
    /** Its number. */
    readonly lane: number;
    /** What it is now. */
    readonly state: RTCDataChannelState;
  };
}
