// What statistics cost an engine while a transfer runs: all that is done for one report of progress.
import { randomBytes } from 'node:crypto';
import { connectedPair, now, run } from '../../tests/node/support/core_pair.mjs';

/** A report at most each 100 ms (web/engine/engine.ts). */
const reportsPerSecond = 10;
const lanes = 16;
const rounds = 2_000;

/**
 * `microseconds`: of one report, the median of many, with as many lanes as are usually opened at most: the session's statistics,
 * the transfer's benchmark, and the way of both to another thread and back. `share`: of a core, at the highest rate of reports.
 * Needs the WebAssembly core.
 */
export async function measureStatsCost() {
  const [sender, receiver] = await connectedPair();
  for (const { session } of [sender, receiver]) for (let lane = 2; lane <= lanes; lane += 1) session.openLane(lane, 262_144, true, now());
  sender.offer(randomBytes(20_000_000));
  // In the middle of it.
  run([sender, receiver], () => [...receiver.received.keys()].some((id) => receiver.session.transferBytes(id) > 10_000_000));

  const benchmark = new sender.core.TransferBenchmark(1_000, 60, 1_000);
  let at = 0;
  benchmark.start(at);
  const times = [];
  for (let round = 0; round < rounds; round += 1) {
    const begun = performance.now();
    const stats = sender.session.stats(now());
    at += 1_000 / reportsPerSecond;
    benchmark.recordBytes(1_000_000, at);
    if (benchmark.rttIsDue(at)) benchmark.recordRtt(stats.rtt ?? 1, at);
    benchmark.setContext(stats.waiting, NaN);
    structuredClone({ type: 'progress', transfers: [{ id: 'send-1', bytes: round, stats: benchmark.stats(at) }], stats });
    times.push(performance.now() - begun);
  }
  benchmark.delete();
  times.sort((a, b) => a - b);
  const milliseconds = times[rounds >> 1];
  return { microseconds: milliseconds * 1000, lanes, reportsPerSecond, share: (milliseconds * reportsPerSecond) / 1000 };
}
