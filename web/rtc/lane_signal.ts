import { MillraceError } from '../api/errors.js';
import { byteLength } from '../base/bytes.js';
import { parseConnectionMessage, type ConnectionMessage } from '../signaling/envelope.js';

/** Longest message of the in-band signalling, bytes. */
const MAX_SIGNAL_BYTES = 15 * 1024;
/** Lane numbers have 32 bits in the protocol, but a sound session never gets this far. */
export const MAX_LANE = 0xffff;

/** The messages between the connectors of the two sides. */
export type LaneSignal =
  | ({ lane: number } & ConnectionMessage)
  /** This lane is gone here. `full`: the relay has no room for it, which the other side may not have seen. */
  | { lane: number; type: 'lost'; full: boolean }
  /** To the side that opens lanes: replace all lanes. */
  | { lane: 0; type: 'replace' }
  /** To the side that opens lanes: this side would like `count` lanes. */
  | { lane: 0; type: 'want'; count: number };

/** Errors: throws 'too-large'. */
export function toLaneSignal(signal: LaneSignal): string {
  const text = JSON.stringify(signal);
  if (byteLength(text) <= MAX_SIGNAL_BYTES) return text;
  throw new MillraceError('too-large', `the description of lane ${signal.lane} is too long for the in-band signalling`);
}

/** Undefined for any other text: the other side is not trusted. */
export function parseLaneSignal(text: string): LaneSignal | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('lane' in value) || !('type' in value)) return undefined;
  const { lane, type } = value;
  if (type === 'replace') return { lane: 0, type };
  if (type === 'want') {
    const count = 'count' in value ? value.count : undefined;
    return typeof count === 'number' && Number.isInteger(count) && count >= 1 ? { lane: 0, type, count } : undefined;
  }
  if (typeof lane !== 'number' || !Number.isInteger(lane) || lane < 1 || lane > MAX_LANE) return undefined;
  if (type === 'lost') return { lane, type, full: 'full' in value && value.full === true };
  const message = parseConnectionMessage(value);
  return message && { lane, ...message };
}
