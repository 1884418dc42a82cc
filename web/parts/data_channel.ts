import { MillraceError } from '../api/errors.js';
import { choice, checkOptions, number, text, type OptionsOf } from '../api/shape.js';
import { connectionShape } from './check.js';
import { waterMarks } from './water_marks.js';

/** A label with its number, and a protocol, have at most 65,535 bytes (RFC 8832). */
export const MAX_LABEL_LENGTH = 16_384;

/** 'unreliable': unordered, without retransmissions by the channel. 'reliable': unordered. 'ordered': reliable and ordered. */
export type ChannelDelivery = 'unreliable' | 'reliable' | 'ordered';

export const deliveries: readonly ChannelDelivery[] = ['unreliable', 'reliable', 'ordered'];

/** The options of `createDataChannel`. */
export const channelShapes = {
  /** The label is `<prefix>-<number>`. Default 'millrace'. */
  prefix: text({ most: MAX_LABEL_LENGTH }),
  /** Default: one more than the last number of this prefix on the connection. */
  number: number({ least: 0, most: 0xffff_ffff }),
  /** Default 'unreliable'. */
  delivery: choice<ChannelDelivery>(deliveries),
  /** Default 'millrace-parts/1'. */
  protocol: text({ most: MAX_LABEL_LENGTH }),
  /** Both sides make the channel with this id, and none is announced. Default: announced, with an id that the browser chooses. */
  id: number({ least: 0, most: 65_534, whole: true }),
  /** Bytes; default 64 KiB. */
  bufferedAmountLowThreshold: number({ least: 0, unit: 'bytes' }),
};

/** The properties of a channel. */
export interface DataChannelOptions extends OptionsOf<typeof channelShapes> {}

export const DEFAULT_PROTOCOL = 'millrace-parts/1';

/** The last number of each prefix, for each connection. */
const numbersGiven = new WeakMap<RTCPeerConnection, Map<string, number>>();

/**
 * Makes a data channel for bulk: `binaryType` 'arraybuffer', a label, a protocol, a low threshold. Unreliable channels limit
 * retransmissions, not the lifetime of packets: browsers accept only one of the two.
 * Errors: throws 'invalid-argument' for invalid options; 'connection-failed' where the connection takes no channel.
 */
export function createDataChannel(connection: RTCPeerConnection, options: DataChannelOptions = {}): RTCDataChannel {
  connectionShape.check(connection, 'connection');
  const { prefix = 'millrace', delivery = 'unreliable', protocol = DEFAULT_PROTOCOL, ...given } = checkOptions(options, channelShapes);
  const threshold = given.bufferedAmountLowThreshold ?? waterMarks['event-driven'].low;
  const numbers = numbersGiven.get(connection) ?? new Map<string, number>();
  numbersGiven.set(connection, numbers);
  const last = numbers.get(prefix) ?? 0;
  const own = given.number ?? last + 1;
  numbers.set(prefix, Math.max(last, own));
  try {
    const channel = connection.createDataChannel(`${prefix}-${own}`, {
      ordered: delivery === 'ordered',
      protocol,
      ...(given.id === undefined ? {} : { negotiated: true, id: given.id }),
      ...(delivery === 'unreliable' ? { maxRetransmits: 0 } : {}),
    });
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = threshold;
    return channel;
  } catch (caught) {
    throw MillraceError.from(caught, 'connection-failed');
  }
}
