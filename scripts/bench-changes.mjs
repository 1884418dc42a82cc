// What happens to a transfer when its link changes: a second transfer starts, the rate falls and rises, an outage.
//
//   node scripts/bench-changes.mjs [SCENARIO…] [--json] [--rounds N] [--browsers a>b[,c>d…]]
//
// SCENARIO: fairness, step or blackout (default: all of them). The link has 100 Mbit/s and a queue of 500 kB in each direction, and
// a round trip of 40 ms. Transfers are endless streams into a sink that only counts. Every round has fresh pages and an emulator of
// its own, and every figure is the median of its rounds unless stated otherwise.
//
// `fairness`: two transfers, each between two pages of its own, the second 2 s after the first. Over the 30 s after the second one's
// first byte: `mbpsFirst` and `mbpsSecond`, file bits that arrived; `mbpsSum`, both; `share`, the smaller one's part of the sum, 0.5 at
// most. Target: a share of at least 0.4.
// `step`: after 6 s the link has a quarter of its rate, after another 8 s all of it again. `before`: what the link carried in the 3 s
// before the fall, Mbit/s. `afterDrop` and `afterRise`: in the second that begins 3 s after the change, as a share of what the link
// can carry then. `afterRiseOfBefore`: the latter divided by `before`, because the machine may not fill the link at all. Target: at least
// 0.7 for `afterDrop` and `afterRiseOfBefore`.
// `blackout`: after 6 s the link drops everything for 3 s. `before`: as above. `recoverySeconds`: from the end of the outage until the
// last half second has carried 0.8 of `before`. If that took longer than the benchmark waits, `limited` is true and the figure is the
// wait. Target: at most 3 s.
//
// Mbit/s of `before`, `afterDrop`, `afterRise` and the recovery are wire bits that the link carried, headers and retransmissions
// included, to the hundredth of a second. `…ByRound` has each round's figure.
// `queueMsP95`: the 95th percentile, over buckets of 10 ms, of the longest queueing delay (fairness: of the 30 s).
// `longestSilenceMs`: the longest time without a byte for the sink, which gets them in the order of the file, once data flows; the worst
// round, and the worse of two transfers. Target: less than a second.
// `targetMet`: all targets of the row. `unreadPackets` and `lostByEmulator`: as in bench-wan.mjs, close to 0 on a quiet machine.
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startSite } from '../e2e/support/site.mjs';
import { carriedMbps, secondsUntil } from './lib/carried.mjs';
import { arrived, startEndless } from './lib/endless.mjs';
import { connectBare, median, readCount, readPairs, rounded, runBenchmark, withProfiles } from './lib/measure.mjs';
import { overLink } from './lib/over_link.mjs';

const link = { rttMs: 40, loss: 0, mbps: 100, queueBytes: 500_000 };

/** From the first byte to the first change, s: the last of them are measured, the others are what a start may take. */
const warmUpSeconds = 6;
const beforeSeconds = 3;

const fairness = { headStartSeconds: 2, seconds: 30 };
const step = { slowMbps: link.mbps / 4, slowSeconds: 8, settleSeconds: 3, measureSeconds: 1 };
const blackout = { darkSeconds: 3, windowSeconds: 0.5, recovered: 0.8, waitSeconds: 12 };

const measures = {
  async fairness(setting, url) {
    const run = await overLink({ ...setting, pairs: 2 }, url, async ([firstSender, secondSender, ...receivers], emulator) => {
      await connectBare(firstSender, receivers[0]);
      await connectBare(secondSender, receivers[1]);
      await startEndless(firstSender, receivers[0]);
      await delay(fairness.headStartSeconds * 1000);
      await startEndless(secondSender, receivers[1]);
      await emulator.begin();
      const atFirst = await Promise.all(receivers.map(arrived));
      await delay(fairness.seconds * 1000);
      const atLast = await Promise.all(receivers.map(arrived));
      return {
        mbps: atLast.map(({ bytes }, index) => ((bytes - atFirst[index].bytes) * 8) / 1e6 / fairness.seconds),
        longestSilenceMs: Math.max(...atLast.map((end) => end.longestSilenceMs)),
      };
    });
    const sum = run.mbps[0] + run.mbps[1];
    const { mbps, ...rest } = run;
    return {
      ...rest,
      figures: { share: Math.min(...mbps) / Math.max(sum, 1e-9), mbpsFirst: mbps[0], mbpsSecond: mbps[1], mbpsSum: sum },
    };
  },

  async step(setting, url) {
    const run = await overLink(setting, url, (pages, emulator) =>
      duringOne(pages, emulator, async (secondsNow) => {
        await delay(warmUpSeconds * 1000);
        const droppedAt = secondsNow();
        await emulator.set({ direction: 'both', rateMbps: step.slowMbps });
        await delay(step.slowSeconds * 1000);
        const roseAt = secondsNow();
        await emulator.set({ direction: 'both', rateMbps: link.mbps });
        await delay((step.settleSeconds + step.measureSeconds) * 1000);
        return { droppedAt, roseAt };
      }),
    );
    const before = carriedMbps(run.trace, run.droppedAt - beforeSeconds, run.droppedAt);
    const settled = (changedAt) => carriedMbps(run.trace, changedAt + step.settleSeconds, changedAt + step.settleSeconds + step.measureSeconds);
    const [afterDrop, afterRise] = [settled(run.droppedAt), settled(run.roseAt)];
    return {
      ...run,
      figures: {
        before,
        afterDrop: afterDrop / step.slowMbps,
        afterRise: afterRise / link.mbps,
        afterRiseOfBefore: afterRise / Math.max(before, 1e-9),
      },
    };
  },

  async blackout(setting, url) {
    const run = await overLink(setting, url, (pages, emulator) =>
      duringOne(pages, emulator, async (secondsNow) => {
        await delay(warmUpSeconds * 1000);
        const darkAt = secondsNow();
        await emulator.set({ direction: 'both', blackout: true });
        await delay(blackout.darkSeconds * 1000);
        await emulator.set({ direction: 'both', blackout: false });
        const lightAt = secondsNow();
        await delay(blackout.waitSeconds * 1000);
        return { darkAt, lightAt };
      }),
    );
    const before = carriedMbps(run.trace, run.darkAt - beforeSeconds, run.darkAt);
    const recovery = secondsUntil(run.trace, run.lightAt, before * blackout.recovered, blackout.windowSeconds);
    return { ...run, limited: recovery === null, figures: { before, recoverySeconds: recovery ?? blackout.waitSeconds } };
  },
};

