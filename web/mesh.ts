/**
 * Messages among many agents.
 *
 * @module millrace/mesh
 */
export { createMesh } from './mesh/create_mesh.js';
export { errorCodes, MillraceError, type ErrorCode } from './api/errors.js';
export type { RtcOption } from './api/options.js';
export type {
  Acknowledgement,
  BandwidthOptions,
  BandwidthStats,
  DropReason,
  Json,
  Level,
  Mesh,
  MeshEvents,
  MeshLogEvent,
  MeshMessage,
  MeshOptions,
  MessageOptions,
  Payload,
  QualityMode,
  Topology,
} from './api/mesh_types.js';
