import { MillraceError } from '../api/errors.js';
import { abortSignal, checkOptions, number, type OptionsOf } from '../api/shape.js';
import { deferred, orAborted } from '../base/deferred.js';
import { readConnection } from '../rtc/connection_stats.js';
import { ready } from '../wasm/parts.js';
import { BENCHMARK_PREFIX, BENCHMARK_PROTOCOL, BENCHMARK_READY, BENCHMARK_SAMPLE_MS, lanesOf } from './benchmark_channel.js';
import { connectionShape } from './check.js';
import { createDataChannel } from './data_channel.js';
import { LaneSet } from './lane_set.js';
import { laneSetShapes, type LaneSetOptions } from './lane_set_types.js';
import { QualityMonitor } from './quality_monitor.js';
import { resolveWaterMarks, waterMarkShapes } from './water_marks.js';

const MOST_BYTES = 512_000_000;
/** The most that `getRandomValues` gives in one call. */
const RANDOM_BYTES = 65_536;
/** The connection may still be coming up, and the other side has to call `answerBenchmark`. */
const ANSWER_MS = 15_000;
/** Of a channel that closes before it is answered. */
const MOST_ATTEMPTS = 3;

const shapes = {
  /** Bytes; default 20 MB, at most 512 MB, because the data is in memory. */
  fileSize: number({ least: 0, most: MOST_BYTES, whole: true, unit: 'bytes' }),
  /** Bytes; default as `LaneSet`. */
  chunkSize: laneSetShapes.chunkSize,
  /** 1 to 16; default 4. */
  lanes: laneSetShapes.lanes,
  /** Ends it with 'aborted'. */
  signal: abortSignal(),
};
const { delivery, scheduler, pacing } = laneSetShapes;
const passedOn = { delivery, scheduler, pacing, preset: waterMarkShapes.preset };

/** Options of `runBenchmark`. */
export interface RunBenchmarkOptions extends OptionsOf<typeof shapes>, Pick<LaneSetOptions, 'delivery' | 'scheduler' | 'pacing' | 'preset'> {}

/** The result of `runBenchmark`. */
export interface BenchmarkResult {
  /** Bytes. */
  readonly fileSize: number;
  /** Time from the first byte to the last acknowledgement. */
  readonly durationMs: number;
  /** MB/s: millions of bytes per second. */
  readonly megabytesPerSecond: number;
  /** Mbit/s: eight times that. */
  readonly megabitsPerSecond: number;
  /** Bytes of the longest chunks; less than the option's value where a message carries less. */
  readonly chunkSize: number;
  /** As in the options. */
  readonly lanes: number;
  /** Mean round trip, ms; undefined where it was unknown. */
  readonly rtt: number | undefined;
  /** 0 to 1; undefined where a browser does not count packets, or nothing was counted in so short a time. */
  readonly packetLoss: number | undefined;
  /** Mean of what waited in the channels, as a share of what they may hold, 0 to 1. */
  readonly bufferLevel: number;
}

/**
 * Measures a connection: sends `fileSize` random bytes over parallel lanes to the other side, which has called `answerBenchmark`. The
 * connection is up or being set up; it stays open, and everything else that was opened is closed.
 * Errors: rejects with 'invalid-argument'; 'connection-failed' where the connection takes no channel; 'rejected' where the other side
 * answers no benchmark, or four already, and 'timeout' where that is not known after 15 s; those of `LaneSet.send`; 'aborted'.
 * Cost: the data in memory, and the link for as long as it takes.
 */
export async function runBenchmark(connection: RTCPeerConnection, options: RunBenchmarkOptions = {}): Promise<BenchmarkResult> {
  connectionShape.check(connection, 'connection');
  const { fileSize = 20_000_000, chunkSize, lanes = 4, signal } = checkOptions(options, shapes);
  const rest = checkOptions(options, passedOn);
  const untilAborted = <T>(promise: Promise<T>): Promise<T> => (signal ? orAborted(promise, signal) : promise);
  const ends: (() => void)[] = [];
  try {
    await untilAborted(ready);
    const channel = await untilAborted(openChannel(connection, ends));
    const set = LaneSet.open(connection, { ...rest, lanes, prefix: lanesOf(channel), ...(chunkSize === undefined ? {} : { chunkSize }) });
    ends.push(() => set.close());
    await untilAborted(set.ready);

    const monitor = new QualityMonitor(connection, { interval: BENCHMARK_SAMPLE_MS, exchange: channel });
    ends.push(() => monitor.stop());
    const { high } = resolveWaterMarks(rest);
    const levels: number[] = [];
    const sample = (): unknown => levels.push(Math.min(1, set.stats().bufferedAmount / (high * lanes)));
    const timer = setInterval(sample, BENCHMARK_SAMPLE_MS);
    ends.push(() => clearInterval(timer));
    const sending = set.send(randomData(fileSize), signal ? { signal } : {});
    sample();
    const receipt = await sending;
    // A very short transfer has no sample: one is taken now.
    const rtt = monitor.mean?.rtt ?? (await readConnection(connection))?.rtt;
    const megabytesPerSecond = receipt.durationMs > 0 ? fileSize / 1000 / receipt.durationMs : 0;
    return {
      fileSize,
      durationMs: receipt.durationMs,
      megabytesPerSecond,
      megabitsPerSecond: megabytesPerSecond * 8,
      chunkSize: receipt.chunkSize,
      lanes,
      rtt,
      packetLoss: monitor.mean?.packetLoss,
      bufferLevel: levels.reduce((sum, level) => sum + level, 0) / levels.length,
    };
  } catch (caught) {
    throw MillraceError.from(caught, signal?.aborted ? 'aborted' : 'connection-failed');
  } finally {
    for (const end of ends.reverse()) end();
  }
}

/** Resolves with a channel over which the other side has said that it takes lanes. */
async function openChannel(connection: RTCPeerConnection, ends: (() => void)[]): Promise<RTCDataChannel> {
  for (let attempt = 1; ; attempt += 1) {
    const channel = createDataChannel(connection, { prefix: BENCHMARK_PREFIX, delivery: 'ordered', protocol: BENCHMARK_PROTOCOL });
    ends.push(() => channel.close());
    try {
      await answered(channel, ends);
      return channel;
    } catch (caught) {
      // It may have got the id of an earlier channel whose end is still on its way (RFC 8831, section 6.7).
      if (MillraceError.from(caught, 'internal').code !== 'rejected' || attempt >= MOST_ATTEMPTS) throw caught;
    }
  }
}

/** Resolves when the other side takes lanes. */
function answered(channel: RTCDataChannel, ends: (() => void)[]): Promise<void> {
  const { promise, resolve, reject } = deferred<void>();
  const listening = new AbortController();
  const { signal } = listening;
  channel.addEventListener('message', ({ data }) => data === BENCHMARK_READY && resolve(), { signal });
  channel.addEventListener('close', () => reject(new MillraceError('rejected', 'the other side takes no benchmark: it has to call answerBenchmark')), { signal });
  const late = new MillraceError('timeout', `the other side did not answer within ${ANSWER_MS / 1000} s: it has to call answerBenchmark`);
  const timer = setTimeout(() => reject(late), ANSWER_MS);
  ends.push(() => {
    clearTimeout(timer);
    listening.abort();
  });
  return promise;
}

/** Random, so that nothing on the way can compress it. */
function randomData(bytes: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += RANDOM_BYTES) crypto.getRandomValues(data.subarray(at, Math.min(at + RANDOM_BYTES, bytes)));
  return data;
}
