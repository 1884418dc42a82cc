import { orAborted } from '../base/deferred.js';
import { MillraceError } from '../api/errors.js';
import { checkNumber } from './check.js';
import { readConnection } from '../rtc/connection_stats.js';
import { LaneSet } from './lane_set.js';
import type { LaneSetOptions } from './lane_set_types.js';
import { QualityMonitor } from './quality_monitor.js';

/** What is sent, and how. */
export interface RunBenchmarkOptions extends Pick<LaneSetOptions, 'delivery' | 'scheduler' | 'preset'> {
  /** Bytes; default 20 MB. At most 512 MB: it is made and received in memory, piece by piece. */
  fileSize?: number;
  /** Bytes; default 64 KiB. */
  chunkSize?: number;
  /** 1 to 16; default 4. */
  lanes?: number;
  /** Two ends of a connection that is up or coming up; default: a connection within this page. They stay open. */
  connections?: readonly [sender: RTCPeerConnection, receiver: RTCPeerConnection];
  /** Ends it with 'aborted'. */
  signal?: AbortSignal;
}

/** How it went. */
export interface BenchmarkResult {
  /** Bytes. */
  readonly fileSize: number;
  /** From the first byte to the last acknowledgement. */
  readonly durationMs: number;
  /** MB/s, powers of ten. */
  readonly mbps: number;
  /** Bytes; that of the options, or less where a message carries less. */
  readonly chunkSize: number;
  /** As in the options. */
  readonly lanes: number;
  /** Mean, ms; undefined where it was not known. */
  readonly rtt: number | undefined;
  /** 0 to 1; undefined where the browser does not count packets, or nothing was counted in so short a time. */
  readonly packetLoss: number | undefined;
}

const MOST_BYTES = 512_000_000;
/** A transfer of less than a second is to have a few samples too. */
const SAMPLE_INTERVAL_MS = 200;

/**
 * Sends `fileSize` bytes over parallel lanes and tells how that went. Everything that it opened is closed afterwards.
 * Errors: rejects with 'invalid-argument'; 'not-supported' without WebRTC; those of `LaneSet.send`; 'aborted'.
 */
export async function runBenchmark(options: RunBenchmarkOptions = {}): Promise<BenchmarkResult> {
  const { chunkSize, lanes = 4, connections, signal, ...rest } = options;
  const fileSize = checkNumber('fileSize', options.fileSize ?? 20_000_000, 0, MOST_BYTES);
  if (typeof RTCPeerConnection === 'undefined') throw new MillraceError('not-supported', 'there is no WebRTC here');
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
    // At least one sample, however short it was.
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

/** Monitors on both sides that talk within this page. */
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
