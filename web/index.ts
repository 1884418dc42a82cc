/**
 * Moves files from one browser to another: {@link connect}, then `send` and `onincoming` of the {@link Peer}.
 *
 * @module millrace
 */
export { connect } from './connect.js';
export { createCode, normalizeCode } from './code.js';
export { createLinkKey } from './link_key.js';
export { sasEmoji } from './sas.js';
export type { BenchmarkStats, Bottleneck, Profile, SizingMode, WaitingShares } from './core.js';
export { errorCodes, MillraceError, type ErrorCode } from './errors.js';
export { removeStored } from './sinks/stored.js';
export type { TypedEventTarget } from './events.js';
export type { ConnectOptions, PeerConnectionClass, Signaling } from './options.js';
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
} from './types.js';
