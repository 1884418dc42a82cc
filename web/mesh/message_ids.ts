import type { CoreMessageId } from '../wasm/mesh.js';
import type { MemberName } from '../room/member_name.js';

/** `MeshMessage.id`: unlike that of any other message of the room. `source`: the agent that sent it. */
export function messageIdOf(source: MemberName, { destination, level, unordered, sequence }: CoreMessageId): string {
  return `${source.id}/${source.incarnation}/${destination === '' ? '*' : destination}/${level}${unordered ? '-unordered' : ''}/${sequence}`;
}
