/**
 * Moves files from one browser to another: {@link connect}, then `send` and `onincoming` of the {@link Peer}.
 *
 * @module millrace
 */
export { connect } from './session/connect.js';
export { createCode, normalizeCode } from './secrets/code.js';
export { createLinkKey } from './secrets/link_key.js';
export { sasEmoji } from './secrets/sas.js';
export type { Profile, SizingMode } from './api/profile.js';
export type { BenchmarkStats, Bottleneck, WaitingShares } from './api/statistics.js';
export { errorCodes, MillraceError, type ErrorCode, type MillraceErrorOptions } from './api/errors.js';
export { removeStored } from './sinks/stored.js';
export type { TypedEventTarget } from './api/events.js';
export type { ConnectOptions, PeerConnectionClass, Signaling } from './api/options.js';
export type {
  AcceptOptions,
  FileInfo,
  LaneStats,
  Offer,
  Peer,
  PeerEvents,
  PeerState,
  PeerStats,
  Receipt,
  ReceiptFile,
  SendOptions,
  Sink,
  Source,
  StreamSink,
  Transfer,
  TransferEvents,
  TransferState,
  TransferStats,
} from './api/types.js';