/** What each scenario is to reach, beside what all are: no second without progress. A blackout is one. */
const targets = {
  fairness: (row) => row.share >= 0.4 && row.longestSilenceMs < 1000,
  step: (row) => row.afterDrop >= 0.7 && row.afterRiseOfBefore >= 0.7 && row.longestSilenceMs < 1000,
  blackout: (row) => row.recoverySeconds <= 3 && !row.limited,
};

/** The figure that each scenario is about. */
const headlines = { fairness: ['share'], step: ['afterDrop', 'afterRiseOfBefore'], blackout: ['recoverySeconds'] };

/** One transfer, in which `change` happens; it gets a clock that reads seconds since the trace began. */
async function duringOne([sender, receiver], emulator, change) {
  await connectBare(sender, receiver);
  await startEndless(sender, receiver);
  await emulator.begin();
  const begun = performance.now();
  const happened = await change(() => (performance.now() - begun) / 1000);
  const { longestSilenceMs } = await arrived(receiver);
  return { ...happened, longestSilenceMs };
}

async function measureScenario(scenario, { profiles, site, rounds }) {
  const runs = [];
  for (let round = 0; round < rounds; round += 1) {
    runs.push(await measures[scenario]({ profiles, link, seed: round + 1 }, `${site.url}pages/bare.html`));
  }
  const ofRuns = (value) => rounded(median(runs.map(value)));
  const row = {};
  for (const name of Object.keys(runs[0].figures)) row[name] = ofRuns(({ figures }) => figures[name]);
  for (const name of headlines[scenario]) row[`${name}ByRound`] = runs.map(({ figures }) => rounded(figures[name]));
  if (scenario === 'blackout') row.limited = runs.some((run) => run.limited);
  else row.longestSilenceMs = Math.round(Math.max(...runs.map((run) => run.longestSilenceMs)));
  return {
    ...row,
    queueMsP95: ofRuns(({ stats }) => stats.ab.queueMsP95),
    droppedByQueue: ofRuns(({ stats }) => stats.ab.droppedByQueue),
    unreadPackets: ofRuns((run) => run.unreadPackets),
    lostByEmulator: Math.max(...runs.map(({ stats }) => stats.missedPackets + stats.unsentPackets)),
    rounds,
    targetMet: targets[scenario](row),
  };
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      browsers: { type: 'string', default: 'chromium>chromium' },
      rounds: { type: 'string', default: '3' },
    },
  });
  const known = Object.keys(measures);
  for (const name of positionals) if (!known.includes(name)) throw new Error(`no scenario "${name}": there are ${known.join(', ')}`);
  return {
    json: values.json,
    pairs: readPairs(values.browsers, ','),
    rounds: readCount('rounds', values.rounds),
    chosen: positionals.length === 0 ? known : positionals,
  };
}

/** For people: a line per scenario, the figures by name. */
function describe({ bench: _, scenario, browsers, ...row }) {
  const figures = Object.entries(row).map(([name, value]) => `${name} ${Array.isArray(value) ? value.join('/') : value}`);
  return `${scenario}, ${browsers}: ${figures.join(', ')}`;
}

await runBenchmark('bench-changes', async (cleanups) => {
  const { json, pairs, rounds, chosen } = readArguments();
  const site = await startSite({ withPages: true });
  cleanups.push(site.stop);
  for (const pair of pairs) {
    await withProfiles(pair, cleanups, async (profiles) => {
      for (const scenario of chosen) {
        const row = { bench: 'changes', scenario, browsers: pair, ...(await measureScenario(scenario, { profiles, site, rounds })) };
        process.stdout.write(`${json ? JSON.stringify(row) : describe(row)}\n`);
      }
    });
  }
});
