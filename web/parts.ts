/**
 * Building blocks for applications with a connection of their own. They use the engine's own code, in a WebAssembly module that
 * {@link ready} loads.
 *
 * @module millrace/parts
 */
export { Backpressure, type BackpressureEvents, type BackpressureOptions } from './parts/backpressure.js';
export {
  ChunkSizer,
  type ChunkMetrics,
  type ChunkSizerConfig,
  type ChunkSizerOptions,
  type ChunkSizeUpdate,
} from './parts/chunk_sizer.js';
export { ready } from './wasm/parts.js';
export type { ProfileLimits, QualitySample, WaterMarkPreset, WaterMarks } from './wasm/parts.js';
export {
  ConnectionManager,
  type AnsweredConnection,
  type ConnectionManagerEvents,
  type ConnectionManagerOptions,
  type ManagedConnection,
  type OfferedConnection,
} from './parts/connection_manager.js';
export { createDataChannel, type ChannelDelivery, type DataChannelOptions } from './parts/data_channel.js';
export { detectLan, type DetectLanOptions, type LanDetection } from './parts/detect_lan.js';
export { formatBytes, formatDuration, formatEta, formatThroughput } from './base/format.js';
export type { ChannelData } from './parts/peer_channel.js';
export { LaneSet } from './parts/lane_set.js';
export type {
  LaneSetEvents,
  LaneSetOptions,
  LaneSetStats,
  LanesReceipt,
  LaneState,
  LaneTotals,
  ReceiveLanesOptions,
  SendLanesOptions,
} from './parts/lane_set_types.js';
export type { LaneSource } from './parts/lane_source.js';
export { profileLimits } from './parts/profile_limits.js';
export { QualityMonitor, type QualityMonitorOptions } from './parts/quality_monitor.js';
export { answerBenchmark, type BenchmarkAnswer } from './parts/answer_benchmark.js';
export { runBenchmark, type BenchmarkResult, type RunBenchmarkOptions } from './parts/run_benchmark.js';
export { TransferBenchmark, type TransferBenchmarkOptions } from './parts/transfer_benchmark.js';
export { waterMarks, type WaterMarkOptions } from './parts/water_marks.js';
export type { Profile, SizingMode } from './api/profile.js';
export type { BenchmarkStats, Bottleneck, WaitingShares } from './api/statistics.js';
export { errorCodes, MillraceError, type ErrorCode } from './api/errors.js';
