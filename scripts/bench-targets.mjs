// Checks the targets for throughput and latency over emulated links, and for the cost of statistics.
//
//   node scripts/bench-targets.mjs [TARGET…] [--json] [--rounds N] [--browsers a>b] [--bytes N]
//
// TARGET: lan-ethernet, lan-wifi, internet-100, internet-1000, direct-pair, turn, five-peer-mesh or statistics (default: all of them).
// Exits with 1 if one is missed.
//
// Each row has `reached` and `wanted` in `unit`, and `met`. Throughput is measured as in bench-wan.mjs, over links with the rate of the
// target, together with the naive pumps in the same run. `machineMbps`: the best of the same pumps over a link without delay or limits, in
// the same run. If that is below `wanted`, two browsers on this machine cannot carry the target (`carriable` is false). The target is
// then `wantedRatio` of the best naive pump over the same link, and `ratio` is what was reached of it.
//
// `direct-pair`: round trips of tiny messages on a raw channel between two pages over the link of `internet-100`, minus the link's own
// round trip, 95th percentile. `withTransfer`, a row of its own: the same while a transfer of this package fills the link.
// `turn`: the same through a TURN server on this machine, without an emulated link.
// `five-peer-mesh`: round trips of `millrace/mesh` messages in a full mesh of five pages of the sender's browser on this machine, each to
// the next one, all at once.
// `statistics`: the share of a core that reports take at their highest rate (lib/stats_cost.mjs).
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startSite } from '../e2e/support/site.mjs';
import { startCoturn } from '../tests/node/support/daemon.mjs';
import { startEndless } from './lib/endless.mjs';
import { measureLink, measureRaw } from './lib/link_runs.mjs';
import { chooseNames, connectBare, connectByDescription, median, nameOfPump, pumps, readCount, readRunOfOnePair, rounded, runBenchmark, runOptions, withPages, withProfiles } from './lib/measure.mjs';
import { joinMesh, meshRoom, pingAround } from './lib/mesh_pages.mjs';
import { overLink } from './lib/over_link.mjs';
import { measureStatsCost } from './lib/stats_cost.mjs';

const wantedRatio = 0.9;

/** Each with the link that the target is about: queues of one bandwidth-delay product, and of 500 kB where that is less. */
const throughputs = {
  'lan-ethernet': { wanted: 500, link: { rttMs: 1, loss: 0, mbps: 1000, queueBytes: 500_000 } },
  'lan-wifi': { wanted: 200, link: { rttMs: 4, loss: 0, mbps: 600, queueBytes: 500_000 } },
  'internet-100': { wanted: 80, link: { rttMs: 20, loss: 0, mbps: 100, queueBytes: 250_000 } },
  'internet-1000': { wanted: 500, link: { rttMs: 20, loss: 0, mbps: 1000, queueBytes: 2_500_000 } },
};
const openLink = { rttMs: 0, loss: 0, mbps: 0, queueBytes: 5_000_000 };

const latency = { pings: 200, wantedMs: 50, wantedTurnMs: 150, wantedMeshMs: 100, headStartMs: 3_000 };
const names = [...Object.keys(throughputs), 'direct-pair', 'turn', 'five-peer-mesh', 'statistics'];

/** What this machine can carry at all. */
async function measureMachine(setting) {
  const speeds = [];
  for (const pump of pumps) {
    const { mbps } = await measureRaw({ profiles: setting.profiles, link: openLink, seed: 1 }, setting.site, setting.bytes, pump);
    speeds.push({ mbps, pump });
  }
  const best = speeds.reduce((first, next) => (next.mbps > first.mbps ? next : first));
  return { machineMbps: rounded(best.mbps), machineBest: nameOfPump(best.pump) };
}

async function measureThroughput(name, setting, machine) {
  const { wanted, link } = throughputs[name];
  const { mbps: linkMbps, ...ofLink } = link;
  const row = await measureLink({ ...setting, link });
  const ratio = rounded(row.mbps / row.rawMbps);
  const carriable = machine.machineMbps >= wanted;
  const met = row.mbps >= wanted || (!carriable && ratio >= wantedRatio);
  return {
    reached: row.mbps,
    wanted,
    unit: 'Mbit/s',
    met,
    carriable,
    ratio,
    wantedRatio,
    ...machine,
    linkMbps,
    ...ofLink,
    bytes: setting.bytes,
    ...row,
  };
}

/** Round trips on a raw channel between two pages, ms. */
async function ping(sender, receiver) {
  await connectByDescription(sender, receiver, 'raw');
  await receiver.evaluate(() => void globalThis.raw.echo());
  // The first ones are of a connection that is still coming up.
  await sender.evaluate(() => globalThis.raw.ping(20));
  return sender.evaluate((count) => globalThis.raw.ping(count), latency.pings);
}

