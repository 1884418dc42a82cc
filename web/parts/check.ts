import { isFunction, shape } from '../api/shape.js';
import { isRecord } from '../base/is_record.js';

export function isConnection(value: unknown): value is RTCPeerConnection {
  return isRecord(value) && isFunction(value.createDataChannel) && isFunction(value.addEventListener) && isFunction(value.getStats);
}

export function isChannel(value: unknown): value is RTCDataChannel {
  return isRecord(value) && isFunction(value.send) && isFunction(value.addEventListener) && typeof value.label === 'string';
}

/** A connection of the caller's: that of the browser, or of another stack. */
export const connectionShape = shape<RTCPeerConnection>('an RTCPeerConnection', isConnection);

/** A data channel, in the same way. */
export const channelShape = shape<RTCDataChannel>('an RTCDataChannel', isChannel);
