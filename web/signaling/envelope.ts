import { isRecord } from '../base/is_record.js';

/**
 * A message through the signalling: an object with `millrace: 1`, `from`, `to` (optional for `hello` only), and the fields of the
 * body.
 */
export interface Envelope {
  from: string;
  to: string | undefined;
  body: Body;
}

export type Body =
  /** Without `to`: I am here and free. With `to`: I am free, too. */
  | { type: 'hello' }
  /** From the side with the lower id: be my peer. */
  | { type: 'pair' }
  | { type: 'paired' }
  | { type: 'busy' }
  | PeerMessage
  /** I am leaving. `failed`: because no path to you was found. */
  | { type: 'bye'; failed?: boolean };

/**
 * Messages between two paired sides. `link`: the number of the control connection that the message concerns, counted from 0
 * within the session.
 */
export type PeerMessage =
  | (ConnectionMessage & { link: number })
  /** A message of the handshake, ahead of the channel that carries it, too. `data`: base64url. */
  | { type: 'handshake'; link: number; index: number; data: string }
  /** Sets up one of the first lanes, beside the first control connection: a description, and the candidates found so far. */
  | { type: 'lane'; lane: number; messages: readonly ConnectionMessage[] }
  /** To the initiator: look for another path for this connection (ICE restart). */
  | { type: 'restart'; link: number }
  /** To the initiator: replace this connection by a new one. */
  | { type: 'renew'; link: number }
  /** Say again what you said about this connection: it may have been lost. */
  | { type: 'repeat'; link: number }
  /** Are you still there? */
  | { type: 'ping' }
  | { type: 'pong' };

/** The messages that set up one connection: through the signalling, or in band for lanes other than the first ones. */
export type ConnectionMessage =
  | { type: 'description'; kind: 'offer' | 'answer'; sdp: string }
  | { type: 'candidate'; candidate: string; sdpMid: string | null; sdpMLineIndex: number | null };

const MAX_ID_LENGTH = 64;
export const MAX_SDP_LENGTH = 48 * 1024;
const MAX_CANDIDATE_LENGTH = 2048;
/** The description and the candidates of a lane that one message may carry. */
export const MAX_LANE_MESSAGES = 64;
/** Base64url of the longest message of a handshake, and some more. */
const MAX_HANDSHAKE_LENGTH = 2048;

/** The message, rebuilt from its valid fields; undefined if it is invalid. Its sender is not trusted. */
export function parseEnvelope(message: unknown): Envelope | undefined {
  if (!isRecord(message) || message.millrace !== 1 || !isId(message.from)) return undefined;
  if (message.to !== undefined && !isId(message.to)) return undefined;
  const body = parseBody(message);
  if (!body || (message.to === undefined && body.type !== 'hello')) return undefined;
  return { from: message.from, to: message.to, body };
}

/** A server's message to the room that a member's socket closed. It does not tell whose. */
export function isLeft(message: unknown): boolean {
  return isRecord(message) && message.millrace === 1 && message.type === 'left';
}

export function parseConnectionMessage(message: unknown): ConnectionMessage | undefined {
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
    case 'ping':
    case 'pong':
      return { type: message.type };
    case 'bye':
      return message.failed === true ? { type: 'bye', failed: true } : { type: 'bye' };
    case 'restart':
    case 'renew':
    case 'repeat':
      return isCount(message.link) ? { type: message.type, link: message.link } : undefined;
    case 'handshake': {
      const { link, index, data } = message;
      return isCount(link) && isCount(index) && isText(data, MAX_HANDSHAKE_LENGTH) ? { type: 'handshake', link, index, data } : undefined;
    }
    case 'lane':
      return parseLane(message);
    default: {
      const inner = parseConnectionMessage(message);
      return inner && isCount(message.link) ? { ...inner, link: message.link } : undefined;
    }
  }
}

function parseLane({ lane, messages }: Record<string, unknown>): Extract<PeerMessage, { type: 'lane' }> | undefined {
  if (!isCount(lane) || !Array.isArray(messages) || messages.length === 0 || messages.length > MAX_LANE_MESSAGES) return undefined;
  const parsed = messages.flatMap((message) => parseConnectionMessage(message) ?? []);
  return parsed.length === messages.length ? { type: 'lane', lane, messages: parsed } : undefined;
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
