// How fast a file goes from page to page on this machine, beside the raw channel measured in the same run.
//
//   node scripts/bench-loopback.mjs [--json] [--browsers a>b[;c>d…]] [--rounds N]
//
// `mbs`: 100 MB from `accept` to the receipt, encrypted, acknowledged, verified by hash tree, and stored in the receiver's
// origin private file system. `rawMbs`: the best of the naive pumps: one reliable unordered channel, messages of 64 and
// 256 KiB, high-water marks of 64 KiB, 1 MiB and 8 MiB; nothing encrypted, hashed or stored. All six pumps are tried, the
// two fastest (and the one called naive) then take turns with Millrace, round by round; each figure is the median of its
// rounds. Sender and receiver are separate browser processes; each has a profile on
// disk (a private one would keep the file in memory), and each measurement has fresh pages.
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { checkBrowser, openProfile } from '../e2e/support/browsers.mjs';
import { startSite } from '../e2e/support/site.mjs';

const KiB = 1024;
const fileBytes = 100_000_000;
/** Enough to tell fast pumps from slow ones. */
const trialBytes = 30_000_000;
const pumps = [64 * KiB, 256 * KiB].flatMap((messageBytes) =>
  [64 * KiB, 1024 * KiB, 8192 * KiB].map((highWater) => ({ messageBytes, highWater })));
const isNaive = ({ messageBytes, highWater }) => messageBytes === 64 * KiB && highWater === 8192 * KiB;
const defaultPairs = 'chromium>chromium;firefox>firefox;chromium>firefox;firefox>chromium';

const cleanups = [];

async function cleanUp() {
  for (const end of cleanups.splice(0).reverse()) await end().catch((error) => process.stderr.write(`while cleaning up: ${error.message}\n`));
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function rounded(value) {
  return Number(value.toFixed(2));
}

function nameOf({ messageBytes, highWater }) {
  return `${messageBytes / KiB} KiB messages, high water ${highWater / KiB} KiB`;
}

/** Opens `url` in a fresh page of each profile, runs `body(sender, receiver)`, and closes both. */
async function withPages(profiles, url, body) {
  const pages = await Promise.all(profiles.map((profile) => profile.newPage()));
  try {
    await Promise.all(pages.map((page) => page.goto(url)));
    return await body(...pages);
  } finally {
    await Promise.all(pages.map((page) => page.close()));
  }
}

/** MB/s of one naive pump. */
function measureRaw(profiles, site, pump, bytes) {
  return withPages(profiles, `${site.url}pages/raw.html`, async (sender, receiver) => {
    const offer = await sender.evaluate(() => globalThis.raw.offer());
    const answer = await receiver.evaluate((description) => globalThis.raw.answer(description), offer);
    await sender.evaluate((description) => globalThis.raw.finish(description), answer);
    await receiver.evaluate((count) => globalThis.raw.receive(count), bytes);
    const seconds = await sender.evaluate((options) => globalThis.raw.send(options), { bytes, ...pump });
    return bytes / 1e6 / seconds;
  });
}

/** MB/s of Millrace, and the longest task on either main thread meanwhile, ms. */
function measureMillrace(profiles, site) {
  return withPages(profiles, `${site.url}pages/bare.html`, async (sender, receiver) => {
    const pages = [sender, receiver];
    const room = randomBytes(16).toString('base64url');
    const failures = await Promise.all(pages.map((page) => page.evaluate((id) => globalThis.bare.connect({ room: id, worker: true }), room)));
    for (const failure of failures) if (failure !== null) throw new Error(failure.error.message);
    await sender.evaluate((size) => globalThis.bare.prepare([size], 1), fileBytes);
    // Making the bytes kept the main thread; that is not the transfer's.
    await Promise.all(pages.map((page) => page.evaluate(() => globalThis.bare.takeLongTasks())));
    const sending = await sender.evaluate(() => globalThis.bare.send(1));
    await receiver.evaluate(() => globalThis.bare.nextOffer());
    const receiving = await receiver.evaluate(() => globalThis.bare.accept('opfs'));
    const [sent, received] = await Promise.all([
      sender.evaluate((id) => globalThis.bare.outcome(id, { hash: false }), sending),
      receiver.evaluate((id) => globalThis.bare.outcome(id, { hash: false }), receiving),
    ]);
    for (const side of [sent, received]) if (side.error !== undefined) throw new Error(side.error.message);
    if (sent.files[0].root !== received.files[0].root) throw new Error('the roots differ');
    if (received.files[0].blobSize !== fileBytes) throw new Error('the stored file has another size');
    const longest = await Promise.all(pages.map((page) =>
      page.evaluate(() => (globalThis.bare.longTasksSupported() ? Math.max(0, ...globalThis.bare.takeLongTasks()) : null))));
    const known = longest.filter((value) => value !== null);
    return { mbs: fileBytes / 1e6 / received.seconds, longestTaskMs: known.length === 0 ? null : Math.max(...known) };
  });
}

async function measurePair(pair, rounds, site) {
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
      rawBest: nameOf(raw[0].pump),
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
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds must be a whole number from 1 on, not "${values.rounds}"`);
  const pairs = values.browsers.split(';');
  for (const pair of pairs) {
    const names = pair.split('>');
    if (names.length !== 2) throw new Error(`--browsers takes SENDER>RECEIVER, not "${pair}"`);
    for (const name of names) checkBrowser(name);
  }
  return { json: values.json, pairs, rounds };
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    void cleanUp().then(() => process.exit(130));
  });
}

try {
  const { json, pairs, rounds } = readArguments();
  const site = await startSite({ withPages: true });
  cleanups.push(site.stop);
  for (const pair of pairs) {
    const row = await measurePair(pair, rounds, site);
    process.stdout.write(
      json
        ? `${JSON.stringify(row)}\n`
        : `${row.browsers}: ${row.mbs} MB/s to OPFS, encrypted and verified; raw channel ${row.rawMbs} MB/s (${row.rawBest}), ratio ${row.ratio}\n`,
    );
  }
} catch (error) {
  process.stderr.write(`bench-loopback: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await cleanUp();
}
