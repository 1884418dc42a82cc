import { describe, MillraceError } from '../api/errors.js';
import type { PeerConnectionClass } from '../api/options.js';

/** The message size that every stack can receive, bytes (RFC 8841, section 6.1). */
const DEFAULT_MAX_MESSAGE_SIZE = 65_536;

export interface ConnectionSetup {
  readonly rtc: RTCConfiguration;
  /** Default: the browser's class. */
  readonly Connection: PeerConnectionClass | undefined;
}

/** Errors: throws 'invalid-argument' if the browser does not accept the configuration, and 'not-supported' without WebRTC. */
export function newConnection({ rtc, Connection = globalThis.RTCPeerConnection }: ConnectionSetup): RTCPeerConnection {
  if (!Connection) throw new MillraceError('not-supported', 'this browser has no WebRTC');
  try {
    return new Connection(rtc);
  } catch (caught) {
    throw new MillraceError('invalid-argument', `rtc: ${describe(caught)}`, { cause: caught });
  }
}

/** The longest message that the other side of a connection takes, bytes. */
export function maxMessageSizeOf({ sctp }: RTCPeerConnection): number {
  return sctp?.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE;
}
