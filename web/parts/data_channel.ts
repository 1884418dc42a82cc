import { MillraceError } from '../api/errors.js';
import { checkChoice, checkNumber } from './check.js';
import { waterMarks } from './water_marks.js';

/** 'unreliable': unordered, without retransmissions by the channel. 'reliable': unordered. 'ordered': reliable and ordered. */
export type ChannelDelivery = 'unreliable' | 'reliable' | 'ordered';

/** The properties of a channel. */
export interface DataChannelOptions {
  /** The label is `<prefix>-<number>`. Default 'millrace'. */
  prefix?: string;
  /** Default: one more than the last number of this prefix on the connection. */
  number?: number;
  /** Default 'unreliable'. */
  delivery?: ChannelDelivery;
  /** Default 'millrace-parts/1'. */
  protocol?: string;
  /** Bytes; default 64 KiB. */
  bufferedAmountLowThreshold?: number;
}

export const DEFAULT_PROTOCOL = 'millrace-parts/1';

/** The last number of each prefix, for each connection. */
const given = new WeakMap<RTCPeerConnection, Map<string, number>>();

/**
 * Makes a data channel for bulk: `binaryType` 'arraybuffer', a label, a protocol, a low threshold. Unreliable channels limit
 * retransmissions, not the lifetime of packets: browsers accept only one of the two.
 * Errors: throws 'invalid-argument' for invalid options; 'connection-failed' where the connection takes no channel.
 */
export function createDataChannel(connection: RTCPeerConnection, options: DataChannelOptions = {}): RTCDataChannel {
  const { prefix = 'millrace', delivery = 'unreliable', protocol = DEFAULT_PROTOCOL } = options;
  checkChoice('delivery', delivery, ['unreliable', 'reliable', 'ordered']);
  const threshold = checkNumber('bufferedAmountLowThreshold', options.bufferedAmountLowThreshold ?? waterMarks['event-driven'].low, 0);
  const numbers = given.get(connection) ?? new Map<string, number>();
  given.set(connection, numbers);
  const last = numbers.get(prefix) ?? 0;
  const number = checkNumber('number', options.number ?? last + 1, 0, 0xffff_ffff);
  numbers.set(prefix, Math.max(last, number));
  try {
    const channel = connection.createDataChannel(`${prefix}-${number}`, {
      ordered: delivery === 'ordered',
      protocol,
      ...(delivery === 'unreliable' ? { maxRetransmits: 0 } : {}),
    });
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = threshold;
    return channel;
  } catch (caught) {
    throw MillraceError.from(caught, 'connection-failed');
  }
}
