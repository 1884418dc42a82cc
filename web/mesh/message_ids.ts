import type { CoreMessageId } from '../wasm/mesh.js';
import type { AgentName } from './room_messages.js';

/** `MeshMessage.id`: unlike that of any other message of the room. `source`: the agent that sent it. */
export function messageIdOf(source: AgentName, { destination, level, unordered, sequence }: CoreMessageId): string {
  return `${source.id}/${source.incarnation}/${destination === '' ? '*' : destination}/${level}${unordered ? '-unordered' : ''}/${sequence}`;
}
