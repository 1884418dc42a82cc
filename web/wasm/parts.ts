/**
 * The parts' WebAssembly module as TypeScript sees it: the Embind classes of `wasm/parts.cpp` and `wasm/benchmark.cpp`. Times
 * are ms on the clock of `performance.now()`. Memory may grow: a view of `HEAPU8` is valid until the next call.
 */
import { MillraceError } from '../api/errors.js';
import type { Profile, SizingMode } from '../api/profile.js';
import { LazyPromise } from '../base/lazy_promise.js';
import { loadWasm } from './load.js';
import type { BenchmarkCore } from './session.js';

export interface Handle {
  delete(): void;
}

export interface ChunkSizerCore extends Handle {
  report(metrics: object): boolean;
  setPath(hostPair: boolean, cellular: boolean): void;
  chunkSize(): number;
  config(): {
    ladder: 'default' | 'strict';
    profile: Profile;
    mode: SizingMode;
    minChunkSize: number;
    maxChunkSize: number;
  };
}

/** Unknown values are undefined, never 0. */
export interface QualitySample {
  /** ms. */
  readonly rtt: number | undefined;
  /** Difference from the previous round trip, ms. */
  readonly jitter: number | undefined;
  /** 0 to 1. */
  readonly packetLoss: number | undefined;
  /** Both ways. */
  readonly bytesPerSecond: number | undefined;
  /** Of all watched channels, bytes. */
  readonly bufferedAmount: number | undefined;
}

export interface QualityMonitorCore extends Handle {
  onAnswer(sent: number, received: number, now: number): void;
  add(rtt: number, bytesTotal: number, buffered: number, now: number): boolean;
  samples(): number;
  latest(): QualitySample | undefined;
  mean(): QualitySample | undefined;
  quality(): number | undefined;
}

export interface BackpressureCore extends Handle {
  onSent(bytes: number): void;
  onBuffered(bytes: number): void;
  isPaused(): boolean;
  bufferLevel(): number;
  high(): number;
  low(): number;
}

export interface CoreFailure {
  readonly code: string;
  readonly detail: string;
}

export interface StripeOutput {
  readonly lane: number;
  /** Of the message, or of the header before a chunk's data. */
  readonly address: number;
  readonly bytes: number;
  readonly isChunk: boolean;
  readonly index: number;
  readonly offset: number;
  readonly length: number;
}

export interface StripeArrival {
  readonly index: number;
  readonly offset: number;
  /** Where the data begins in the message. */
  readonly payload: number;
}

export interface StripeEvent extends CoreFailure {
  readonly type: 'drained' | 'sent' | 'sendFailed' | 'received' | 'receiveFailed';
  readonly lane: number;
}

export interface StripeLane {
  /** The number in its label. */
  readonly lane: number;
  /** Of chunks, since it was opened. */
  readonly bytesSent: number;
  /** Of chunks, since it was opened. */
  readonly bytesReceived: number;
  /** Including retransmissions. */
  readonly chunksSent: number;
  /** Since it was opened. */
  readonly chunksReceived: number;
  /** Bytes. */
  readonly bufferedAmount: number;
  /** 0 to 1 of the high water mark. */
  readonly bufferLevel: number;
  /** Between reaching the high water mark and draining to the low one. */
  readonly paused: boolean;
  /** None of its chunks has arrived for a while: the other lanes continue. */
  readonly stalled: boolean;
  /** From sending a chunk to its acknowledgement, waiting in the channel included, ms. */
  readonly rtt: number | undefined;
}

