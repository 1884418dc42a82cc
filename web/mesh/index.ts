/** `millrace/mesh`: many agents that exchange messages. */
export { createMesh } from './mesh.js';
export { errorCodes, MillraceError, type ErrorCode } from '../errors.js';
export type {
  Acknowledgement,
  BandwidthOptions,
  BandwidthStats,
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
} from './types.js';
