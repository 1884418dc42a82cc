import { core } from '../wasm/parts.js';
import { BENCHMARK_PREFIX, BENCHMARK_PROTOCOL, BENCHMARK_READY, BENCHMARK_SAMPLE_MS, lanesOf } from './benchmark_channel.js';
import { connectionShape } from './check.js';
import { LaneSet } from './lane_set.js';
import { QualityMonitor } from './quality_monitor.js';

/** More benchmarks at a time on one connection only measure each other; further ones are refused. */
const MOST_AT_A_TIME = 4;

/** What `answerBenchmark` returns. */
export interface BenchmarkAnswer {
  /** Ends the benchmarks that run, and answers no more. Safe to call twice. */
  close(): void;
}

/**
 * Takes the data of each `runBenchmark` that the other side of `connection` calls, and throws it away. Call it before the other side does,
 * and once `millrace/parts` is ready. The channels of benchmarks have labels that begin with `benchmark-`; the event `datachannel` also shows
 * them to the listeners of the application, which leave them alone.
 * Errors: throws 'invalid-argument' for something that is no connection, and before `ready` has resolved.
 * Cost: nothing is stored.
 */
export function answerBenchmark(connection: RTCPeerConnection): BenchmarkAnswer {
  connectionShape.check(connection, 'connection');
  core();
  const listening = new AbortController();
  const running = new Set<() => void>();
  const take = (channel: RTCDataChannel): void => {
    const { label, protocol } = channel;
    if (protocol !== BENCHMARK_PROTOCOL || !label.startsWith(`${BENCHMARK_PREFIX}-`)) return;
    if (running.size >= MOST_AT_A_TIME) {
      channel.close();
      return;
    }
    const end = serve(connection, channel);
    running.add(end);
    channel.addEventListener('close', () => {
      running.delete(end);
      end();
    });
  };
  connection.addEventListener('datachannel', ({ channel }) => take(channel), { signal: listening.signal });
  return {
    close() {
      listening.abort();
      for (const end of running) end();
      running.clear();
    },
  };
}

/** Gives what ends it. */
function serve(connection: RTCPeerConnection, channel: RTCDataChannel): () => void {
  const set = LaneSet.accept(connection, { prefix: lanesOf(channel) });
  // How the transfer ends is told to the other side.
  set.addEventListener('incoming', () => void set.receive({ onchunk: () => {} }).catch(() => {}));
  const monitor = new QualityMonitor(connection, { interval: BENCHMARK_SAMPLE_MS, exchange: channel });
  const say = (): void => channel.send(BENCHMARK_READY);
  if (channel.readyState === 'open') say();
  else channel.addEventListener('open', say, { once: true });
  return () => {
    monitor.stop();
    set.close();
    channel.close();
  };
}
