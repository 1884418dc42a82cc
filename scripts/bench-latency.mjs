// How long a mesh message takes to the other agent and back, compared with a bare RTCDataChannel in the same run.
//
//   node scripts/bench-latency.mjs [SCENARIO…] [--json] [--samples N] [--agents N[,N…]]
//
// SCENARIO: direct, turn, five, link, messages, connect, snap, group or simulated (default: all of them). Each agent is a Chromium page of its own. A round trip is a
// message and the answer that the other page's `onmessage` sends, one after the other. A bare message goes over a reliable ordered
// channel between two other pages on the same path and is echoed. Both take turns, in blocks of 50 samples. Times come from
// `performance.now()`, in ms.
//
// `direct`: two agents, host candidates.
// `turn`: two agents, all packets relayed by a coturn that the benchmark starts.
// `five`: a full mesh of five, 10 connections. Each agent pings the next one at the same time; a pair of bare pages runs as well.
// `link`: two agents over an emulated link of 20 Mbit/s and 40 ms with a queue of 200 kB. `load` is idle, then `bulk`: meanwhile an
// endless file goes the same way, as fast as `bulkMbps` says.
// `messagesPerSecond`: 500 messages of 64 bytes, 100 at once, until all are acknowledged.
// `messages`: `peer.request` and its answer between two pages with a session, with the engines in workers and in the windows. Then 50,000
// messages of 1 KiB, 10,000 per second: `mostPending` has how many were pending at most in each fifth of them, which must not grow.
// `connect`: a session instead of a mesh. One page waits in a room, the other one calls `connect`; the time is that until both are
// connected. Links of 1, 50 and 150 ms and 100 Mbit/s; a signalling message takes as long to the other page as a packet. Both engines
// are in the browser's cache. `roundTrips`: p50 divided by the link's round trip.
// `snap`: the same on the link of 150 ms, where Chromium has SNAP at both ends, at one, or at none (`where`). SCTP's own handshake then
// rides in the descriptions. `savedRoundTrips`: fewer of them than with none, in the same run.
// `group`: one file of 16 MB to 1, 3 and 8 members of a room at once, pages of one browser. `seconds` is until all have it, `ratio` that
// divided by the time for one, `ofShare` the ratio divided by the number of members (1: as if they shared what one gets), `spread` the
// longest time of a member divided by the shortest, `readsPerByte` how often the file was read. One machine does the work of all members.
// `simulated`: the same core in virtual time, 10, 20, 100 and 1,000 agents with churn, one-way delays of 5 to 50 ms. No message may
// be lost. There p95 is one way, for messages to one and to all.
//
// Targets: when idle, `ratioP95` (p95 divided by the bare one's) at most 1.3; under bulk, p95 at most the link's 40 ms plus 60 ms;
// `turn` p95 below 150 ms, `five` below 100 ms; `messages`: `ratioP95` at most 1.5, and 10,000 messages per second; `group`: at most 1.1 reads per byte, and `ofShare` at most 1.2; `connect` p50 at most 6 round trips plus 150 ms; `snap`
// saves at least half a round trip where both ends have it, and costs no more than that where one has.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { openProfile } from '../e2e/support/browsers.mjs';
import { startSite } from '../e2e/support/site.mjs';
import { startCoturn } from '../tests/node/support/daemon.mjs';
import { delaySignaling } from './lib/delayed_signaling.mjs';
import { connectByDescription, readCount, rounded, runBenchmark, withPages } from './lib/measure.mjs';
import { joinMesh, meshRoom, pingAround } from './lib/mesh_pages.mjs';
import { overLink } from './lib/over_link.mjs';

