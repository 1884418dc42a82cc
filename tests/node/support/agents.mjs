// Agents of a mesh in Node.js: the package as it is built, over real WebRTC, in a room in memory.
import { createMesh } from '../../../dist/mesh.js';
import { Room } from './room.mjs';
import { RTCPeerConnection } from './web_rtc.mjs';

export { RTCPeerConnection };
export const secret = 'A-key-of-the-room-0123456789abcdefghijkl';

/** Resolves when `holds` answers true; rejects with `what()` after `seconds`. */
export async function until(holds, what, seconds = 60) {
  const deadline = performance.now() + seconds * 1000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`after ${seconds} s: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A room whose agents leave when the test `t` ends. */
export class MeshRoom extends Room {
  #meshes = [];

  constructor(t) {
    super();
    t.after(() => Promise.all(this.#meshes.map((mesh) => mesh.close())));
  }

  /** Resolves with the mesh of one agent; its log is in `log`, each entry with its time `at` in ms. */
  async enter(agentId, options = {}) {
    const log = [];
    const mesh = await createMesh({ agentId, signaling: this.join(), secret, RTCPeerConnection, rtc: { iceServers: [] }, log: (entry) => log.push({ ...entry, at: performance.now() }), ...options });
    this.#meshes.push(mesh);
    // Listens at once: other agents may take longer to enter.
    const refused = [];
    mesh.addEventListener('refused', ({ agent, error }) => refused.push(`${agentId} ${agent} ${error.code}`));
    return Object.assign(mesh, { log, refused });
  }

  enterAll(ids, options) {
    return Promise.all(ids.map((id) => this.enter(id, options?.[id])));
  }

  /** How many messages were sent that set up the sessions of an agent: with `other`, or with all. */
  pairMessages(id, other) {
    const isOfBoth = (ids) => ids.includes(id) && (other === undefined || ids.includes(other));
    return this.log.filter(({ kind, from, to }) => kind === 'pair' && isOfBoth([from.id, to.id])).length;
  }
}

/** Each agent is connected to as many others. */
export async function untilConnected(meshes, count = meshes.length - 1, seconds = 60) {
  const missing = () => meshes.filter(({ connected }) => connected.length !== count);
  await until(() => missing().length === 0, () => missing().map(({ agentId, connected }) => `${agentId}: connected to [${connected}], not to ${count}`).join('; '), seconds);
}
