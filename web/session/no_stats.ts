import type { SessionStats } from '../engine/messages.js';

/** The statistics of a session before the engine reports any. */
export const NO_STATS: SessionStats = {
  rtt: undefined,
  lanes: [],
  totals: { bytesSent: 0, bytesReceived: 0, recordsSent: 0, recordsReceived: 0 },
  pacingRate: 0,
  bottleneckRate: 0,
  queueDelay: 0,
  jitter: undefined,
  packetLoss: undefined,
  waiting: undefined,
  receiveWaiting: undefined,
  quality: undefined,
  bottleneck: 'none',
  recommendation: '',
  technicalAdvice: '',
  chunkSize: 0,
  profile: 'auto',
  sendPoolBytes: 0,
  receivePoolBytes: 0,
  wasmBytes: 0,
};