const scenarios = ['direct', 'turn', 'five', 'link', 'messages', 'connect', 'snap', 'group', 'simulated'];
const link = { rttMs: 40, loss: 0, mbps: 20, queueBytes: 200_000 };
const connectRttsMs = [1, 50, 150];
const connectSamples = 20;
const snapRttMs = 150;
const snapSamples = 10;
/** Which ends have SNAP: the one that waits, and the one that comes. */
const snapEnds = { none: [false, false], 'the waiting one': [true, false], 'the coming one': [false, true], both: [true, true] };
const snapSaves = 0.5;
const blockSamples = 50;
const warmUpSamples = 20;
const rateMessages = 500;
const bulkWarmUpMs = 5_000;
const idleRatio = 1.3;
const messagesRatio = 1.5;
const flood = { count: 50_000, bytes: 1_024, perSecond: 10_000 };
const groupSizes = [1, 3, 8];
const groupBytes = 16_000_000;
const groupSamples = 3;
const sim = fileURLToPath(new URL('../build/release/tests/millrace_sim', import.meta.url));

function summary(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  return { min: sorted[0], max: sorted.at(-1), mean, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function fields(prefix, samples) {
  const names = Object.entries(summary(samples)).map(([name, value]) => [
    prefix === '' ? `${name}Ms` : `${prefix}${name[0].toUpperCase()}${name.slice(1)}Ms`,
    rounded(value),
  ]);
  return Object.fromEntries(names);
}

async function toRaw(pages, url, rtc) {
  const address = new URL('pages/raw.html', url).href;
  await Promise.all(pages.map((page) => page.goto(address)));
  await Promise.all(pages.map((page) => page.evaluate((configuration) => globalThis.raw.configure(configuration), rtc)));
  await connectByDescription(...pages, 'raw');
  await pages[1].evaluate(() => globalThis.raw.echo());
}

const pingRaw = (page, count) => page.evaluate((samples) => globalThis.raw.ping(samples), count);

/** `samples` round trips of each, in turns, in whole blocks. */
async function alternate(ping, rawPage, samples) {
  await Promise.all([ping(warmUpSamples), pingRaw(rawPage, warmUpSamples)]);
  const mesh = [];
  const bare = [];
  while (mesh.length < samples) {
    const trips = await ping(blockSamples);
    mesh.push(...trips);
    bare.push(...(await pingRaw(rawPage, trips.length)));
  }
  return { mesh: mesh.slice(0, samples), bare: bare.slice(0, samples) };
}

function row(scenario, load, { mesh, bare }, more = {}) {
  const own = summary(mesh);
  const other = summary(bare);
  const targets = { bulk: own.p95 <= link.rttMs + 60, idle: own.p95 <= other.p95 * idleRatio };
  const most = { turn: 150, five: 100 }[scenario];
  return {
    bench: 'latency', scenario, load, samples: mesh.length, ...fields('', mesh), ...fields('bare', bare),
    ratioP95: rounded(own.p95 / other.p95),
    target: load === 'bulk' ? `p95 <= ${link.rttMs + 60} ms` : `p95 <= ${idleRatio} x bare${most ? `, p95 < ${most} ms` : ''}`,
    targetMet: targets[load] && (most === undefined || own.p95 < most),
    ...more,
  };
}

const rate = (page) => page.evaluate((count) => globalThis.agent.rate('agent-1', count, 64), rateMessages).then(rounded);

/** Pages in a browser: `count` agents, and two for the bare channel. */
async function onMachine(scenario, count, rtc, { profile, url, samples }) {
  const profiles = Array.from({ length: count + 2 }, () => profile);
  return withPages(profiles, new URL('pages/mesh.html', url).href, async (...pages) => {
    const agents = pages.slice(0, count);
    const raw = pages.slice(count);
    await toRaw(raw, url, rtc);
    await joinMesh(agents, { rtc });
    const measured = await alternate((count) => pingAround(agents, count), raw[0], samples);
    return [row(scenario, 'idle', measured, { agents: count, messagesPerSecond: await rate(agents[0]) })];
  });
}

/** From the second page's call until both are connected, ms. */
async function timeToConnect(waiting, coming) {
  const room = randomBytes(16).toString('base64url');
  const connect = (page) => page.evaluate((settings) => globalThis.bare.connect(settings), { room, worker: true });
  const there = connect(waiting);
  await waiting.evaluate(() => globalThis.bare.untilGreeted());
  // The greeting reaches the server.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const began = performance.now();
  const failures = await Promise.all([there, connect(coming)]);
  const ms = performance.now() - began;
  for (const failure of failures) if (failure !== null) throw new Error(failure.error.message);
  return ms;
}

/** Times to connect over a link, both engines in the browsers' caches. `profiles`: of the page that waits, and of the one that comes. */
async function sampleConnect(profiles, rttMs, samples, url) {
  // A message passes the proxy on its way to the server and on its way from it.
  const proxy = await delaySignaling(url, rttMs / 4);
  const setting = { profiles, link: { rttMs, loss: 0, mbps: 100, queueBytes: 1_000_000 }, seed: 1 };
  try {
    const run = await overLink(setting, new URL('pages/bare.html', proxy.url).href, async (pages) => {
      const times = [];
      for (let count = 0; count <= samples; count += 1) {
        if (count > 0) await Promise.all(pages.map((page) => page.evaluate(() => globalThis.bare.closePeer())));
        const ms = await timeToConnect(...pages);
        // The first one loads the engines.
        if (count > 0) times.push(ms);
      }
      return { times };
    });
    return run.times;
  } finally {
    await proxy.stop();
  }
}

function snapRow(where, samples, roundTripsOfNone) {
  const roundTrips = summary(samples).p50 / snapRttMs;
  const saved = roundTripsOfNone - roundTrips;
  const least = { none: 0, both: snapSaves }[where] ?? -snapSaves;
  return {
    bench: 'latency', scenario: 'snap', where, rttMs: snapRttMs, samples: samples.length, ...fields('', samples), roundTrips: rounded(roundTrips),
    savedRoundTrips: rounded(saved), target: `savedRoundTrips >= ${least}`, targetMet: saved >= least,
  };
}

function connectRow(rttMs, samples) {
  const most = 6 * rttMs + 150;
  const { p50 } = summary(samples);
  return {
    bench: 'latency', scenario: 'connect', rttMs, samples: samples.length, ...fields('', samples), roundTrips: rounded(p50 / rttMs),
    target: `p50 <= ${most} ms`, targetMet: p50 <= most,
  };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function groupRow(receivers, runs, secondsOfOne) {
  const of = (name) => median(runs.map((run) => run[name]));
  const seconds = of('seconds');
  const ratio = seconds / secondsOfOne;
  const readsPerByte = Math.max(...runs.map((run) => run.readsPerByte));
  return {
    bench: 'latency', scenario: 'group', receivers, bytes: groupBytes, samples: runs.length, seconds: rounded(seconds),
    secondsOfOne: rounded(secondsOfOne), ratio: rounded(ratio), ofShare: rounded(ratio / receivers), spread: rounded(of('spread')),
    // One member needs no common reader, which is what counts.
    ...(receivers > 1 ? { readsPerByte: rounded(readsPerByte) } : {}),
    target: 'reads per byte <= 1.1, ratio <= 1.2 x members', targetMet: readsPerByte <= 1.1 && ratio <= 1.2 * receivers,
  };
}

const measures = {
  direct: (setting) => onMachine('direct', 2, {}, setting),
  five: (setting) => onMachine('five', 5, {}, setting),
  async turn(setting) {
    const turn = await startCoturn();
    setting.cleanups.push(turn.stop);
    const rows = await onMachine('turn', 2, { iceServers: turn.iceServers, iceTransportPolicy: 'relay' }, setting);
    await turn.stop();
    return rows;
  },
  async link({ profile, url, samples }) {
    const setting = { profiles: [profile, profile], link, seed: 1, pairs: 2 };
    const run = await overLink(setting, new URL('pages/mesh.html', url).href, async ([a, bareA, b, bareB]) => {
      await toRaw([bareA, bareB], url, {});
      await joinMesh([a, b]);
      const ping = (count) => pingAround([a, b], count);
      const idle = await alternate(ping, bareA, samples);
      const idleRow = row('link', 'idle', idle, { agents: 2, link, messagesPerSecond: await rate(a) });
      await a.evaluate(() => globalThis.agent.startBulk('agent-1'));
      await new Promise((resolve) => setTimeout(resolve, bulkWarmUpMs));
      const bytesOf = () => b.evaluate(() => [globalThis.agent.bulkBytes(), performance.now()]);
      const [bytesBefore, before] = await bytesOf();
      const bulk = await alternate(ping, bareA, samples);
      const [bytesAfter, after] = await bytesOf();
      const bulkMbps = rounded(((bytesAfter - bytesBefore) * 8) / 1000 / (after - before));
      const bulkRow = row('link', 'bulk', bulk, { agents: 2, link, bulkMbps, messagesPerSecond: await rate(a) });
      await a.evaluate(() => globalThis.agent.stopBulk());
      return { rows: [idleRow, bulkRow] };
    });
    return run.rows;
  },
  async messages({ profile, url, samples }) {
    const rows = [];
    for (const worker of [false, true]) {
      await withPages([profile, profile, profile, profile], new URL('pages/bare.html', url).href, async (a, b, bareA, bareB) => {
        await toRaw([bareA, bareB], url, {});
        const room = randomBytes(16).toString('base64url');
        const failures = await Promise.all([a, b].map((page) => page.evaluate((settings) => globalThis.bare.connect(settings), { room, worker })));
        for (const failure of failures) if (failure !== null) throw new Error(failure.error.message);
        await b.evaluate(() => {
          globalThis.bare.answerRequests();
          globalThis.bare.listenForMessages();
        });
        const ping = (count) => a.evaluate((most) => globalThis.bare.requestRepeatedly(most), count);
        const measured = await alternate(ping, bareA, samples);
        const flooded = await a.evaluate(({ count, bytes, perSecond }) => globalThis.bare.floodMessages(count, bytes, perSecond), flood);
        const messagesPerSecond = rounded(flood.count / flooded.seconds);
        const keepsUp = messagesPerSecond >= flood.perSecond * 0.98;
        rows.push(row('messages', worker ? 'worker' : 'window', measured, {
          agents: 2, worker, messagesPerSecond, mostPending: flooded.mostPending,
          target: `p95 <= ${messagesRatio} x bare, ${flood.perSecond} messages/s`,
          targetMet: keepsUp && summary(measured.mesh).p95 <= summary(measured.bare).p95 * messagesRatio,
        }));
      });
    }
    return rows;
  },
  async connect({ profile, url }) {
    const rows = [];
    for (const rttMs of connectRttsMs) rows.push(connectRow(rttMs, await sampleConnect([profile, profile], rttMs, connectSamples, url)));
    return rows;
  },
  async snap({ profile, url, cleanups }) {
    const withSnap = await openProfile('chromium', { snap: true });
    cleanups.push(() => withSnap.close());
    const rows = [];
    let roundTripsOfNone;
    for (const [where, ends] of Object.entries(snapEnds)) {
      const samples = await sampleConnect(ends.map((has) => (has ? withSnap : profile)), snapRttMs, snapSamples, url);
      roundTripsOfNone ??= summary(samples).p50 / snapRttMs;
      rows.push(snapRow(where, samples, roundTripsOfNone));
    }
    return rows;
  },
  async group({ profile, url }) {
    const rows = [];
    let secondsOfOne;
    for (const receivers of groupSizes) {
      const profiles = Array.from({ length: receivers + 1 }, () => profile);
      await withPages(profiles, new URL('pages/room.html', url).href, async (sender, ...others) => {
        const call = (page, name, ...args) => page.evaluate(([method, given]) => globalThis.member[method](...given), [name, args]);
        const { invite } = await call(sender, 'create', '/signal', { name: 'sender' });
        const names = others.map((_page, index) => `member-${index}`);
        await Promise.all(others.map((page, index) => call(page, 'enter', '/signal', invite, { name: names[index] })));
        await call(sender, 'untilNames', ...names);
        // The first one finds out what the paths carry.
        await call(sender, 'timeGroup', groupBytes);
        const runs = [];
        for (let count = 0; count < groupSamples; count += 1) {
          const { seconds, readsPerByte } = await call(sender, 'timeGroup', groupBytes);
          const times = Object.values(seconds);
          if (times.length !== receivers) throw new Error(`${times.length} of ${receivers} members got the file`);
          runs.push({ seconds: Math.max(...times), spread: Math.max(...times) / Math.min(...times), readsPerByte });
        }
        rows.push(groupRow(receivers, runs, (secondsOfOne ??= median(runs.map(({ seconds }) => seconds)))));
      });
    }
    return rows;
  },
  async simulated({ agents }) {
    const rows = [];
    for (const count of agents) {
      const env = { ...process.env, MILLRACE_MESH_AGENTS: String(count) };
      // A failed check is a row with its figures, too.
      const { stdout } = await promisify(execFile)(sim, ['[.latency]'], { env }).catch((error) => error);
      const line = String(stdout).split('\n').find((text) => text.startsWith('{'));
      if (line === undefined) throw new Error(`the simulation of ${count} agents said nothing`);
      const measured = JSON.parse(line);
      rows.push({ bench: 'latency', scenario: 'simulated', ...measured, target: 'lost = 0', targetMet: measured.lost === 0 });
    }
    return rows;
  },
};

function describe(measured) {
  if (measured.scenario === 'connect') {
    const { rttMs, p50Ms, maxMs, roundTrips, target, targetMet } = measured;
    return `connect   ${String(rttMs).padStart(4)} ms  p50 ${p50Ms} max ${maxMs} ms, ${roundTrips} round trips; ${target}: ${targetMet ? 'met' : 'missed'}`;
  }
  if (measured.scenario === 'snap') {
    const { where, p50Ms, roundTrips, savedRoundTrips, target, targetMet } = measured;
    return `snap      ${where.padEnd(16)} p50 ${p50Ms} ms, ${roundTrips} round trips, ${savedRoundTrips} saved; ${target}: ${targetMet ? 'met' : 'missed'}`;
  }
  if (measured.scenario === 'group') {
    const { receivers, seconds, ratio, ofShare, spread, readsPerByte = '-', target, targetMet } = measured;
    return `group     ${receivers} members  ${seconds} s, ${ratio} x one, ${ofShare} of a share, spread ${spread}, reads per byte ${readsPerByte}; ${target}: ${targetMet ? 'met' : 'missed'}`;
  }
  const { scenario, load = '', agents, p50Ms, p95Ms, p99Ms, bareP95Ms, ratioP95, lost, connections, mostHeldBytes, messagesPerSecond, bulkMbps, target, targetMet } = measured;
  const figures = scenario === 'simulated'
    ? [`${connections} connections, ${(mostHeldBytes / 1024).toFixed(0)} KiB held by one at most, one way`, `lost ${lost}`]
    : [`bare p95 ${bareP95Ms} ms, ratio ${ratioP95}`, `${messagesPerSecond} messages/s${bulkMbps === undefined ? '' : `, bulk ${bulkMbps} Mbit/s`}`];
  const times = `p50 ${p50Ms} p95 ${p95Ms}${p99Ms === undefined ? '' : ` p99 ${p99Ms}`} ms`;
  return `${scenario.padEnd(10)}${load.padEnd(6)} ${String(agents).padStart(5)} agents  ${times}; ${figures.join('; ')}; ${target}: ${targetMet ? 'met' : 'missed'}`;
}

await runBenchmark('bench-latency', async (cleanups) => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      samples: { type: 'string', default: '1000' },
      agents: { type: 'string', default: '10,20,100,1000' },
    },
  });
  const wanted = positionals.length > 0 ? positionals : scenarios;
  for (const name of wanted) if (!scenarios.includes(name)) throw new Error(`no scenario "${name}": there are ${scenarios.join(', ')}`);
  const samples = readCount('samples', values.samples);
  const agents = values.agents.split(',').map((text) => readCount('agents', text));

  const setting = { samples, agents, cleanups, profile: undefined, url: undefined };
  if (wanted.some((name) => name !== 'simulated')) {
    const site = await startSite({ withPages: true, env: meshRoom });
    cleanups.push(site.stop);
    setting.url = site.url;
    setting.profile = await openProfile('chromium');
    cleanups.push(() => setting.profile.close());
  }
  for (const name of wanted) {
    for (const measured of await measures[name](setting)) console.log(values.json ? JSON.stringify(measured) : describe(measured));
  }
});
