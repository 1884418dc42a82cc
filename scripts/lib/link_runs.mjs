// Runs over an emulated link that several benchmarks make: one through the package, one of a naive pump, and both in turns.
import { describeSender } from './endless.mjs';
import { connectByDescription, isNaive, median, nameOfPump, pumps, rounded, transferFile } from './measure.mjs';
import { overLink } from './over_link.mjs';
import { watchProcessors } from './processors.mjs';

/** What a naive pump or a library gets. */
export const limitSeconds = 20;

/**
 * One file of `bytes` through the package. `connectOptions`: of `connect`, on both sides. A transfer that would take longer than
 * `limit` seconds is cut off there (`limited`); its speed is that of what had arrived. `lanes`, `logs` and `epochMs`: for the sender, as
 * in changing_link.mjs.
 */
export function measureMillrace(setting, site, bytes, connectOptions = {}, { limit = null } = {}) {
  return overLink(setting, `${site.url}pages/bare.html`, async ([sender, receiver], emulator) => {
    let epochMs;
    let timer;
    let cutOff;
    const late = new Promise((resolve) => {
      cutOff = resolve;
    });
    const ready = async () => {
      await emulator.begin();
      epochMs = Date.now();
      if (limit !== null) timer = setTimeout(cutOff, limit * 1000, null);
    };
    const transferring = transferFile(sender, receiver, bytes, ready, connectOptions);
    // It rejects when the pages of a transfer that was cut off are closed.
    transferring.catch(() => {});
    const { result, ...processors } = await watchProcessors(() => Promise.race([transferring, late]));
    clearTimeout(timer);
    const { lanes, log } = await describeSender(sender, connectOptions.log === true);
    const common = { lanes, logs: log === null ? [] : [log], epochMs, limited: result === null, ...processors };
    if (result === null) {
      const { bytes: arrivedBytes, longestSilenceMs } = await receiver.evaluate(() => globalThis.bare.progressOf(0));
      return { mbps: (arrivedBytes * 8) / 1e6 / limit, arrivedBytes, longestSilenceMs, ...common };
    }
    const { sent, received } = result;
    return { mbps: (bytes * 8) / 1e6 / sent.seconds, arrivedBytes: bytes, longestSilenceMs: received.longestSilenceMs, ...common };
  });
}

/** The same bytes through a raw channel, as long as `limit` seconds. */
export function measureRaw(setting, site, bytes, pump, { limit = limitSeconds } = {}) {
  return overLink(setting, `${site.url}pages/raw.html`, async ([sender, receiver], emulator) => {
    await connectByDescription(sender, receiver, 'raw');
    await receiver.evaluate((count) => globalThis.raw.receive(count), bytes);
    await emulator.begin();
    const epochMs = Date.now();
    const { result, ...processors } = await watchProcessors(() => finishRun(sender, receiver, 'raw', { bytes, limitSeconds: limit, ...pump }));
    return { ...result, epochMs, ...processors };
  });
}

/** Lets the global `name` of the sending page send, and gives the speed of what arrived. */
export async function finishRun(sender, receiver, name, options) {
  const seconds = await sender.evaluate(([global, sending]) => globalThis[global].send(sending), [name, options]);
  const { bytes: received, longestSilenceMs } = await receiver.evaluate((global) => globalThis[global].received(), name);
  const limited = seconds === null;
  const arrivedBytes = limited ? received : options.bytes;
  return { mbps: (arrivedBytes * 8) / 1e6 / (limited ? options.limitSeconds : seconds), arrivedBytes, longestSilenceMs, limited };
}

/** What the link saw of some runs: the same figures for everyone. */
export function linkFigures(runs) {
  const figure = (value) => rounded(median(runs.map(value)));
  return {
    retransmittedShare: figure(({ stats, arrivedBytes }) => stats.ab.offeredBytes / Math.max(arrivedBytes, 1) - 1),
    queueMsP95: figure(({ stats }) => stats.ab.queueMsP95),
    longestSilenceMs: Math.round(Math.max(...runs.map((run) => run.longestSilenceMs))),
    droppedByQueue: figure(({ stats }) => stats.ab.droppedByQueue),
    unreadPackets: figure((run) => run.unreadPackets),
    lostByEmulator: Math.max(...runs.map(({ stats }) => stats.missedPackets + stats.unsentPackets)),
    rounds: runs.length,
    mbpsByRound: runs.map((run) => rounded(run.mbps)),
  };
}

/** A row of figures: Millrace and the naive pumps over one link, in turns. `trace` gets the first run of Millrace and of the naive pump. */
export async function measureLink({ profiles, link, site, bytes, rounds, connectOptions = {}, trace = null }) {
  const ours = [];
  let candidates = pumps.map((pump) => ({ pump, runs: [] }));
  const speedOf = ({ runs }) => median(runs.map((run) => run.mbps));
  for (let round = 0; round < rounds; round += 1) {
    const setting = { profiles, link, seed: round + 1 };
    ours.push(await measureMillrace(setting, site, bytes, connectOptions));
    for (const { pump, runs } of candidates) {
      // What was cut off once is again: its speed is known.
      if (!runs.some((run) => run.limited)) runs.push(await measureRaw(setting, site, bytes, pump));
    }
    candidates.sort((a, b) => speedOf(b) - speedOf(a));
    candidates = candidates.filter(({ pump }, index) => index < 2 || isNaive(pump));
  }

  const naive = candidates.find(({ pump }) => isNaive(pump));
  const mbps = median(ours.map((run) => run.mbps));
  if (trace !== null) await trace(ours[0], naive.runs[0]);
  return {
    mbps: rounded(mbps),
    rawMbps: rounded(speedOf(candidates[0])),
    naiveMbps: rounded(speedOf(naive)),
    utilisation: rounded(mbps / link.mbps),
    ...linkFigures(ours),
    idle: rounded(median(ours.map((run) => run.idle))),
    stolen: rounded(median(ours.map((run) => run.stolen))),
    rawIdle: rounded(median(candidates[0].runs.map((run) => run.idle))),
    rawBest: nameOfPump(candidates[0].pump),
    rawRounds: candidates[0].runs.length,
    naiveRounds: naive.runs.length,
    rawLimited: candidates[0].runs.some((run) => run.limited),
    naiveLimited: naive.runs.some((run) => run.limited),
    limitSeconds,
    naiveLongestSilenceMs: Math.round(Math.max(...naive.runs.map((run) => run.longestSilenceMs))),
    sink: 'opfs',
  };
}
