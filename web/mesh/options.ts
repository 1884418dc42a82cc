import { MillraceError } from '../api/errors.js';
import { meshNeeded, meshShapes, type MeshOptions } from '../api/mesh_options.js';
import type { MeshLogEvent } from '../api/mesh_types.js';
import type { PeerConnectionClass, RtcOption, Signaling } from '../api/options.js';
import { checkOptions } from '../api/shape.js';
import { checkRtcOption } from '../rtc/configuration.js';
import { decodeLinkKey } from '../secrets/link_key.js';
import type { CoreMeshOptions } from '../wasm/mesh.js';

/** `MeshOptions` after checking. */
export interface MeshSettings {
  readonly agentId: string;
  readonly signaling: Signaling;
  /** A link key. */
  readonly secret: string | undefined;
  readonly rtc: RtcOption | undefined;
  /** Undefined: the browser's. */
  readonly Connection: PeerConnectionClass | undefined;
  readonly worker: boolean;
  readonly privacy: boolean;
  /** Bytes per second; 0: none. */
  readonly bandwidthLimit: number;
  readonly capacity: number | undefined;
  readonly log: ((event: MeshLogEvent) => void) | undefined;
  readonly signal: AbortSignal | undefined;
  readonly core: CoreMeshOptions;
}

/** Checks the options of `createMesh`. Errors: throws 'invalid-argument' for an invalid value; 'aborted'. */
export function resolveMeshOptions(given: MeshOptions): MeshSettings {
  const options = checkOptions(given, meshShapes, undefined, meshNeeded);
  const { agentId, signaling, secret, rtc, capacity, worker = false, privacy = false, bandwidthLimit = 0, log, signal, RTCPeerConnection: Connection } = options;
  checkSecret(secret);
  checkRtcOption(rtc);
  if (Connection !== undefined && worker) throw invalid('worker must be false with RTCPeerConnection, whose channels cannot go to a worker');
  const { topology = 'auto', bandwidth, neighbours, agentsPerHub, messagesPerSecond, bytesPerSecond } = options;
  const core = present({ topology, predictive: false, ...bandwidth, neighbours, agentsPerHub, messagesPerSecond, bytesPerSecond });
  if (signal?.aborted) throw new MillraceError('aborted');
  return { agentId, signaling, secret, rtc, Connection, worker, privacy, bandwidthLimit, capacity, log, signal, core };
}

/** The core looks at names, too: those without a value are left out. */
function present(options: { [Name in keyof CoreMeshOptions]: CoreMeshOptions[Name] | undefined }): CoreMeshOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** A code would be burnt by the first connection that fails, and a mesh makes many. */
function checkSecret(secret: string | undefined): void {
  if (secret === undefined) return;
  const bytes = decodeLinkKey(secret);
  if (bytes === undefined) throw invalid('the secret of a mesh must be a link key (createLinkKey): base64url of at least 128 bits');
  bytes.fill(0);
}

function invalid(detail: string): MillraceError {
  return new MillraceError('invalid-argument', detail);
}
