import { abortSignal, callback, choice, flag, number, shape, text, type OptionsOf } from '../api/shape.js';
import type { StripeLane } from '../wasm/parts.js';
import { deliveries, MAX_LABEL_LENGTH, type ChannelDelivery } from './data_channel.js';
import type { WaterMarkOptions } from './water_marks.js';

/** Most lanes of one set; a channel beyond these is closed. */
export const MOST_LANES = 16;

/** The options of `LaneSet.open` and `LaneSet.accept`, besides those for water marks. */
export const laneSetShapes = {
  /** Number of lanes, 1 to 16; default 4. */
  lanes: number({ least: 1, most: MOST_LANES, whole: true }),
  /** 'earliest': the lane on which a chunk is expected to arrive first. Default 'round-robin'. */
  scheduler: choice(['round-robin', 'earliest']),
  /** Delivery of this side's chunks. Where the channels do not retransmit, the set does. Default 'reliable'. */
  delivery: choice<ChannelDelivery>(deliveries),
  /** Labels are `<prefix>-<number>`. Both sides use the same one. Default 'lane'. */
  prefix: text({ most: MAX_LABEL_LENGTH }),
  /** Sub-protocol of the channels. Default 'millrace-parts/1'. */
  protocol: text({ most: MAX_LABEL_LENGTH }),
  /** Bytes of a chunk, limited by what a message carries. Default: 16 KiB, then 4 to 64 KiB as the rate allows; 64 KiB without `pacing`. */
  chunkSize: number({ least: 1, unit: 'bytes' }),
  /**
   * Whether this side sends at the rate that the path carries, measured with pings on one more channel, and keeps the channels'
   * buffers short; default true. Without it, channels take whatever their water marks allow, which overflows the path's queue.
   */
  pacing: flag(),
  /** Whether a lane that closed is opened again while the connection lasts; default true. Only the side that opens lanes does. */
  reopen: flag(),
};

/** Options of a `LaneSet`. Both sides use the same prefix and protocol; the other options are each side's own. */
export interface LaneSetOptions extends WaterMarkOptions, OptionsOf<typeof laneSetShapes> {}

/** The options of `LaneSet.send`. */
export const sendLanesShapes = {
  /** Bytes of a chunk of this transfer. */
  chunkSize: number({ least: 1, unit: 'bytes' }),
  /** Ends it with 'aborted'. */
  signal: abortSignal(),
};

/** Options of `LaneSet.send`. */
export interface SendLanesOptions extends OptionsOf<typeof sendLanesShapes> {}

/** The options of `LaneSet.receive`. */
export const receiveLanesShapes = {
  /** Refuses larger transfers with 'too-large', bytes; default 64 MiB, or no limit with `onchunk`. */
  maxBytes: shape<number>('a number of bytes', (value) => typeof value === 'number' && value >= 0),
  /** Takes the data chunk by chunk, in order; nothing is kept then. */
  onchunk: callback<(data: Uint8Array<ArrayBuffer>, offset: number) => void>(),
  /** Ends it with 'aborted'. */
  signal: abortSignal(),
};

/** Options of `LaneSet.receive`. */
export interface ReceiveLanesOptions extends OptionsOf<typeof receiveLanesShapes> {}

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

/** What all lanes of a `LaneSet` have carried so far, those that are gone included: none of these numbers ever falls. */
export interface LaneTotals {
  /** Of chunks. */
  readonly bytesSent: number;
  /** Of chunks. */
  readonly bytesReceived: number;
  /** Including retransmissions. */
  readonly chunksSent: number;
  /** Each arrival. */
  readonly chunksReceived: number;
}

/** Statistics of a `LaneSet`. */
export interface LaneSetStats extends LaneTotals {
  /**
   * The lanes with the state of each: those that are connecting, open or closing. A lane that has closed is listed once more, with its
   * last counts.
   */
  readonly lanes: readonly LaneState[];
  /** Number of open lanes. */
  readonly openLanes: number;
  /** Number of lanes above their high water mark, which take nothing. */
  readonly pausedLanes: number;
  /** Bytes in the channels of the open lanes. */
  readonly bufferedAmount: number;
  /** Bytes per second; absent where nothing is paced: with `pacing: false`, and where the other side answers no pings. */
  readonly pacingRate?: number;
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
    /** Its bytes. Of one that arrived, those that the set is about to store: copy them before you change them. */
    readonly data: Uint8Array<ArrayBuffer>;
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
