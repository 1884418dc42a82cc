/**
 * What limits a transfer, by what was measured. 'backpressure': whoever takes the bytes, a full channel or the other side's
 * sink.
 */
export type Bottleneck = 'none' | 'network-bandwidth' | 'network-latency' | 'backpressure' | 'cpu' | 'memory';

/** Shares of the time that a sender worked, by what it waited for; they add up to 1. */
export interface WaitingShares {
  /** Bytes that are being read. */
  readonly source: number;
  /** This side's processor: hashing, sealing, handing over. */
  readonly seal: number;
  /** Room in the channels' buffers. */
  readonly channel: number;
  /** The link. */
  readonly network: number;
  /** The other side, which has no room until its sink has written. */
  readonly sink: number;
}

/** Rates are bytes/s, times ms, losses 0 to 1. What is not known is undefined. */
export interface BenchmarkStats {
  /** Since the start, bytes/s. */
  readonly throughputAvg: number;
  /** The most of a sample in the window, bytes/s. */
  readonly throughputPeak: number;
  /** The least of a sample in the window, bytes/s. */
  readonly throughputMin: number;
  /** Of the newest sample, bytes/s. */
  readonly throughputCurrent: number;
  /** Mean round trip since the start, ms. */
  readonly rttAvg: number | undefined;
  /** The least, ms. */
  readonly rttMin: number | undefined;
  /** The most, ms. */
  readonly rttMax: number | undefined;
  /** The newest, ms. */
  readonly rttCurrent: number | undefined;
  /** Mean difference between one round trip and the next, ms. */
  readonly jitter: number | undefined;
  /** Mean since the start, 0 to 1. */
  readonly lossAvg: number | undefined;
  /** The most, 0 to 1. */
  readonly lossMax: number | undefined;
  /** Recorded since the start. */
  readonly totalBytes: number;
  /** Since the start, until now or the end. */
  readonly durationMs: number;
  /** Whole intervals since the start. */
  readonly sampleCount: number;
  /** 0 to 100. */
  readonly quality: number | undefined;
  /** What limits it. */
  readonly bottleneck: Bottleneck;
  /** In plain words. */
  readonly recommendation: string;
}
