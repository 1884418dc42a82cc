import { MillraceError } from '../api/errors.js';
import type { MeshLogEvent, MeshOptions } from '../api/mesh_types.js';
import type { Signaling } from '../api/options.js';
import type { CoreMeshOptions } from '../wasm/mesh.js';

/** `MeshOptions` after checking. */
export interface MeshSettings {
  readonly agentId: string;
  readonly signaling: Signaling;
  readonly secret: string | undefined;
  readonly rtc: RTCConfiguration | undefined;
  readonly worker: boolean;
  readonly capacity: number | undefined;
  readonly log: ((event: MeshLogEvent) => void) | undefined;
  readonly signal: AbortSignal | undefined;
  readonly core: CoreMeshOptions;
}

const MAX_ID_BYTES = 64;
const topologies = ['auto', 'full', 'partial', 'hub'];
const bandwidthNames = [
  'mediumAbove', 'lowAbove', 'mediumBelow', 'highBelow', 'highDelay', 'mediumDelay', 'lowDelay', 'sampleInterval', 'horizon',
] as const;
const countNames = ['neighbours', 'agentsPerHub', 'messagesPerSecond', 'bytesPerSecond'] as const;

/** Errors: throws 'invalid-argument' for a value that means nothing. */
export function resolveMeshOptions(options: MeshOptions): MeshSettings {
  const { agentId, signaling, topology = 'auto', bandwidth = {}, capacity, worker = false } = options;
  if (typeof signaling?.send !== 'function') throw wrong('signaling.send must be a function');
  // Half a surrogate pair would reach the others as another name.
  const isName = typeof agentId === 'string' && agentId !== '' && !/[\ud800-\udfff]/u.test(agentId);
  if (!isName || new TextEncoder().encode(agentId).length > MAX_ID_BYTES) throw wrong(`agentId must have 1 to ${MAX_ID_BYTES} bytes`);
  if (!topologies.includes(topology)) throw wrong(`topology: ${String(topology)}`);
  if (capacity !== undefined && !isAmount(capacity)) throw wrong('capacity must be bytes per second');
  if (options.log !== undefined && typeof options.log !== 'function') throw wrong('log must be a function');
  if (options.signal?.aborted) throw new MillraceError('aborted');

  const core: CoreMeshOptions = { topology, predictive: bandwidth.predictive === true };
  for (const name of bandwidthNames) {
    const value = bandwidth[name];
    if (value === undefined) continue;
    if (!isAmount(value)) throw wrong(`bandwidth.${name} must be bytes or ms`);
    core[name] = value;
  }
  for (const name of countNames) {
    const value = options[name];
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 1) throw wrong(`${name} must be a whole number from 1`);
    core[name] = value;
  }
  return { agentId, signaling, secret: options.secret, rtc: options.rtc, worker, capacity, log: options.log, signal: options.signal, core };
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function wrong(detail: string): MillraceError {
  return new MillraceError('invalid-argument', detail);
}
