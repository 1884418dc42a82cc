import { isRecord } from '../base/is_record.js';

/**
 * What the two sides say to each other through the signalling: an object with `millrace: 1`, `from`, for all but `hello`
 * also `to`, and the fields of the body.
 */
export interface Envelope {
  from: string;
  to: string | undefined;
  body: Body;
}

export type Body =
  /** Without `to`: I am here and free. With `to`: so am I. */
  | { type: 'hello' }
  /** From the side with the lower id: be my peer. */
  | { type: 'pair' }
  | { type: 'paired' }
  | { type: 'busy' }
  | PeerMessage
  /** I am leaving. */
  | { type: 'bye' };

/** What two paired sides say to each other. `link` counts the control connections of the session from 0. */
export type PeerMessage =
  | (LinkMessage & { link: number })
  /** To the side that makes offers: look for another path for this connection. */
  | { type: 'restart'; link: number }
  /** To the side that makes offers: make another connection in place of this one. */
  | { type: 'renew'; link: number }
  /** Are you still there? */
  | { type: 'ping' }
  | { type: 'pong' };

/** The exchange that sets up one peer connection, through the signalling or, for lanes, in band. */
export type LinkMessage =
  | { type: 'description'; kind: 'offer' | 'answer'; sdp: string }
  | { type: 'candidate'; candidate: string; sdpMid: string | null; sdpMLineIndex: number | null };

const MAX_ID_LENGTH = 64;
const MAX_SDP_LENGTH = 48 * 1024;
const MAX_CANDIDATE_LENGTH = 2048;

/** The message, rebuilt from the fields it may have, or undefined: whoever sent it is not trusted. */
export function parseEnvelope(message: unknown): Envelope | undefined {
  if (!isRecord(message) || message.millrace !== 1 || !isId(message.from)) return undefined;
  if (message.to !== undefined && !isId(message.to)) return undefined;
  const body = parseBody(message);
  if (!body || (message.to === undefined && body.type !== 'hello')) return undefined;
  return { from: message.from, to: message.to, body };
}

/** What a server that knows says to the others when a socket of the room closed; it tells nobody who it was. */
export function isLeft(message: unknown): boolean {
  return isRecord(message) && message.millrace === 1 && message.type === 'left';
}

export function parseLinkMessage(message: unknown): LinkMessage | undefined {
  if (!isRecord(message)) return undefined;
  if (message.type === 'description') {
    const { kind, sdp } = message;
    if ((kind !== 'offer' && kind !== 'answer') || !isText(sdp, MAX_SDP_LENGTH)) return undefined;
    return { type: 'description', kind, sdp };
  }
  if (message.type === 'candidate') {
    const { candidate, sdpMid, sdpMLineIndex } = message;
    if (!isText(candidate, MAX_CANDIDATE_LENGTH)) return undefined;
    return {
      type: 'candidate',
      candidate,
      sdpMid: isText(sdpMid, MAX_ID_LENGTH) ? sdpMid : null,
      sdpMLineIndex: typeof sdpMLineIndex === 'number' && Number.isInteger(sdpMLineIndex) ? sdpMLineIndex : null,
    };
  }
  return undefined;
}

function parseBody(message: Record<string, unknown>): Body | undefined {
  switch (message.type) {
    case 'hello':
    case 'pair':
    case 'paired':
    case 'busy':
    case 'bye':
    case 'ping':
    case 'pong':
      return { type: message.type };
    case 'restart':
    case 'renew':
      return isCount(message.link) ? { type: message.type, link: message.link } : undefined;
    default: {
      const inner = parseLinkMessage(message);
      return inner && isCount(message.link) ? { ...inner, link: message.link } : undefined;
    }
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length <= maxLength;
}

function isId(value: unknown): value is string {
  return isText(value, MAX_ID_LENGTH) && value.length > 0;
}
