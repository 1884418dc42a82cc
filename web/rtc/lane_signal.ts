import { MillraceError } from '../api/errors.js';
import { isRecord } from '../base/is_record.js';
import { byteLength } from '../base/bytes.js';
import { MAX_LANE_MESSAGES, MAX_SDP_LENGTH, parseConnectionMessage, type ConnectionMessage } from '../signaling/envelope.js';
import { linesUnlike, sdpOf } from './sdp_lines.js';

/** Longest message of the in-band signalling, bytes. */
const MAX_SIGNAL_BYTES = 15 * 1024;
/** Lane numbers have 32 bits in the protocol, but a sound session never gets this far. */
export const MAX_LANE = 0xffff;

/** The messages between the connectors of the two sides. */
export type LaneSignal =
  /** What the lane's connection says: at most one description, which comes first, and candidates. */
  | { lane: number; type: 'say'; messages: readonly ConnectionMessage[] }
  /** This lane is gone here. `full`: the relay has no room for it, which the other side may not have seen. */
  | { lane: number; type: 'lost'; full: boolean }
  /** To the side that opens lanes: replace all lanes. */
  | { lane: 0; type: 'replace' }
  /** To the side that opens lanes: this side would like `count` lanes. */
  | { lane: 0; type: 'want'; count: number };

/** What Chromium adds to candidates; a lane's ICE never restarts, so all are of one generation. */
const withoutHints = (candidate: string): string => candidate.replace(/ (?:generation|ufrag|network-id|network-cost) \S+/g, '');

interface Described {
  readonly lane: number;
  readonly sdp: string;
}

/**
 * Signals of one side as text, and those of the other side out of it (PROTOCOL.md, "Signalling of lanes"). A description that follows
 * another one is told by the lines in which they differ, so signals have to be read in the order in which they were written.
 */
export class LaneSignals {
  #said: Described | undefined;
  #heard: Described | undefined;

  /** Errors: throws 'too-large'. */
  write(signal: LaneSignal): string {
    const text = JSON.stringify(signal.type === 'say' ? this.#writeMessages(signal.lane, signal.messages) : signal);
    if (byteLength(text) <= MAX_SIGNAL_BYTES) return text;
    this.#said = undefined;
    throw new MillraceError('too-large', `the description of lane ${signal.lane} is too long for the in-band signalling`);
  }

  /** Undefined for any other text: the other side is not trusted. */
  read(text: string): LaneSignal | undefined {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return undefined;
    }
    if (!isRecord(value)) return undefined;
    const { lane, type } = value;
    if (type === 'replace') return { lane: 0, type };
    if (type === 'want') {
      const { count } = value;
      return typeof count === 'number' && Number.isInteger(count) && count >= 1 ? { lane: 0, type, count } : undefined;
    }
    if (typeof lane !== 'number' || !Number.isInteger(lane) || lane < 1 || lane > MAX_LANE) return undefined;
    if (type === 'lost') return { lane, type, full: value.full === true };
    if (type !== 'say') return undefined;
    const messages = this.#readMessages(lane, value);
    return messages && { lane, type, messages };
  }

  /** The other side may have missed the last one: the next description is told whole. */
  forgetSaid(): void {
    this.#said = undefined;
  }

  /** A new control connection: both sides begin anew. */
  reset(): void {
    this.#said = undefined;
    this.#heard = undefined;
  }

  #writeMessages(lane: number, messages: readonly ConnectionMessage[]): Record<string, unknown> {
    const candidates = messages.flatMap((message) => (message.type === 'candidate' ? [withoutHints(message.candidate)] : []));
    const told = candidates.length > 0 ? { candidates } : {};
    const [first] = messages;
    if (first?.type !== 'description') return { lane, type: 'say', ...told };
    const before = this.#said;
    this.#said = { lane, sdp: first.sdp };
    const description = before ? { like: before.lane, sdp: linesUnlike(first.sdp, before.sdp) } : { sdp: first.sdp };
    return { lane, type: 'say', kind: first.kind, ...description, ...told };
  }

  #readMessages(lane: number, { kind, like, sdp, candidates = [] }: Record<string, unknown>): ConnectionMessage[] | undefined {
    const messages: unknown[] = [];
    if (kind !== undefined) {
      const base = like === undefined || like !== this.#heard?.lane ? undefined : this.#heard.sdp;
      messages.push({ type: 'description', kind, sdp: base === undefined ? sdp : sdpOf(sdp, base, MAX_SDP_LENGTH) });
    }
    if (!Array.isArray(candidates) || candidates.length > MAX_LANE_MESSAGES) return undefined;
    // The one channel has one section of the description.
    for (const candidate of candidates as unknown[]) messages.push({ type: 'candidate', candidate, sdpMid: null, sdpMLineIndex: 0 });
    const parsed = messages.flatMap((message) => parseConnectionMessage(message) ?? []);
    if (parsed.length !== messages.length) return undefined;
    const [first] = parsed;
    if (first?.type === 'description') this.#heard = { lane, sdp: first.sdp };
    return parsed;
  }
}