export interface StripeSetCore extends Handle {
  /** Returns an empty string, or the reason why the lane cannot be opened. */
  openLane(lane: number, maxMessageSize: number, reliable: boolean): string;
  closeLane(lane: number): void;
  /** The channel of the pulse lane, which carries pings, is open or has closed. Its messages have the lane `PULSE_LANE`. */
  openPulse(): void;
  closePulse(): void;
  setBuffered(lane: number, bytes: number): void;
  /** Begins a transfer, and returns its chunk size, bytes; 0: one that fits the rate. */
  begin(totalBytes: number, chunkBytes: number): number | CoreFailure;
  cancel(reason: string): void;
  refuse(reason: string): void;
  pollOutput(now: number): StripeOutput | undefined;
  inputBuffer(): number;
  /** Bytes of the transfer that the message in the input buffer begins, if it begins one; an unfinished earlier one is dropped. */
  begins(length: number): number | undefined;
  /** Refuses such a message, instead of `handleInput`. */
  decline(length: number, reason: string): void;
  handleInput(lane: number, length: number, now: number): StripeArrival | CoreFailure | undefined;
  pollEvent(): StripeEvent | undefined;
  nextTimeout(): number;
  sentBytes(): number;
  receivedBytes(): number;
  /** Bytes per second; undefined where nothing is paced. */
  pacingRate(): number | undefined;
  lanes(): StripeLane[];
}

/** The names of `waterMarks`. */
export type WaterMarkPreset = 'prescribed' | 'event-driven' | 'deep' | 'measured';

/** The fill levels of a channel at which sending stops and continues. */
export interface WaterMarks {
  /** Sending stops at this many buffered bytes. */
  readonly high: number;
  /** Sending continues when the buffer has drained to this many bytes. */
  readonly low: number;
}

/** Settings for a kind of network. */
export interface ProfileLimits {
  /** Lanes to keep open. */
  readonly minLanes: number;
  /** Lanes at most. */
  readonly maxLanes: number;
  /** Bytes. */
  readonly minChunkSize: number;
  /** Bytes. */
  readonly maxChunkSize: number;
  /** How quickly the chunk size follows the link. */
  readonly mode: SizingMode;
}

export interface PartsModule {
  readonly HEAPU8: Uint8Array;
  readonly ChunkSizer: new (options: object) => ChunkSizerCore;
  readonly QualityMonitor: new () => QualityMonitorCore;
  readonly Backpressure: new (high: number, low: number) => BackpressureCore;
  readonly StripeSet: new (high: number, low: number, roundRobin: boolean, paced: boolean) => StripeSetCore;
  readonly TransferBenchmark: new (sampleInterval: number, windowSize: number, rttInterval: number) => BenchmarkCore;
  detectProfile(path: { hostPair: boolean; cellular: boolean; rtt?: number; jitter?: number; packetLoss?: number }): Profile;
  isLan(hostPair: boolean, rtt: number): boolean;
  profile(name: string): ProfileLimits | undefined;
  waterMarks(): Record<WaterMarkPreset, WaterMarks>;
}

let loaded: PartsModule | undefined;

/** The loaded module. Errors: throws 'invalid-argument' before `ready` has resolved. */
export function core(): PartsModule {
  if (loaded) return loaded;
  throw new MillraceError('invalid-argument', "called too early: first write `await ready` (import { ready } from 'millrace/parts')");
}

/**
 * Resolves when the parts' WebAssembly module is loaded, which begins when this is first awaited. All classes and functions need it
 * first, except for the formatting functions and for those that return a promise, which wait by themselves. Errors: rejects with
 * 'internal' if a file cannot be loaded, and with 'not-supported' without WebAssembly SIMD; the next `await` tries again.
 */
export const ready: Promise<void> = new LazyPromise(async () => {
  try {
    loaded ??= await loadWasm(new URL('./millrace_parts.wasm', import.meta.url), () => import('./millrace_parts.js'));
  } catch (caught) {
    throw MillraceError.from(caught, 'internal');
  }
});

const forgotten = new FinalizationRegistry<Handle>((handle) => handle.delete());

/** Frees the handle when its owner is garbage-collected. An owner with an explicit end calls `release` instead. */
export function keep<H extends Handle>(owner: object, handle: H): H {
  forgotten.register(owner, handle, handle);
  return handle;
}

/** Frees the handle now. Called once. */
export function release(handle: Handle): void {
  forgotten.unregister(handle);
  handle.delete();
}
