// How long a mesh message takes to the other agent and back, compared with a bare RTCDataChannel in the same run.
//
//   node scripts/bench-latency.mjs [SCENARIO…] [--json] [--samples N] [--agents N[,N…]]
//
// SCENARIO: direct, turn, five, link or simulated (default: all of them). Each agent is a Chromium page of its own. A round trip is a
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
// `simulated`: the same core in virtual time, 10, 20, 100 and 1,000 agents with churn, one-way delays of 5 to 50 ms. No message may
// be lost. There p95 is one way, for messages to one and to all.
//
// Targets: when idle, `ratioP95` (p95 divided by the bare one's) at most 1.3; under bulk, p95 at most the link's 40 ms plus 60 ms;
// `turn` p95 below 150 ms, `five` below 100 ms.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { openProfile } from '../e2e/support/browsers.mjs';
import { startSite } from '../e2e/support/site.mjs';
import { startCoturn } from '../tests/node/support/daemon.mjs';
import { connectByDescription, readCount, rounded, runBenchmark, withPages } from './lib/measure.mjs';
import { joinMesh, meshRoom, pingAround } from './lib/mesh_pages.mjs';
import { overLink } from './lib/over_link.mjs';

const scenarios = ['direct', 'turn', 'five', 'link', 'simulated'];
const link = { rttMs: 40, loss: 0, mbps: 20, queueBytes: 200_000 };
const blockSamples = 50;
const warmUpSamples = 20;
const rateMessages = 500;
const bulkWarmUpMs = 5_000;
const idleRatio = 1.3;
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
async function alternate(agents, rawPage, samples) {
  await Promise.all([pingAround(agents, warmUpSamples), pingRaw(rawPage, warmUpSamples)]);
  const mesh = [];
  const bare = [];
  while (mesh.length < samples) {
    const trips = await pingAround(agents, blockSamples);
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
    const measured = await alternate(agents, raw[0], samples);
    return [row(scenario, 'idle', measured, { agents: count, messagesPerSecond: await rate(agents[0]) })];
  });
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
      const idle = await alternate([a, b], bareA, samples);
      const idleRow = row('link', 'idle', idle, { agents: 2, link, messagesPerSecond: await rate(a) });
      await a.evaluate(() => globalThis.agent.startBulk('agent-1'));
      await new Promise((resolve) => setTimeout(resolve, bulkWarmUpMs));
      const bytesOf = () => b.evaluate(() => [globalThis.agent.bulkBytes(), performance.now()]);
      const [bytesBefore, before] = await bytesOf();
      const bulk = await alternate([a, b], bareA, samples);
      const [bytesAfter, after] = await bytesOf();
      const bulkMbps = rounded(((bytesAfter - bytesBefore) * 8) / 1000 / (after - before));
      const bulkRow = row('link', 'bulk', bulk, { agents: 2, link, bulkMbps, messagesPerSecond: await rate(a) });
      await a.evaluate(() => globalThis.agent.stopBulk());
      return { rows: [idleRow, bulkRow] };
    });
    return run.rows;
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
  const { scenario, load = '', agents, p50Ms, p95Ms, p99Ms, bareP95Ms, ratioP95, lost, connections, mostHeldBytes, messagesPerSecond, bulkMbps, target, targetMet } = measured;
  const figures = scenario === 'simulated'
    ? [`${connections} connections, ${(mostHeldBytes / 1024).toFixed(0)} KiB held by one at most, one way`, `lost ${lost}`]
    : [`bare p95 ${bareP95Ms} ms, ratio ${ratioP95}`, `${messagesPerSecond} messages/s${bulkMbps === undefined ? '' : `, bulk ${bulkMbps} Mbit/s`}`];
  const times = `p50 ${p50Ms} p95 ${p95Ms}${p99Ms === undefined ? '' : ` p99 ${p99Ms}`} ms`;
  return `${scenario.padEnd(10)}${load.padEnd(5)} ${String(agents).padStart(5)} agents  ${times}; ${figures.join('; ')}; ${target}: ${targetMet ? 'met' : 'missed'}`;
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
