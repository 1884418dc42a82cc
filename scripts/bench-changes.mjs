// What happens to a transfer when its link changes: a second transfer starts, the rate falls and rises, an outage, a longer path.
//
//   node scripts/bench-changes.mjs [SCENARIO…] [--json] [--rounds N] [--browsers a>b[,c>d…]]
//
// SCENARIO: fairness, step, blackout, tenth, blackout-10, delay-30 or delay-100 (default: all of them). For the first three the link has
// 100 Mbit/s and a queue of 500 kB in each direction, and a round trip of 40 ms. For the others it has 20 Mbit/s and a queue of 200 kB, so
// that the machine does not limit the transfer. Transfers are endless streams into a sink that only counts. Every round has fresh pages
// and an emulator of its own, and every figure is the median of its rounds unless stated otherwise.
//
// `fairness`: two transfers, each between two pages of its own, the second 2 s after the first. Over the 30 s after the second one's
// first byte: `mbpsFirst` and `mbpsSecond`, file bits that arrived; `mbpsSum`, both; `share`, the smaller one's part of the sum, 0.5 at
// most. Target: a share of at least 0.4.
// `step`: after 6 s the link has a quarter of its rate, after another 8 s all of it again. `before`: what the link carried in the 3 s
// before the fall, Mbit/s. `afterDrop` and `afterRise`: in the second that begins 3 s after the change, as a share of what the link
// can carry then. `afterRiseOfBefore`: the latter divided by `before`, because the machine may not fill the link at all. Target: at least
// 0.7 for `afterDrop` and `afterRiseOfBefore`.
// `tenth`: the same with a tenth of the rate.
// `blackout`: after 6 s the link drops everything for 3 s. `before`: as above. `recoverySeconds`: from the end of the outage until the
// last half second has carried 0.8 of `before`. If that took longer than the benchmark waits, `limited` is true and the figure is the
// wait. Target: at most 3 s.
// `blackout-10`: the same for 10 s.
// `delay-30`, `delay-100`: after 6 s the path is 30 or 100 ms longer, after another 12 s as short as before. `afterLonger` and
// `afterShorter`: in the second second (delay-100: the third) after the change, as a share of `before`. Target: at least 0.7 for both.
//
// Mbit/s of `before`, `afterDrop`, `afterRise` and the recovery are wire bits that the link carried, headers and retransmissions
// included, to the hundredth of a second. `…ByRound` has each round's figure.
// `queueMsP95`: the 95th percentile, over buckets of 10 ms, of the longest queueing delay (fairness: of the 30 s).
// `longestSilenceMs`: the longest time without a byte for the sink, which gets them in the order of the file, once data flows; the worst
// round, and the worse of two transfers. Target: less than a second; rows with an outage do not have it.
// `targetMet`: all targets of the row. `unreadPackets` and `lostByEmulator`: as in bench-wan.mjs, close to 0 on a quiet machine.
// `scripts/bench.sh field` makes such runs on more links, and compares them with a naive pump.
import { parseArgs } from 'node:util';
import { startSite } from '../e2e/support/site.mjs';
import { delayStep, outage, rateStep, shareLink } from './lib/changing_link.mjs';
import { millraceFlow } from './lib/endless.mjs';
import { chooseNames, median, readRun, rounded, runBenchmark, runOptions, withProfiles } from './lib/measure.mjs';

const fast = { rttMs: 40, loss: 0, mbps: 100, queueBytes: 500_000 };
const slow = { rttMs: 40, loss: 0, mbps: 20, queueBytes: 200_000 };

/** No second without progress. */
const isSteady = (row) => row.longestSilenceMs < 1000;

/** `headline`: the figures that a scenario is about. */
function stepTo(share, link, slowSeconds) {
  return {
    link,
    measure: (setting, site) => rateStep(setting, site, millraceFlow(), { slowMbps: link.mbps * share, slowSeconds, settleSeconds: 3 }),
    headline: ['afterDrop', 'afterRiseOfBefore'],
    isMet: (row) => row.afterDrop >= 0.7 && row.afterRiseOfBefore >= 0.7 && isSteady(row),
  };
}

function darkFor(darkSeconds, link) {
  return {
    link,
    measure: (setting, site) => outage(setting, site, millraceFlow(), { darkSeconds, waitSeconds: 12, windowSeconds: 0.5 }),
    headline: ['recoverySeconds'],
    hasOutage: true,
    isMet: (row) => row.recoverySeconds <= 3 && !row.limited,
  };
}

function longerBy(moreMs, second, link) {
  return {
    link,
    measure: (setting, site) => delayStep(setting, site, millraceFlow(), { moreMs, longerSeconds: 12, second }),
    headline: ['afterLonger', 'afterShorter'],
    isMet: (row) => row.afterLonger >= 0.7 && row.afterShorter >= 0.7 && isSteady(row),
  };
}

const scenarios = {
  fairness: {
    link: fast,
    async measure(setting, site) {
      const run = await shareLink(setting, site, [millraceFlow(), millraceFlow()], { startsAt: [0, 2], seconds: 30 });
      const [mbpsFirst, mbpsSecond] = run.mbpsOfFlows;
      return { ...run, figures: { share: run.figures.share, mbpsFirst, mbpsSecond, mbpsSum: run.figures.mbpsSum } };
    },
    headline: ['share'],
    isMet: (row) => row.share >= 0.4 && isSteady(row),
  },
  step: stepTo(1 / 4, fast, 8),
  blackout: darkFor(3, fast),
  tenth: stepTo(1 / 10, slow, 8),
  'blackout-10': darkFor(10, slow),
  'delay-30': longerBy(30, 2, slow),
  'delay-100': longerBy(100, 3, slow),
};

async function measureScenario(name, { profiles, site, rounds }) {
  const { link, measure, headline, hasOutage = false, isMet } = scenarios[name];
  const runs = [];
  for (let round = 0; round < rounds; round += 1) runs.push(await measure({ profiles, link, seed: round + 1 }, site));
  const ofRuns = (value) => rounded(median(runs.map(value)));
  const row = {};
  for (const figure of Object.keys(runs[0].figures)) row[figure] = ofRuns(({ figures }) => figures[figure]);
  for (const figure of headline) row[`${figure}ByRound`] = runs.map(({ figures }) => rounded(figures[figure]));
  if (hasOutage) row.limited = runs.some((run) => run.limited);
  else row.longestSilenceMs = Math.round(Math.max(...runs.map((run) => run.longestSilenceMs)));
  return {
    ...row,
    queueMsP95: ofRuns(({ stats }) => stats.ab.queueMsP95),
    droppedByQueue: ofRuns(({ stats }) => stats.ab.droppedByQueue),
    unreadPackets: ofRuns((run) => run.unreadPackets),
    lostByEmulator: Math.max(...runs.map(({ stats }) => stats.missedPackets + stats.unsentPackets)),
    rounds,
    targetMet: isMet(row),
  };
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: runOptions('3'),
  });
  return { ...readRun(values), chosen: chooseNames(positionals, Object.keys(scenarios), 'scenario') };
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
