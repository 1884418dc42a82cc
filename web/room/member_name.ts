import { isRecord } from '../base/is_record.js';

/** How the signalling names a member of a room: an id, and the number of the life that the member leads under that id. */
export interface MemberName {
  readonly id: string;
  /** 16 hexadecimal digits, drawn each time that the member enters the room. */
  readonly incarnation: string;
}

export const MAX_MEMBER_ID_LENGTH = 64;

/** The name, rebuilt from its fields; undefined if it is invalid. Its sender is not trusted. */
export function parseMemberName(value: unknown): MemberName | undefined {
  if (!isRecord(value)) return undefined;
  const { id, incarnation } = value;
  if (typeof id !== 'string' || id.length === 0 || id.length > MAX_MEMBER_ID_LENGTH) return undefined;
  if (typeof incarnation !== 'string' || !/^[0-9a-f]{16}$/.test(incarnation)) return undefined;
  return { id, incarnation };
}
