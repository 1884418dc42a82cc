import { isRecord } from '../base/is_record.js';

/** Where the signalling reaches a member: 16 hexadecimal digits, drawn by each member for each stay. It proves nothing. */
export type Address = string;

/** A message through the room's signalling. */
export type RoomMessage =
  /** I am here. `asks`: say the same to me. `to`: the answer; without it, to all. */
  | { readonly kind: 'here'; readonly from: Address; readonly to?: Address; readonly asks: boolean }
  /** The answer of a member that has no place left. */
  | { readonly kind: 'full'; readonly from: Address; readonly to: Address }
  /** I leave. */
  | { readonly kind: 'bye'; readonly from: Address }
  /** Between the two sides of a session, until it is up. */
  | { readonly kind: 'pair'; readonly from: Address; readonly to: Address; readonly body: object };

export function toRoomMessage(message: RoomMessage): object {
  return { millrace: 1, room: 1, ...message };
}

/** The message, rebuilt from its known fields; undefined if it is invalid. Its sender is not trusted. */
export function parseRoomMessage(raw: unknown): RoomMessage | undefined {
  if (!isRecord(raw) || raw.millrace !== 1 || raw.room !== 1 || !isAddress(raw.from)) return undefined;
  const { kind, from, to, asks, body } = raw;
  if (kind === 'bye') return { kind, from };
  if (kind === 'here' && to === undefined) return { kind, from, asks: asks === true };
  if (!isAddress(to)) return undefined;
  if (kind === 'here') return { kind, from, to, asks: asks === true };
  if (kind === 'full') return { kind, from, to };
  return kind === 'pair' && isRecord(body) ? { kind, from, to, body } : undefined;
}

function isAddress(value: unknown): value is Address {
  return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value);
}
