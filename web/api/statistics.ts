/** The limit of a transfer according to the measurements. 'backpressure': a full channel, or the other side's sink. */
export type Bottleneck = 'none' | 'network-bandwidth' | 'network-latency' | 'backpressure' | 'cpu' | 'memory';

/** Shares of the time in which a sender worked, by the cause of its wait; they add up to 1. */
export interface WaitingShares {
  /** The reading of the source. */
  readonly source: number;
  /** This side's processor: hashing, sealing, passing messages to the channels. */
  readonly seal: number;
  /** Space in the channels' buffers. */
  readonly channel: number;
  /** The link. */
  readonly network: number;
  /** The other side's sink, which has to write before the receiver can take more. */
  readonly sink: number;
}

/** Rates in bytes/s, times in ms, losses from 0 to 1. Unknown values are undefined. */
export interface BenchmarkStats {
  /** Since the start, bytes/s. */
  readonly throughputAvg: number;
  /** Highest sample in the window, bytes/s. */
  readonly throughputPeak: number;
  /** Lowest sample in the window, bytes/s. */
  readonly throughputMin: number;
  /** Newest sample, bytes/s. */
  readonly throughputCurrent: number;
  /** Mean round trip since the start, ms. */
  readonly rttAvg: number | undefined;
  /** Shortest round trip, ms. */
  readonly rttMin: number | undefined;
  /** Longest round trip, ms. */
  readonly rttMax: number | undefined;
  /** Newest round trip, ms. */
  readonly rttCurrent: number | undefined;
  /** Mean difference between one round trip and the next, ms. */
  readonly jitter: number | undefined;
  /** Mean since the start, 0 to 1. */
  readonly lossAvg: number | undefined;
  /** Highest loss, 0 to 1. */
  readonly lossMax: number | undefined;
  /** Recorded since the start. */
  readonly totalBytes: number;
  /** Since the start, until now or the end. */
  readonly durationMs: number;
  /** Whole intervals since the start. */
  readonly sampleCount: number;
  /** 0 to 100. */
  readonly quality: number | undefined;
  /** What limits the transfer. */
  readonly bottleneck: Bottleneck;
  /** Advice in plain words. */
  readonly recommendation: string;
  /** For developers: what to change in code, with names of the API; '' where there is no bottleneck. */
  readonly technicalAdvice: string;
}
