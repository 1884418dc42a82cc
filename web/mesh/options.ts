import { MillraceError } from '../api/errors.js';
import type { BandwidthOptions, MeshLogEvent, MeshOptions } from '../api/mesh_types.js';
import type { PeerConnectionClass, Signaling } from '../api/options.js';
import { isRecord } from '../base/is_record.js';
import { decodeLinkKey } from '../secrets/link_key.js';
import type { CoreMeshOptions } from '../wasm/mesh.js';

/** `MeshOptions` after checking. */
export interface MeshSettings {
  readonly agentId: string;
  readonly signaling: Signaling;
  /** A link key. */
  readonly secret: string | undefined;
  readonly rtc: RTCConfiguration | undefined;
  /** Undefined: the browser's. */
  readonly Connection: PeerConnectionClass | undefined;
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

/** Checks the options of `createMesh`. Errors: throws 'invalid-argument' for an invalid value; 'aborted'. */
export function resolveMeshOptions(options: MeshOptions): MeshSettings {
  if (!isRecord(options)) throw invalid('options must be an object');
  const { agentId, signaling, secret, rtc, capacity, worker = false, log, signal, RTCPeerConnection: Connection } = options;
  if (typeof signaling?.send !== 'function') throw invalid('signaling.send must be a function');
  if (!isAgentId(agentId)) throw invalid(`agentId must have 1 to ${MAX_ID_BYTES} bytes of UTF-8`);
  checkSecret(secret);
  if (rtc !== undefined && !isRecord(rtc)) throw invalid('rtc must be an RTCConfiguration');
  if (capacity !== undefined && !isAmount(capacity)) throw invalid('capacity must be bytes per second');
  if (typeof worker !== 'boolean') throw invalid('worker must be true or false');
  if (Connection !== undefined && (typeof Connection !== 'function' || worker)) {
    throw invalid('RTCPeerConnection must be a class, and its channels cannot go to a worker');
  }
  if (log !== undefined && typeof log !== 'function') throw invalid('log must be a function');
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid('signal must be an AbortSignal');
  const core = resolveCoreOptions(options);
  if (signal?.aborted) throw new MillraceError('aborted');
  return { agentId, signaling, secret, rtc, Connection, worker, capacity, log, signal, core };
}

function resolveCoreOptions(options: MeshOptions): CoreMeshOptions {
  const { topology = 'auto', bandwidth = {} } = options;
  if (!topologies.includes(topology)) throw invalid(`topology: ${String(topology)}`);
  if (!isRecord(bandwidth)) throw invalid('bandwidth must be an object');
  const { predictive = false }: BandwidthOptions = bandwidth;
  if (typeof predictive !== 'boolean') throw invalid('bandwidth.predictive must be true or false');
  const core: CoreMeshOptions = { topology, predictive };
  for (const name of bandwidthNames) {
    const value: unknown = bandwidth[name];
    if (value === undefined) continue;
    if (!isAmount(value)) throw invalid(`bandwidth.${name} must be bytes or ms`);
    core[name] = value;
  }
  for (const name of countNames) {
    const value = options[name];
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 1) throw invalid(`${name} must be a whole number from 1`);
    core[name] = value;
  }
  return core;
}

/** Half a surrogate pair would reach the others as another name. */
function isAgentId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && !/[\ud800-\udfff]/u.test(id) && new TextEncoder().encode(id).length <= MAX_ID_BYTES;
}

/** A code would be burnt by the first connection that fails, and a mesh makes many. */
function checkSecret(secret: unknown): void {
  if (secret === undefined) return;
  const bytes = typeof secret === 'string' ? decodeLinkKey(secret) : undefined;
  if (bytes === undefined) throw invalid('the secret of a mesh must be a link key (createLinkKey): base64url of at least 128 bits');
  bytes.fill(0);
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function invalid(detail: string): MillraceError {
  return new MillraceError('invalid-argument', detail);
}
