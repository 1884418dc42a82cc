import type { StripeLane } from '../wasm/parts.js';
import type { ChannelDelivery } from './data_channel.js';
import type { WaterMarkOptions } from './water_marks.js';

/** Options of a `LaneSet`. Both sides use the same prefix and protocol; the other options are each side's own. */
export interface LaneSetOptions extends WaterMarkOptions {
  /** Number of lanes, 1 to 16; default 4. */
  lanes?: number;
  /** 'earliest': the lane on which a chunk is expected to arrive first. Default 'round-robin'. */
  scheduler?: 'round-robin' | 'earliest';
  /** Delivery of this side's chunks. Where the channels do not retransmit, the set does. Default 'reliable'. */
  delivery?: ChannelDelivery;
  /** Labels are `<prefix>-<number>`. Both sides use the same one. Default 'lane'. */
  prefix?: string;
  /** Sub-protocol of the channels. Default 'millrace-parts/1'. */
  protocol?: string;
  /** Bytes of a chunk, limited by what a message carries; default 64 KiB. */
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
  /** Refuses larger transfers with 'too-large', bytes; default 64 MiB, or no limit with `onchunk`. */
  maxBytes?: number;
  /** Takes the data chunk by chunk, in order; nothing is kept then. */
  onchunk?: (data: Uint8Array<ArrayBuffer>, offset: number) => void;
  /** Ends it with 'aborted'. */
  signal?: AbortSignal;
}

/** The result of `LaneSet.send`: all data has arrived. */
export interface LanesReceipt {
  /** Size of the data. */
  readonly bytes: number;
  /** Number of chunks. */
  readonly chunks: number;
  /** Bytes; the option's value, or less where a message carries less. */
  readonly chunkSize: number;
  /** Time from `send` to the last acknowledgement. */
  readonly durationMs: number;
}

/** One lane of a `LaneSet`. */
export interface LaneState extends StripeLane {
  /** Label of its channel. */
  readonly label: string;
  /** State of its channel. */
  readonly state: RTCDataChannelState;
}

/** Statistics of a `LaneSet`. */
export interface LaneSetStats {
  /** The current lanes. */
  readonly lanes: readonly LaneState[];
  /** Number of open lanes. */
  readonly openLanes: number;
  /** Number of lanes above their high water mark, which take nothing. */
  readonly pausedLanes: number;
  /** Sum over the current lanes. */
  readonly bytesSent: number;
  /** Sum over the current lanes. */
  readonly bytesReceived: number;
  /** Sum over the current lanes. */
  readonly chunksSent: number;
  /** Sum over the current lanes. */
  readonly chunksReceived: number;
  /** Bytes in all channels. */
  readonly bufferedAmount: number;
}

/** What a `LaneSet` fires. */
export interface LaneSetEvents {
  /** All lanes are open, for the first time. */
  ready: Event;
  /** A chunk was sent, or arrived for the first time. */
  chunk: Event & {
    /** Its number within the transfer, from 0. */
    readonly index: number;
    /** The number of the lane. */
    readonly lane: number;
    /** Its direction. */
    readonly direction: 'send' | 'receive';
  };
  /** A lane has drained to its low mark. */
  drain: Event & {
    /** Its number. */
    readonly lane: number;
  };
  /** A transfer begins to arrive. Without a `receive` by the end of this event, it is refused. */
  incoming: Event & {
    /** Size of the data. */
    readonly totalBytes: number;
  };
  /** A lane opened or closed. */
  lane: Event & {
    /** Its number. */
    readonly lane: number;
    /** Its current state. */
    readonly state: RTCDataChannelState;
  };
}