function latencyRow(roundTrips, wanted, rttMs) {
  const sorted = [...roundTrips].sort((a, b) => a - b);
  const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] - rttMs;
  return { reached: rounded(p95), wanted, unit: 'ms', met: p95 < wanted, rttMs, p50: rounded(median(sorted) - rttMs), pings: sorted.length };
}

async function measureDirectPair({ profiles, site }, withTransfer) {
  const { link } = throughputs['internet-100'];
  const run = await overLink({ profiles, link, seed: 1, pairs: 2 }, `${site.url}pages/bare.html`, async ([sender, pinger, receiver, ponger], emulator) => {
    // In any case: every page of a link has to have a path through it.
    await connectBare(sender, receiver);
    if (withTransfer) {
      await startEndless(sender, receiver);
      await delay(latency.headStartMs);
    }
    await Promise.all([pinger, ponger].map((page) => page.goto(`${site.url}pages/raw.html`)));
    await emulator.begin();
    return { roundTrips: await ping(pinger, ponger) };
  });
  return { ...latencyRow(run.roundTrips, latency.wantedMs, link.rttMs), withTransfer, queueMsP95: rounded(run.stats.ab.queueMsP95), unreadPackets: run.unreadPackets };
}

async function measureTurn({ profiles, site }) {
  const coturn = await startCoturn();
  try {
    const rtc = { iceServers: coturn.iceServers, iceTransportPolicy: 'relay' };
    return await withPages(profiles, `${site.url}pages/raw.html`, async (...pages) => {
      await Promise.all(pages.map((page) => page.evaluate((configuration) => globalThis.raw.configure(configuration), rtc)));
      return latencyRow(await ping(...pages), latency.wantedTurnMs, 0);
    });
  } finally {
    await coturn.stop();
  }
}

async function measureFivePeers({ profiles, site }) {
  const agents = Array.from({ length: 5 }, () => profiles[0]);
  return withPages(agents, `${site.url}pages/mesh.html`, async (...pages) => {
    await joinMesh(pages);
    await pingAround(pages, 20);
    return latencyRow(await pingAround(pages, latency.pings / pages.length), latency.wantedMeshMs, 0);
  });
}

async function statisticsRow() {
  const { share, microseconds, lanes, reportsPerSecond } = await measureStatsCost();
  return { reached: Number(share.toPrecision(2)), wanted: 0.01, unit: 'share of a core', met: share < 0.01, microseconds: Math.round(microseconds), lanes, reportsPerSecond };
}

/** The rows of a target, one after the other. */
async function* measureTarget(name, setting, machine) {
  if (name in throughputs) yield measureThroughput(name, setting, machine);
  else if (name === 'turn') yield measureTurn(setting);
  else if (name === 'five-peer-mesh') yield measureFivePeers(setting);
  else if (name === 'statistics') yield statisticsRow();
  else for (const withTransfer of [false, true]) yield measureDirectPair(setting, withTransfer);
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ...runOptions('2'),
      bytes: { type: 'string', default: '60000000' },
    },
  });
  return {
    ...readRunOfOnePair(values),
    bytes: readCount('bytes', values.bytes),
    chosen: chooseNames(positionals, names, 'target'),
  };
}

/** For people: a line per row. */
function describe({ target, reached, wanted, unit, met, carriable, ratio, machineMbps, rawMbps, withTransfer }) {
  const sign = unit === 'Mbit/s' ? 'at least' : 'less than';
  const what = withTransfer ? `${target}, beside a transfer` : target;
  const beside = rawMbps === undefined ? '' : `; the best naive pump ${rawMbps}`;
  const instead = carriable === false ? `; this machine carries ${machineMbps} at most, so ${wantedRatio} of the naive pump is asked for, reached: ${ratio}` : '';
  return `${met ? 'met   ' : 'MISSED'} ${what}: ${reached} ${unit}, ${sign} ${wanted} wanted${beside}${instead}`;
}

await runBenchmark('bench-targets', async (cleanups) => {
  const { json, pair, rounds, bytes, chosen } = readArguments();
  const site = await startSite({ withPages: true, env: meshRoom });
  cleanups.push(site.stop);
  await withProfiles(pair, cleanups, async (profiles) => {
    const setting = { profiles, site, bytes, rounds };
    const machine = chosen.some((name) => name in throughputs) ? await measureMachine(setting) : null;
    for (const name of chosen) {
      for await (const figures of measureTarget(name, setting, machine)) {
        const row = { bench: 'targets', target: name, browsers: pair, ...figures };
        process.stdout.write(`${json ? JSON.stringify(row) : describe(row)}\n`);
        if (!row.met) process.exitCode = 1;
      }
    }
  });
});
