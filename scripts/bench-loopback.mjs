// How fast a file crosses from page to page on this machine, compared with the raw channel measured in the same run.
//
//   node scripts/bench-loopback.mjs [--json] [--browsers a>b[;c>d…]] [--rounds N]
//
// `mbs`: 100 MB from `accept` to the receipt, encrypted, acknowledged, verified by hash tree, and stored in the receiver's origin
// private file system. `rawMbs`: the best of the naive pumps: one reliable unordered channel, messages of 64 and 256 KiB, high water
// marks of 64 KiB, 1 MiB and 8 MiB; nothing is encrypted, hashed or stored. All six pumps run once. Then the two fastest, and the one
// called naive, take turns with Millrace, round by round; each figure is the median of its rounds. Sender and receiver are
// separate browser processes. Each has a profile on disk (a private one would keep the file in memory), and each measurement has fresh
// pages.
import { parseArgs } from 'node:util';
import { openProfile } from '../e2e/support/browsers.mjs';
import { startSite } from '../e2e/support/site.mjs';
import {
  connectByDescription,
  isNaive,
  median,
  nameOfPump,
  pumps,
  readCount,
  readPairs,
  rounded,
  runBenchmark,
  transferFile,
  withPages,
} from './lib/measure.mjs';

const fileBytes = 100_000_000;
/** Enough to tell fast pumps from slow ones. */
const trialBytes = 30_000_000;
const defaultPairs = 'chromium>chromium;firefox>firefox;chromium>firefox;firefox>chromium';

/** MB/s of one naive pump. */
function measureRaw(profiles, site, pump, bytes) {
  return withPages(profiles, `${site.url}pages/raw.html`, async (sender, receiver) => {
    await connectByDescription(sender, receiver, 'raw');
    await receiver.evaluate((count) => globalThis.raw.receive(count), bytes);
    const seconds = await sender.evaluate((options) => globalThis.raw.send(options), { bytes, ...pump });
    return bytes / 1e6 / seconds;
  });
}

/** MB/s of Millrace, and the longest task on either main thread meanwhile, ms. */
function measureMillrace(profiles, site) {
  return withPages(profiles, `${site.url}pages/bare.html`, async (sender, receiver) => {
    const takeLongTasks = (page) => page.evaluate(() => (globalThis.bare.longTasksSupported() ? globalThis.bare.takeLongTasks() : null));
    const { received } = await transferFile(sender, receiver, fileBytes, async () => {
      // Making the bytes kept the main thread; that is not the transfer's.
      await Promise.all([sender, receiver].map(takeLongTasks));
    });
    const known = (await Promise.all([sender, receiver].map(takeLongTasks))).filter((tasks) => tasks !== null);
    return { mbs: fileBytes / 1e6 / received.seconds, longestTaskMs: known.length === 0 ? null : Math.max(0, ...known.flat()) };
  });
}

async function measurePair(pair, rounds, site, cleanups) {
  const profiles = [];
  const closeAll = async () => {
    for (const profile of profiles.splice(0)) await profile.close();
  };
  cleanups.push(closeAll);
  try {
    for (const name of pair.split('>')) profiles.push(await openProfile(name));

    const trials = [];
    for (const pump of pumps) trials.push({ pump, mbs: await measureRaw(profiles, site, pump, trialBytes) });
    trials.sort((a, b) => b.mbs - a.mbs);
    const candidates = trials.filter(({ pump }, index) => index < 2 || isNaive(pump)).map(({ pump }) => ({ pump, mbs: [] }));

    const ours = [];
    for (let round = 0; round < rounds; round += 1) {
      ours.push(await measureMillrace(profiles, site));
      for (const { pump, mbs } of candidates) mbs.push(await measureRaw(profiles, site, pump, fileBytes));
    }

    const mbs = median(ours.map((run) => run.mbs));
    const raw = candidates.map((candidate) => ({ pump: candidate.pump, mbs: median(candidate.mbs) })).sort((a, b) => b.mbs - a.mbs);
    const naive = raw.find(({ pump }) => isNaive(pump));
    const tasks = ours.map((run) => run.longestTaskMs).filter((value) => value !== null);
    return {
      bench: 'loopback',
      browsers: pair,
      mbs: rounded(mbs),
      rawMbs: rounded(raw[0].mbs),
      ratio: rounded(mbs / raw[0].mbs),
      naiveMbs: rounded(naive.mbs),
      rawBest: nameOfPump(raw[0].pump),
      rounds,
      mbsByRound: ours.map((run) => rounded(run.mbs)),
      longestMainThreadTaskMs: tasks.length === 0 ? null : Math.max(...tasks),
      bytes: fileBytes,
      sink: 'opfs',
      processes: 'separate browser processes',
    };
  } finally {
    await closeAll();
  }
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      browsers: { type: 'string', default: defaultPairs },
      rounds: { type: 'string', default: '5' },
    },
  });
  return { json: values.json, pairs: readPairs(values.browsers, ';'), rounds: readCount('rounds', values.rounds) };
}

await runBenchmark('bench-loopback', async (cleanups) => {
  const { json, pairs, rounds } = readArguments();
  const site = await startSite({ withPages: true });
  cleanups.push(site.stop);
  for (const pair of pairs) {
    const row = await measurePair(pair, rounds, site, cleanups);
    process.stdout.write(
      json
        ? `${JSON.stringify(row)}\n`
        : `${row.browsers}: ${row.mbs} MB/s to OPFS, encrypted and verified; raw channel ${row.rawMbs} MB/s (${row.rawBest}), ratio ${row.ratio}\n`,
    );
  }
});
