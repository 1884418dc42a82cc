import { isRecord } from '../base/is_record.js';
import { MAX_MEMBER_ID_LENGTH, parseMemberName, type MemberName } from '../room/member_name.js';
import type { CoreAgent, RoomMessage } from '../wasm/mesh.js';

/** A message through the room's signalling. 'pair': between the two sides of a session, until it is up. */
export type RoomText =
  | { readonly kind: 'room'; readonly message: RoomMessage }
  | { readonly kind: 'pair'; readonly from: MemberName; readonly to: MemberName; readonly body: object };

/** Agents in one message: its sender and those that it names. */
const MAX_AGENTS = 257;

export function toRoomText(text: RoomText): object {
  return { millrace: 1, mesh: 1, ...text };
}

/** The message, rebuilt from its known fields, or undefined where it is invalid: its sender is not trusted. */
export function parseRoomText(raw: unknown): RoomText | undefined {
  if (!isRecord(raw) || raw.millrace !== 1 || raw.mesh !== 1) return undefined;
  if (raw.kind === 'pair') {
    const from = parseMemberName(raw.from);
    const to = parseMemberName(raw.to);
    return from && to && isRecord(raw.body) ? { kind: 'pair', from, to, body: raw.body } : undefined;
  }
  if (raw.kind !== 'room' || !isRecord(raw.message)) return undefined;
  const { type, agents, asks, settled, to } = raw.message;
  if ((type !== 'here' && type !== 'bye' && type !== 'suspect') || !Array.isArray(agents)) return undefined;
  if (agents.length === 0 || agents.length > MAX_AGENTS) return undefined;
  const parsed = agents.map(parseAgent);
  if (!parsed.every((agent) => agent !== undefined)) return undefined;
  return {
    kind: 'room',
    message: { type, agents: parsed, asks: asks === true, settled: settled === true, to: typeof to === 'string' ? to.slice(0, MAX_MEMBER_ID_LENGTH) : '' },
  };
}

function parseAgent(value: unknown): CoreAgent | undefined {
  const name = parseMemberName(value);
  if (!name) return undefined;
  const { capacity } = value as Record<string, unknown>;
  return { ...name, capacity: typeof capacity === 'number' && capacity >= 0 && Number.isFinite(capacity) ? Math.floor(capacity) : 0 };
}
