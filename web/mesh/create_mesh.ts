import { MillraceError } from '../api/errors.js';
import type { Mesh, MeshOptions } from '../api/mesh_types.js';
import { orAborted } from '../base/deferred.js';
import { randomHex } from '../base/ids.js';
import { closeUnused } from '../signaling/close_unused.js';
import { loadMeshCore } from '../wasm/mesh.js';
import { MeshImpl } from './mesh.js';
import { resolveMeshOptions } from './options.js';

/**
 * Joins the room of `options.signaling` and connects to the agents that the topology names.
 * Errors: rejects with 'invalid-argument' for invalid options and for an id that another agent has, 'aborted', 'internal'; the
 * signalling is closed then. Afterwards the mesh ends by itself ('close') only where `signal` is aborted, or another agent that
 * was here before under this id comes back into reach.
 */
export async function createMesh(options: MeshOptions): Promise<Mesh> {
  let mesh: MeshImpl | undefined;
  try {
    const settings = resolveMeshOptions(options);
    const signal = settings.signal ?? new AbortController().signal;
    const core = await orAborted(loadMeshCore(), signal);
    const self = { id: settings.agentId, incarnation: randomHex(8), capacity: settings.capacity ?? 0 };
    mesh = new MeshImpl(new core.MeshNode(self, settings.core, performance.now()), self, settings);
    await orAborted(mesh.joined, signal);
    return mesh;
  } catch (caught) {
    const error = MillraceError.from(caught, 'internal');
    if (mesh) mesh.end(error);
    else closeUnused(options);
    throw error;
  }
}
