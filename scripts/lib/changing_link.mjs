// Flows (endless.mjs) over a link that changes, and flows that share a link. Several benchmarks make these runs.
//
// Each function takes `setting`, as `overLink` does, `site`, and flows. A run has `figures`; `mbps`, file bits that arrived per second;
// `arrivedBytes` of all flows; `longestSilenceMs`, the longest time without a byte for a sink, of the first flow and those of its
// kind; `lanes` of the first sender; `logs` of all; `idle` and `stolen` as `watchProcessors` gives them; `epochMs`, when the statistics of
// the link began, ms since 1970; and what `overLink` adds. `mbps` is that of the first flow.
//
// Rates in `figures` are wire bits that the link carried, headers and retransmissions included, to the hundredth of a second, unless
// stated otherwise.
import { setTimeout as delay } from 'node:timers/promises';
import { callFlow } from './call_probe.mjs';
import { carriedMbps, secondsUntil } from './carried.mjs';
import { quantile } from './measure.mjs';
import { overLink } from './over_link.mjs';
import { watchProcessors } from './processors.mjs';

/** From the first byte to the first change, s: the last of them are measured, the others are what a start may take. */
const warmUpSeconds = 6;
const beforeSeconds = 3;

/**
 * Opens the pages of each flow at the two ends of the link and connects them. `body` gets `ends`, with `flow`, `sender` and
 * `receiver` for each, the `emulator`, and `begin`, which starts the measurement. What arrived until `body` has ended counts.
 */
function runFlows(setting, site, flows, body) {
  return overLink({ ...setting, pairs: flows.length }, `${site.url}pages/blank.html`, async (pages, emulator) => {
    const ends = flows.map((flow, index) => ({ flow, sender: pages[index], receiver: pages[flows.length + index] }));
    await Promise.all(ends.flatMap(({ flow, sender, receiver }) => [sender, receiver].map((page) => page.goto(`${site.url}${flow.path}`))));
    for (const { flow, sender, receiver } of ends) await flow.connect(sender, receiver);

    let begun;
    const arrivedAt = () => Promise.all(ends.map(({ flow, receiver }) => flow.arrived(receiver)));
    const begin = async () => {
      await emulator.begin();
      begun = { at: performance.now(), epochMs: Date.now(), arrived: await arrivedAt() };
      return () => (performance.now() - begun.at) / 1000;
    };
    const { result, ...processors } = await watchProcessors(() => body({ ends, emulator, begin }));
    const seconds = (performance.now() - begun.at) / 1000;
    const last = await arrivedAt();
    const arrivedBytes = last.map(({ bytes }, index) => bytes - begun.arrived[index].bytes);
    const senders = await Promise.all(ends.map(({ flow, sender }) => flow.describe(sender)));
    return {
      ...result,
      ...processors,
      epochMs: begun.epochMs,
      mbpsOfFlows: arrivedBytes.map((bytes) => (bytes * 8) / 1e6 / seconds),
      mbps: (arrivedBytes[0] * 8) / 1e6 / seconds,
      arrivedBytes: arrivedBytes.reduce((sum, bytes) => sum + bytes, 0),
      longestSilenceMs: Math.max(...last.filter((_, index) => flows[index].path === flows[0].path).map((end) => end.longestSilenceMs)),
      lanes: senders[0].lanes,
      logs: senders.map(({ log }) => log).filter((log) => log !== null),
    };
  });
}

/** One flow, in which `change` happens after the warm-up; it gets a clock that reads seconds since the trace began. */
function duringOne(setting, site, flow, change) {
  return runFlows(setting, site, [flow], async ({ ends: [{ sender, receiver }], emulator, begin }) => {
    await flow.start(sender, receiver);
    const secondsNow = await begin();
    await delay(warmUpSeconds * 1000);
    return change({ secondsNow, emulator, sender, receiver });
  });
}

/** Mbit/s of the last seconds before a change. */
const rateBefore = (trace, changedAt) => carriedMbps(trace, changedAt - beforeSeconds, changedAt);

/**
 * The rate falls to `slowMbps` for `slowSeconds` and rises again. `afterDrop` and `afterRise`: in the second that begins
 * `settleSeconds` after the change, as a share of what the link can carry then. `before`, and `afterRiseOfBefore`, the share of it.
 */
export async function rateStep(setting, site, flow, { slowMbps, slowSeconds, settleSeconds }) {
  const run = await duringOne(setting, site, flow, async ({ secondsNow, emulator }) => {
    const droppedAt = secondsNow();
    await emulator.set({ direction: 'both', rateMbps: slowMbps });
    await delay(slowSeconds * 1000);
    const roseAt = secondsNow();
    await emulator.set({ direction: 'both', rateMbps: setting.link.mbps });
    await delay((settleSeconds + 1) * 1000);
    return { droppedAt, roseAt };
  });
  const before = rateBefore(run.trace, run.droppedAt);
  const settled = (changedAt) => carriedMbps(run.trace, changedAt + settleSeconds, changedAt + settleSeconds + 1);
  const [afterDrop, afterRise] = [settled(run.droppedAt), settled(run.roseAt)];
  const figures = { before, afterDrop: afterDrop / slowMbps, afterRise: afterRise / setting.link.mbps, afterRiseOfBefore: afterRise / Math.max(before, 1e-9) };
  return { ...run, figures };
}

/**
 * The link drops everything for `darkSeconds`. `recoverySeconds`: from the end of the outage until the last `windowSeconds` have
 * carried 0.8 of the rate before; if that took longer than `waitSeconds`, `limited` is true and the figure is the wait.
 */
