import { orAborted } from '../base/deferred.js';
import { MillraceError } from '../api/errors.js';
import { abortSignal, checkOptions, number, shape, type OptionsOf } from '../api/shape.js';
import { readConnection } from '../rtc/connection_stats.js';
import { ready } from '../wasm/parts.js';
import { isConnection } from './check.js';
import { LaneSet } from './lane_set.js';
import { laneSetShapes, type LaneSetOptions } from './lane_set_types.js';
import { waterMarkShapes } from './water_marks.js';
import { QualityMonitor } from './quality_monitor.js';

const MOST_BYTES = 512_000_000;

const shapes = {
  /** Bytes; default 20 MB, at most 512 MB, because the data is in memory. */
  fileSize: number({ least: 0, most: MOST_BYTES, unit: 'bytes' }),
  /** Bytes; default 64 KiB. */
  chunkSize: laneSetShapes.chunkSize,
  /** 1 to 16; default 4. */
  lanes: laneSetShapes.lanes,
  /** Two ends of a connection that is up or being set up; they stay open. Default: a connection within this page. */
  connections: shape<readonly [sender: RTCPeerConnection, receiver: RTCPeerConnection]>('an array of two RTCPeerConnections', areEnds),
  /** Ends it with 'aborted'. */
  signal: abortSignal(),
};
const { delivery, scheduler } = laneSetShapes;
const passedOn = { delivery, scheduler, preset: waterMarkShapes.preset };

/** Options of `runBenchmark`. */
export interface RunBenchmarkOptions extends OptionsOf<typeof shapes>, Pick<LaneSetOptions, 'delivery' | 'scheduler' | 'preset'> {}

/** The result of `runBenchmark`. */
export interface BenchmarkResult {
  /** Bytes. */
  readonly fileSize: number;
  /** Time from the first byte to the last acknowledgement. */
  readonly durationMs: number;
  /** MB/s, powers of ten. */
  readonly mbps: number;
  /** Bytes; the option's value, or less where a message carries less. */
  readonly chunkSize: number;
  /** As in the options. */
  readonly lanes: number;
  /** Mean round trip, ms; undefined where it was unknown. */
  readonly rtt: number | undefined;
  /** 0 to 1; undefined where the browser does not count packets, or nothing was counted in so short a time. */
  readonly packetLoss: number | undefined;
}

/** Short enough for a few samples of a transfer of less than a second. */
const SAMPLE_INTERVAL_MS = 200;

/**
 * Sends `fileSize` bytes over parallel lanes and measures that. It closes everything that it opened.
 * Errors: rejects with 'invalid-argument'; 'not-supported' without WebRTC; those of `LaneSet.send`; 'aborted'.
 */
export async function runBenchmark(options: RunBenchmarkOptions = {}): Promise<BenchmarkResult> {
  const { fileSize = 20_000_000, chunkSize, lanes = 4, connections, signal } = checkOptions(options, shapes);
  const rest = checkOptions(options, passedOn);
  if (typeof RTCPeerConnection === 'undefined') throw new MillraceError('not-supported', 'this environment has no WebRTC');
  await (signal ? orAborted(ready, signal) : ready);
  const [sender, receiver] = connections ?? [new RTCPeerConnection(), new RTCPeerConnection()];
  const ends: (() => void)[] = [];
  if (!connections) ends.push(() => [sender, receiver].forEach((connection) => connection.close()));
  try {
    const shared = { ...rest, lanes, prefix: 'benchmark', ...(chunkSize === undefined ? {} : { chunkSize }) };
    const to = LaneSet.accept(receiver, shared);
    ends.push(() => to.close());
    const from = LaneSet.open(sender, shared);
    ends.push(() => from.close());
    if (!connections) await connect(sender, receiver);
    await (signal ? orAborted(from.ready, signal) : from.ready);

    const monitor = watch(sender, receiver, ends);
    const arriving = to.receive({ onchunk: () => {} });
    arriving.catch(() => {});
    const receipt = await from.send(new Uint8Array(fileSize), signal ? { signal } : {});
    await arriving;
    // A very short transfer has no sample: one is taken now.
    const rtt = monitor.mean?.rtt ?? (await readConnection(sender))?.rtt;
    return {
      fileSize,
      durationMs: receipt.durationMs,
      mbps: receipt.durationMs > 0 ? fileSize / 1000 / receipt.durationMs : 0,
      chunkSize: receipt.chunkSize,
      lanes,
      rtt,
      packetLoss: monitor.latest?.packetLoss,
    };
  } catch (caught) {
    throw MillraceError.from(caught, signal?.aborted ? 'aborted' : 'connection-failed');
  } finally {
    for (const end of ends.reverse()) end();
  }
}

function areEnds(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every(isConnection);
}

/** Monitors on both sides, which exchange their texts within this page. */
function watch(sender: RTCPeerConnection, receiver: RTCPeerConnection, ends: (() => void)[]): QualityMonitor {
  const monitor: QualityMonitor = new QualityMonitor(sender, {
    interval: SAMPLE_INTERVAL_MS,
    exchange: (message) => void other.handle(message),
  });
  const other: QualityMonitor = new QualityMonitor(receiver, {
    interval: SAMPLE_INTERVAL_MS,
    exchange: (message) => void monitor.handle(message),
  });
  ends.push(() => [monitor, other].forEach((each) => each.stop()));
  return monitor;
}

async function connect(a: RTCPeerConnection, b: RTCPeerConnection): Promise<void> {
  a.onicecandidate = ({ candidate }) => void b.addIceCandidate(candidate ?? undefined).catch(() => {});
  b.onicecandidate = ({ candidate }) => void a.addIceCandidate(candidate ?? undefined).catch(() => {});
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription!);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription!);
}
