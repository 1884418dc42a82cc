import type { Profile } from './profile.js';
import type { BenchmarkStats, Bottleneck, WaitingShares } from './statistics.js';
import type { PeerPath } from './types.js';

/** Statistics of one bulk lane since it was opened. */
export interface LaneStats {
  /** Its number in this session, counted from 1; a number is never used twice. */
  readonly lane: number;
  /**
   * State of its channel. 'connecting': not set up on both sides yet. 'closing': still delivering records that were sent. A lane
   * that has closed is listed once more, as 'closed', with its last counts.
   */
  readonly state: 'connecting' | 'open' | 'closing' | 'closed';
  /** True: the channel retransmits lost messages. False: Millrace does. */
  readonly reliable: boolean;
  /** Bytes of records. */
  readonly bytesSent: number;
  /** Bytes of records. */
  readonly bytesReceived: number;
  /** A record is one message of the channel. */
  readonly recordsSent: number;
  /** Authentic records only. */
  readonly recordsReceived: number;
  /** Records of this side that were declared lost; their bytes were sent again. */
  readonly recordsLost: number;
  /** Bytes. */
  readonly bufferedAmount: number;
  /** The channel is above its high water mark, and gets nothing until it is below the low mark. */
  readonly paused: boolean;
  /** Time from sending a record to its acknowledgement, with its wait in the channel, ms; undefined before the first one. */
  readonly rtt: number | undefined;
}

/** What the bulk lanes of a session have carried so far, those that are gone included: none of these numbers ever falls. */
export interface BulkTotals {
  /** Bytes of records. */
  readonly bytesSent: number;
  /** Bytes of records. */
  readonly bytesReceived: number;
  /** Including those that were sent again. */
  readonly recordsSent: number;
  /** Authentic records only. */
  readonly recordsReceived: number;
}

/**
 * Statistics of a transfer. Throughput in bytes/s: the average since it was accepted, and the rest over the samples of the last
 * minute, one per second. Quality, bottleneck and recommendation concern this transfer.
 */
export interface TransferStats extends Omit<BenchmarkStats, 'totalBytes'> {
  /** As `Transfer.bytes`. */
  readonly bytes: number;
  /** As `Transfer.totalBytes`. */
  readonly totalBytes: number | null;
  /** Round trip, ms; undefined before the first answer. */
  readonly rtt: number | undefined;
  /** As `Peer.path`. */
  readonly path: PeerPath | null;
  /** The lanes of the session, which all its transfers share. */
  readonly lanes: readonly LaneStats[];
  /** The current pacing rate, bytes/s. */
  readonly pacingRate: number;
  /** The estimated bottleneck bandwidth, bytes/s. */
  readonly bottleneckRate: number;
  /** Bytes that are read and scheduled at once. */
  readonly chunkSize: number;
  /**
   * Shares of the time since this side last started to send (or to receive), by the cause of the wait. Receiving: `seal` is the
   * opening of records, `sink` is this side's own sink, and `network` is everything that keeps bytes from arriving, the other
   * side included; `source` and `channel` are 0.
   */
  readonly waiting: WaitingShares | undefined;
}

/** Statistics of a session. */
export interface PeerStats {
  /** Round trip of pings over the control connection, ms; undefined before the first answer. */
  readonly rtt: number | undefined;
  /** Mean difference between one round trip and the next, ms. */
  readonly jitter: number | undefined;
  /** 0 to 1; undefined if the browsers do not count packets and all lanes are reliable. */
  readonly packetLoss: number | undefined;
  /** 0 to 100; undefined before the first round trip. */
  readonly quality: number | undefined;
  /** The current bottleneck of this side. */
  readonly bottleneck: Bottleneck;
  /** Advice about the bottleneck, in plain words. */
  readonly recommendation: string;
  /** For developers: what to change in code, with names of the API; '' where there is no bottleneck. */
  readonly technicalAdvice: string;
  /** Shares of the time since this side last started to send, by the cause of the wait; undefined before. */
  readonly waiting: WaitingShares | undefined;
  /** The same for receiving; see `TransferStats.waiting`. */
  readonly receiveWaiting: WaitingShares | undefined;
  /** Bytes that are read and scheduled at once. */
  readonly chunkSize: number;
  /** The chosen profile; for 'auto' the profile that fits the path, or 'auto' until that is known. */
  readonly profile: Profile;
  /** As `Peer.path`. */
  readonly path: PeerPath | null;
  /** All lanes, with the state of each. */
  readonly lanes: readonly LaneStats[];
  /** What the bulk lanes have carried since the session began. */
  readonly totals: BulkTotals;
  /** The current pacing rate, bytes/s. */
  readonly pacingRate: number;
  /** The estimated bottleneck bandwidth, bytes/s. */
  readonly bottleneckRate: number;
  /** The queueing delay, ms. */
  readonly queueDelay: number;
  /** Bytes in use of the send pool. */
  readonly sendPoolBytes: number;
  /** Bytes in use of the receive pool. */
  readonly receivePoolBytes: number;
  /** The memory of the core, bytes; it never grows. */
  readonly wasmBytes: number;
  /** Whether the core and the channels run in a worker. */
  readonly worker: boolean;
  /** Why they run in the window although `ConnectOptions.worker` allowed a worker; null otherwise. */
  readonly workerFallback: string | null;
}
