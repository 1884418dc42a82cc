/**
 * Moves files from one browser to another: {@link createRoom} and {@link joinRoom}, then `send` and `onoffer` of the {@link Room}.
 *
 * @module millrace
 */
export { createRoom, joinRoom } from './room/create_room.js';
export { connect } from './session/connect.js';
export { createCode, normalizeCode } from './secrets/code.js';
export { createLinkKey } from './secrets/link_key.js';
export { sasEmoji } from './secrets/sas.js';
export type { Profile, SizingMode } from './api/profile.js';
export type { BenchmarkStats, Bottleneck, WaitingShares } from './api/statistics.js';
export type { CandidateSummary, ConnectionFailureReason, ConnectionReport, IceServerSummary } from './api/connection_report.js';
export { defaultIceServers } from './api/ice_servers.js';
export { errorCodes, MillraceError, type ErrorCode, type MillraceErrorOptions } from './api/errors.js';
export { listStored } from './sinks/list_stored.js';
export { removeStored } from './sinks/stored.js';
export type { StoredFile, StoredTransfer } from './api/stored_types.js';
export type { EventMap, TypedEventTarget, TypedListener } from './api/events.js';
export type {
  JsonValue,
  MessageData,
  PeerMessageOptions,
  RequestContext,
  RequestHandler,
  RequestOptions,
} from './api/message_types.js';
export type { ChannelWaterMarks, ConnectOptions, LaneLimits, PeerConnectionClass, RtcOption, Signaling } from './api/options.js';
export type {
  CreateRoomOptions,
  GroupSendOptions,
  GroupTransfer,
  GroupTransferEvents,
  Room,
  RoomEvents,
  RoomMessage,
  RoomMessageOptions,
  RoomOptions,
  RoomState,
  Where,
} from './api/room_types.js';
export type {
  AcceptOptions,
  BulkTotals,
  CandidateType,
  FileInfo,
  LaneStats,
  Offer,
  OfferEvents,
  OfferState,
  Peer,
  PeerEvents,
  PeerPath,
  PeerState,
  PeerStats,
  Receipt,
  ReceiptFile,
  SendOptions,
  Sink,
  SkippedFile,
  Source,
  Sources,
  StreamSink,
  Transfer,
  TransferEvents,
  TransferState,
  TransferStats,
} from './api/types.js';
