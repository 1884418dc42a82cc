/**
 * The building blocks for people who keep their own connection. What they compute is computed by the same
 * code as in the engine, in a WebAssembly module of its own, which is loaded with this one.
 *
 * @module millrace/parts
 */
export { Backpressure, type BackpressureEvents, type BackpressureOptions } from './backpressure.js';
export {
  ChunkSizer,
  type ChunkMetrics,
  type ChunkSizerConfig,
  type ChunkSizerOptions,
  type ChunkSizeUpdate,
} from './chunk_sizer.js';
export type { ProfileLimits, QualitySample, WaterMarkPreset, WaterMarks } from './core.js';
export { createDataChannel, type ChannelDelivery, type DataChannelOptions } from './data_channel.js';
export { detectLan, type DetectLanOptions, type LanDetection } from './detect_lan.js';
export { formatBytes, formatDuration, formatEta, formatThroughput } from './format.js';
export {
  LaneSet,
  type LaneSetEvents,
  type LaneSetOptions,
  type LaneSetStats,
  type LanesReceipt,
  type LaneState,
  type ReceiveLanesOptions,
  type SendLanesOptions,
} from './lane_set.js';
export type { LaneSource } from './lane_source.js';
export { profileLimits } from './profile_limits.js';
export { QualityMonitor, type QualityMonitorOptions } from './quality_monitor.js';
export { runBenchmark, type BenchmarkResult, type RunBenchmarkOptions } from './run_benchmark.js';
export { TransferBenchmark, type TransferBenchmarkOptions } from './transfer_benchmark.js';
export { waterMarks, type WaterMarkOptions } from './water_marks.js';
export type { BenchmarkStats, Bottleneck, Profile, SizingMode, WaitingShares } from '../core.js';
export { errorCodes, MillraceError, type ErrorCode } from '../errors.js';