export async function outage(setting, site, flow, { darkSeconds, waitSeconds, windowSeconds, recovered = 0.8 }) {
  const run = await duringOne(setting, site, flow, async ({ secondsNow, emulator }) => {
    const darkAt = secondsNow();
    await emulator.set({ direction: 'both', blackoutMs: darkSeconds * 1000 });
    await delay((darkSeconds + waitSeconds) * 1000);
    return { darkAt };
  });
  const before = rateBefore(run.trace, run.darkAt);
  const recovery = secondsUntil(run.trace, run.darkAt + darkSeconds, before * recovered, windowSeconds);
  return { ...run, limited: recovery === null, figures: { before, recoverySeconds: recovery ?? waitSeconds } };
}

/**
 * The path gets longer by `moreMs`, both ways together, and `longerSeconds` later as short as before. `afterLonger` and `afterShorter`:
 * in the `second`-th second after the change (from 1 on), as a share of the rate before the first change.
 */
export async function delayStep(setting, site, flow, { moreMs, longerSeconds, second }) {
  const { rttMs } = setting.link;
  const run = await duringOne(setting, site, flow, async ({ secondsNow, emulator }) => {
    const longerAt = secondsNow();
    await emulator.set({ direction: 'both', delayMs: (rttMs + moreMs) / 2 });
    await delay(longerSeconds * 1000);
    const shorterAt = secondsNow();
    await emulator.set({ direction: 'both', delayMs: rttMs / 2 });
    await delay((second + 1) * 1000);
    return { longerAt, shorterAt };
  });
  const before = rateBefore(run.trace, run.longerAt);
  const after = (changedAt) => carriedMbps(run.trace, changedAt + second - 1, changedAt + second) / Math.max(before, 1e-9);
  return { ...run, figures: { before, afterLonger: after(run.longerAt), afterShorter: after(run.shorterAt) } };
}

/**
 * The sender moves to another network: its connections end, and the link has another rate and queue. `reconnectSeconds`: until the
 * session is connected again; `reachSeconds`: until the last `windowSeconds`, all of them after the reconnection, have carried 0.7 of
 * the new rate. If that took longer than `waitSeconds`, `limited` is true and the figure is the wait. A naive pump cannot reconnect:
 * it keeps its connection.
 */
export async function newNetwork(setting, site, flow, { newMbps, newQueueBytes, waitSeconds, windowSeconds, reached = 0.7 }) {
  const run = await duringOne(setting, site, flow, async ({ secondsNow, emulator, sender }) => {
    const cutAt = secondsNow();
    await emulator.set({ direction: 'both', rateMbps: newMbps, queueBytes: newQueueBytes });
    await flow.reconnect?.(sender);
    const connectedAt = secondsNow();
    await delay(waitSeconds * 1000);
    return { cutAt, connectedAt };
  });
  const reconnectSeconds = run.connectedAt - run.cutAt;
  const further = secondsUntil(run.trace, run.connectedAt + windowSeconds, newMbps * reached, windowSeconds);
  const reachSeconds = further === null ? reconnectSeconds + waitSeconds : reconnectSeconds + windowSeconds + further;
  return { ...run, limited: further === null, figures: { before: rateBefore(run.trace, run.cutAt), reconnectSeconds, reachSeconds } };
}

/**
 * Several flows on one link: each starts `startsAt[i]` seconds after the first. `measureAfter` seconds after the first byte of the last
 * one, `seconds` are measured. `mbpsOfFlows`: file bits that arrived then. `share`: the least of them, as a part of the sum.
 */
export async function shareLink(setting, site, flows, { startsAt = [], measureAfter = 0, seconds }) {
  const run = await runFlows(setting, site, flows, async ({ ends, begin }) => {
    const inOrder = ends.map((end, index) => ({ ...end, due: startsAt[index] ?? 0 })).sort((a, b) => a.due - b.due);
    for (const [index, { flow, sender, receiver, due }] of inOrder.entries()) {
      await delay((due - (inOrder[index - 1]?.due ?? 0)) * 1000);
      await flow.start(sender, receiver);
    }
    await delay(measureAfter * 1000);
    await begin();
    await delay(seconds * 1000);
    return {};
  });
  const sum = run.mbpsOfFlows.reduce((total, mbps) => total + mbps, 0);
  return { ...run, figures: { share: Math.min(...run.mbpsOfFlows) / Math.max(sum, 1e-9), mbpsSum: sum } };
}

/**
 * A flow beside a call (call_probe.mjs). `aloneMsP95` and `besideMsP95`: the 95th percentile of the one-way delays of the call's
 * packets, in `aloneSeconds` without the flow, and in `seconds` from the start of the flow on. `addedMsP95`: the difference. `callLost`:
 * the share of the call's packets that were lost beside the flow.
 */
export async function besideCall(setting, site, flow, { aloneSeconds, seconds }) {
  const run = await runFlows(setting, site, [flow, callFlow], async ({ ends: [bulk, call], begin }) => {
    await call.flow.start(call.sender, call.receiver);
    await delay(1000);
    await call.flow.takeDelays(call.receiver);
    await delay(aloneSeconds * 1000);
    const alone = await call.flow.takeDelays(call.receiver);
    await bulk.flow.start(bulk.sender, bulk.receiver);
    await begin();
    await delay(seconds * 1000);
    return { alone, beside: await call.flow.takeDelays(call.receiver) };
  });
  const [aloneMsP95, besideMsP95] = [run.alone, run.beside].map(({ delaysMs }) => quantile(delaysMs, 0.95));
  return { ...run, figures: { aloneMsP95, besideMsP95, addedMsP95: besideMsP95 - aloneMsP95, callLost: run.beside.lost } };
}
