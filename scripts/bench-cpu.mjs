// Processor time per GB, both ends together, compared with raw channels in the same run.
//
//   node scripts/bench-cpu.mjs [LINK…] [--json] [--rounds N] [--browsers a>b[,c>d…]] [--bytes N]
//
// LINK: `none`, two browsers on this machine; or `never-drops`, an emulated link of 50 Mbit/s and 20 ms whose queue never overflows
// (default: both). Millrace sends a file, encrypted, verified and stored, as in bench-loopback.mjs; the raw channels, reliable and
// unordered, send messages of 256 KiB with marks of 1 MiB and 256 KiB, and messages of 64 KiB with 64 KiB of `bufferedAmount`. All take turns, round
// by round, each with fresh pages; figures are medians. `--bytes`: default 100 MB, over the link 60 MB.
//
// `secondsPerGB`: processor time of both browsers and, over the link, of the emulator, in user and system mode, from `send` to the
// receipt, divided by the file's GB. `rawSecondsPerGB`: of the cheaper raw channel; `ratio`: Millrace divided by it. Target: at most 1.15
// without a link, 1.05 over the link (`target`, `met`). `raw`: each raw channel, with its own `ratio`.
// `threads`: seconds per GB by group (lib/thread_times.mjs): network and browser processes, and in renderers the WebRTC threads, the
// I/O threads, workers, thread pools and main threads.
import { parseArgs } from 'node:util';
import { startSite } from '../e2e/support/site.mjs';
import { chooseNames, connectByDescription, median, nameOfPump, readCount, readRun, rounded, runBenchmark, runOptions, transferFile, withPages, withProfiles } from './lib/measure.mjs';
import { overLink } from './lib/over_link.mjs';
import { readFamily, secondsBetween } from './lib/thread_times.mjs';

const KiB = 1024;
const rawPumps = [
  { messageBytes: 256 * KiB, highWater: 1024 * KiB, lowWater: 256 * KiB },
  { messageBytes: 64 * KiB, highWater: 64 * KiB },
];

const links = {
  none: { link: null, bytes: 100_000_000, mostRatio: 1.15 },
  'never-drops': { link: { rttMs: 20, loss: 0, mbps: 50, queueBytes: 9_000_000 }, bytes: 60_000_000, mostRatio: 1.05 },
};

/** Fresh pages, over the link where there is one. */
function onPages({ profiles, link }, url, body) {
  return link === null ? withPages(profiles, url, (...pages) => body(pages)) : overLink({ profiles, link, seed: 1 }, url, body);
}

/** Seconds per GB by group, and Mbit/s. `send` calls its argument when the next thing is the first byte. */
async function measureTimes(bytes, send) {
  let before;
  let begun;
  await send(async () => {
    before = await readFamily();
    begun = performance.now();
  });
  const seconds = (performance.now() - begun) / 1000;
  const spent = secondsBetween(before, await readFamily());
  const threads = Object.fromEntries(Object.entries(spent).map(([group, of]) => [group, of / (bytes / 1e9)]));
  return { threads, secondsPerGB: Object.values(threads).reduce((sum, of) => sum + of, 0), mbps: (bytes * 8) / 1e6 / seconds };
}

const measureMillrace = (setting, site, bytes) =>
  onPages(setting, `${site.url}pages/bare.html`, ([sender, receiver]) => measureTimes(bytes, (ready) => transferFile(sender, receiver, bytes, ready)));

const measureRaw = (setting, site, bytes, pump) =>
  onPages(setting, `${site.url}pages/raw.html`, async ([sender, receiver]) => {
    await connectByDescription(sender, receiver, 'raw');
    await receiver.evaluate((count) => globalThis.raw.receive(count), bytes);
    return measureTimes(bytes, async (ready) => {
      await ready();
      await sender.evaluate((options) => globalThis.raw.send(options), { bytes, ...pump });
    });
  });

/** Medians of some runs. */
function figuresOf(runs) {
  const groups = [...new Set(runs.flatMap(({ threads }) => Object.keys(threads)))];
  const byCost = groups
    .map((group) => [group, median(runs.map(({ threads }) => threads[group] ?? 0))])
    .sort(([, a], [, b]) => b - a);
  return {
    secondsPerGB: rounded(median(runs.map(({ secondsPerGB }) => secondsPerGB))),
    mbps: rounded(median(runs.map(({ mbps }) => mbps))),
    byRound: runs.map(({ secondsPerGB }) => rounded(secondsPerGB)),
    threads: Object.fromEntries(byCost.map(([group, seconds]) => [group, rounded(seconds)])),
  };
}

async function measureLink(name, { profiles, site, rounds, bytes: wanted }) {
  const { link, bytes: usual, mostRatio } = links[name];
  const bytes = wanted ?? usual;
  const ours = [];
  const raw = rawPumps.map((pump) => ({ pump, runs: [] }));
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await measureMillrace({ profiles, link }, site, bytes));
    for (const { pump, runs } of raw) runs.push(await measureRaw({ profiles, link }, site, bytes, pump));
  }
  const { secondsPerGB, ...rest } = figuresOf(ours);
  const figures = raw.map(({ pump, runs }) => ({ pump: nameOfPump(pump), ...figuresOf(runs) })).map((of) => ({ ...of, ratio: rounded(secondsPerGB / of.secondsPerGB) }));
  const cheapest = figures.reduce((least, next) => (next.secondsPerGB < least.secondsPerGB ? next : least));
  return {
    secondsPerGB,
    rawSecondsPerGB: cheapest.secondsPerGB,
    ratio: cheapest.ratio,
    target: `ratio <= ${mostRatio}`,
    met: cheapest.ratio <= mostRatio,
    ...rest,
    raw: figures,
    rounds,
    bytes,
    ...(link === null ? {} : { linkMbps: link.mbps, rttMs: link.rttMs, loss: link.loss, queueBytes: link.queueBytes }),
  };
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { ...runOptions('3'), bytes: { type: 'string' } },
  });
  return {
    ...readRun(values),
    bytes: values.bytes === undefined ? null : readCount('bytes', values.bytes),
    chosen: chooseNames(positionals, Object.keys(links), 'link'),
  };
}

/** For people: the sums, and a table of threads. */
function describe({ link, browsers, secondsPerGB, mbps, threads, raw, ratio, target, met }) {
  const all = [{ pump: 'Millrace', secondsPerGB, mbps, threads }, ...raw];
  const groups = [...new Set(all.flatMap((of) => Object.keys(of.threads)))];
  const row = (title, value) => `  ${title.padEnd(20)} ${all.map((of) => String(value(of)).padEnd(42)).join(' ').trimEnd()}\n`;
  return [
    `link ${link}, ${browsers}: ratio ${ratio}, target ${target}: ${met ? 'met' : 'MISSED'}\n`,
    row('', ({ pump }) => pump),
    row('Mbit/s', ({ mbps: speed }) => speed),
    row('s/GB', ({ secondsPerGB: seconds }) => seconds),
    ...groups.map((group) => row(group, ({ threads: of }) => of[group] ?? 0)),
  ].join('');
}

await runBenchmark('bench-cpu', async (cleanups) => {
  const { json, pairs, rounds, bytes, chosen } = readArguments();
  const site = await startSite({ withPages: true });
  cleanups.push(site.stop);
  for (const pair of pairs) {
    await withProfiles(pair, cleanups, async (profiles) => {
      for (const link of chosen) {
        const row = { bench: 'cpu', link, browsers: pair, ...(await measureLink(link, { profiles, site, rounds, bytes })) };
        process.stdout.write(json ? `${JSON.stringify(row)}\n` : describe(row));
      }
    });
  }
});
