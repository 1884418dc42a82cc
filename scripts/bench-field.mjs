// Transfers on links as people have them, also while these change, compared with a naive pump in the same run.
//
//   node scripts/bench-field.mjs [ROW…] [--json] [--rounds N] [--browsers a>b[,c>d…]] [--random N] [--seed N] [--trace DIR] [--list]
//
// ROW: a name that `--list` prints (default: all of them), or a link NAME:RTT_MS:LOSS:MBPS:QUEUE_BYTES. `--random N`: N random links
// (lib/access_links.mjs) instead, the same for each `--seed`. Every run has fresh pages and an emulator of its own; the two browsers of a
// pair stay for all rows. Figures are medians of the rounds unless stated otherwise. The naive pump, a reliable unordered channel with
// messages of 64 KiB and 8 MiB of `bufferedAmount`, takes turns with Millrace. On a link that does not change, it runs in each round, but
// not again once it was cut off; elsewhere it runs in the first round.
//
// Every row has:
// `mbps`: Millrace, file bits. On a link that does not change, from `send` to the receipt, start-up included, encrypted, verified and
// stored; elsewhere what arrived per second while the row was measured. `ceilingMbps`: what headers leave of the link, 0.926 of its
// highest rate; `ofCeiling` is the share of it. `naiveMbps`, `naiveOfCeiling`: the naive pump. `ofNaive`: Millrace divided by the naive pump. A transfer
// or pump that takes too long is cut off (`limited`, `naiveLimited`: after four and two times the time at the ceiling, at least 20 s); its
// speed is that of what had arrived.
// `sentAgain`: bytes sent into the link beyond the file bytes that arrived, divided by the latter. It includes headers, about 0.08.
// `queueMsP95`, `queueMsP50`: percentiles, over buckets of 10 ms, of the longest queueing delay. `backQueueMsP95`: of the other direction.
// `droppedByQueue`: packets. `longestSilenceMs`: the longest time without a file byte, in the worst round.
// `lanes`: open lanes of the sender at the end. `idle`: unused share of the processors. `unreadPackets`, `lostByEmulator`: as in bench-wan.mjs.
// `target`, in words, and `met`; null without a target.
//
// By `kind`, with the naive pump's figure as `naive…`:
// `link`: nothing more.
// `delay-step`: the path gets longer by `moreMs`, and short again. `afterLonger`, `afterShorter`: what the link carried in the second second
// after the change (the third for 100 ms), as a share of the seconds before the first change (`before`).
// `outage`: `recoverySeconds` from the end of the outage until the last fifth of a second has carried 0.8 of `before`.
// `network`: all connections of the sender end, and the link has another rate. `reconnectSeconds` until the session is connected again;
// `reachSeconds` until half a second, all of it after the reconnection, has carried 0.7 of the new rate; both count from the cut. The
// naive pump keeps its connection.
// `shared`: transfers with round trips of their own over one bottleneck; `mbps` is their sum, and `share` the part of the least in it;
// `mbpsOfTransfer1`, …: of the first round. In `late-…` the second one starts 10 s after the first. The naive figures are of as many
// naive pumps.
// `rival`: beside a naive pump that has a head start. `ofLink`: our file bits divided by the link's bits. `rivalMbps`; `rivalKept`: what
// the rival gets, divided by what it gets beside another naive pump (`rivalBesideItsKindMbps`).
// `call`: 50 small messages per second over an unordered channel without retransmissions. `aloneMsP95`, `besideMsP95`: 95th percentile of
// their one-way delays without and with a transfer, its start included; `addedMsP95`: the difference; `callLost`: the share that was lost.
//
// `--trace DIR` writes DIR/ROW-SENDER-RECEIVER.svg for the first round of each row: the rate that arrives, the pacing rate, the queue of
// the link, the lanes; and the senders' logs (docs/trace.md) as DIR/ROW-SENDER-RECEIVER-1.jsonl, … The exit code says whether the measurement worked, not whether targets are met.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseLink } from '../e2e/emulator/links.mjs';
import { startSite } from '../e2e/support/site.mjs';
import { drawLinks } from './lib/access_links.mjs';
import { withBusyLoops } from './lib/busy_loops.mjs';
import { besideCall, delayStep, newNetwork, outage, shareLink } from './lib/changing_link.mjs';
import { millraceFlow, naiveFlow } from './lib/endless.mjs';
import { ceilingOf, describeTarget, isMet, rowOf, rows } from './lib/field_rows.mjs';
import { linkFigures, measureMillrace, measureRaw } from './lib/link_runs.mjs';
import { isNaive, median, pumps, quantile, readCount, readRun, rounded, runBenchmark, runOptions, withProfiles } from './lib/measure.mjs';
import { drawRun } from './lib/trace_svg.mjs';

const naivePump = pumps.find(isNaive);
const leastLimitSeconds = 20;

/** How many times the time that the link's ceiling needs a transfer may take, s. */
const limitOf = ({ link, bytes }, times) => Math.max(leastLimitSeconds, (times * bytes * 8) / 1e6 / ceilingOf(link.mbps));

/** A flow of the kind, over a link that changes as the row says. */
const changing = (measure) => ({
  ours: ({ setting, site, row, connectOptions }) => measure(setting, site, millraceFlow(connectOptions), row.options),
  naive: ({ setting, site, row }) => measure(setting, site, naiveFlow, row.options),
});

/** As many flows as the row has delays; the speed of the run is that of all. */
async function shared(flow, { setting, site, row }) {
  const { extraDelaysMs, ...timing } = row.options;
  const run = await shareLink({ ...setting, extraDelaysMs }, site, extraDelaysMs.map(() => flow), timing);
  return { ...run, mbps: run.figures.mbpsSum, figures: { share: run.figures.share } };
}

/** One flow beside a naive pump that started earlier. */
async function besideRival(flow, { setting, site, row }) {
  const { headStartSeconds, ...timing } = row.options;
  const run = await shareLink(setting, site, [flow, naiveFlow], { startsAt: [headStartSeconds, 0], ...timing });
  return { ...run, figures: {} };
}

/**
 * How each kind of row is measured: `ours` and `naive` give a run, `figures` what is left of the runs. `everyRound`: the naive pump runs in
 * each round.
 */
const kinds = {
  link: {
    everyRound: true,
    ours: ({ setting, site, row, connectOptions }) =>
      withBusyLoops(row.options?.busyLoops ?? 0, () => measureMillrace(setting, site, row.bytes, connectOptions, { limit: limitOf(row, 4) })),
    naive: ({ setting, site, row }) =>
      withBusyLoops(row.options?.busyLoops ?? 0, () => measureRaw(setting, site, row.bytes, naivePump, { limit: limitOf(row, 2) })),
  },
  'delay-step': changing(delayStep),
  outage: changing(outage),
  network: changing(newNetwork),
  call: changing(besideCall),
  shared: {
    ours: (run) => shared(millraceFlow(run.connectOptions), run),
    naive: (run) => shared(naiveFlow, run),
    finish: (_row, [first]) => Object.fromEntries(first.mbpsOfFlows.map((mbps, index) => [`mbpsOfTransfer${index + 1}`, mbps])),
  },
  rival: {
    ours: (run) => besideRival(millraceFlow({ ...run.connectOptions, background: run.row.options.background }), run),
    naive: (run) => besideRival(naiveFlow, run),
    finish: rivalFigures,
  },
};

function rivalFigures(row, ours, naive) {
  const ofRuns = (runs, value) => median(runs.map(value));
  const rivalMbps = ofRuns(ours, (run) => run.mbpsOfFlows[1]);
  const besideItsKind = ofRuns(naive, (run) => (run.mbpsOfFlows[0] + run.mbpsOfFlows[1]) / 2);
  return {
    ofLink: ofRuns(ours, (run) => run.mbps) / row.link.mbps,
    rivalMbps,
    rivalBesideItsKindMbps: besideItsKind,
    rivalKept: rivalMbps / Math.max(besideItsKind, 1e-9),
  };
}

/** Medians of each figure that the runs have, named with the prefix. */
function figuresOf(runs, prefix = '') {
  const named = (name) => (prefix === '' ? name : `${prefix}${name[0].toUpperCase()}${name.slice(1)}`);
  const names = Object.keys(runs[0].figures ?? {});
  return Object.fromEntries(names.map((name) => [named(name), rounded(median(runs.map(({ figures }) => figures[name])))]));
}

/** Both, in turns, round by round. */
async function runRounds(row, { profiles, site, rounds, connectOptions }) {
  const kind = kinds[row.kind];
  const ours = [];
  const naive = [];
  for (let round = 0; round < rounds; round += 1) {
    const run = { setting: { profiles, link: row.link, seed: round + 1 }, site, row, connectOptions };
    ours.push(await kind.ours(run));
    const isEnough = kind.everyRound ? naive.some(({ limited }) => limited) : naive.length > 0;
    if (!isEnough) naive.push(await kind.naive(run));
  }
  return { ours, naive };
}

function summarize(row, { ours, naive }) {
  const ofOurs = (value) => median(ours.map(value));
  const ceilingMbps = ceilingOf(Math.max(row.link.mbps, row.options?.newMbps ?? 0));
  const mbps = ofOurs((run) => run.mbps);
  const naiveMbps = median(naive.map((run) => run.mbps));
  const { retransmittedShare: sentAgain, ...seen } = linkFigures(ours);
  const finished = kinds[row.kind].finish?.(row, ours, naive) ?? {};
  const figures = {
    mbps: rounded(mbps),
    ceilingMbps: rounded(ceilingMbps),
    ofCeiling: rounded(mbps / ceilingMbps),
    naiveMbps: rounded(naiveMbps),
    naiveOfCeiling: rounded(naiveMbps / ceilingMbps),
    ofNaive: rounded(mbps / Math.max(naiveMbps, 1e-9)),
    sentAgain,
    queueMsP50: rounded(ofOurs(({ stats }) => stats.ab.queueMsP50)),
    ...seen,
    backQueueMsP95: rounded(ofOurs(({ stats }) => stats.ba.queueMsP95)),
    lanes: ofOurs((run) => run.lanes),
    idle: rounded(ofOurs((run) => run.idle)),
    stolen: rounded(ofOurs((run) => run.stolen)),
    limited: ours.some(({ limited }) => limited === true),
    naiveLimited: naive.some(({ limited }) => limited === true),
    naiveRounds: naive.length,
    naiveQueueMsP95: rounded(median(naive.map(({ stats }) => stats.ab.queueMsP95))),
    naiveLongestSilenceMs: Math.round(Math.max(...naive.map((run) => run.longestSilenceMs))),
    ...figuresOf(ours),
    ...figuresOf(naive, 'naive'),
    ...Object.fromEntries(Object.entries(finished).map(([name, value]) => [name, rounded(value)])),
  };
  return { ...figures, target: describeTarget(row), met: isMet(row, figures) };
}

async function writeTrace(folder, row, pair, { ours, naive }) {
  const { link } = row;
  const title = `${row.name}, ${pair}: ${link.mbps} Mbit/s, ${link.rttMs} ms, loss ${link.loss}, queue ${link.queueBytes / 1000} kB`;
  const svg = drawRun(title, ours[0], naive[0]);
  await mkdir(folder, { recursive: true });
  const name = `${row.name}-${pair.replace('>', '-')}`;
  await writeFile(join(folder, `${name}.svg`), svg);
  for (const [index, log] of ours[0].logs.entries()) await writeFile(join(folder, `${name}-${index + 1}.jsonl`), log);
}

/** Rows by name, links as text. */
function chooseRows(names, { random, seed }) {
  if (random !== undefined) {
    if (names.length > 0) throw new Error('--random takes no rows');
    return drawLinks(readCount('random', random), readCount('seed', seed)).map(rowOf);
  }
  if (names.length === 0) return rows;
  return names.map((name) => {
    const known = rows.find((row) => row.name === name);
    if (known !== undefined) return known;
    if (!name.includes(':')) throw new Error(`no row "${name}": --list prints the rows; a link is NAME:RTT_MS:LOSS:MBPS:QUEUE_BYTES`);
    return rowOf(parseLink(name));
  });
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ...runOptions('3'),
      list: { type: 'boolean', default: false },
      random: { type: 'string' },
      seed: { type: 'string', default: '1' },
      trace: { type: 'string' },
    },
  });
  return {
    ...readRun(values),
    list: values.list,
    traceFolder: values.trace,
    chosen: chooseRows(positionals, values),
    isRandom: values.random !== undefined,
  };
}

const columns = [
  ['row', 20, (row) => row.link],
  ['Mbit/s', 7, (row) => `${row.mbps}${row.limited ? '*' : ''}`],
  ['of ceiling', 10, (row) => row.ofCeiling],
  ['naive', 7, (row) => `${row.naiveOfCeiling}${row.naiveLimited ? '*' : ''}`],
  ['sent again', 10, (row) => row.sentAgain],
  ['queue p95', 10, (row) => `${row.queueMsP95} ms`],
  ['silence', 9, (row) => `${row.longestSilenceMs} ms`],
  ['lanes', 5, (row) => row.lanes],
  ['idle', 5, (row) => row.idle],
  ['met', 4, (row) => ({ true: 'yes', false: 'NO' })[row.met] ?? '-'],
  ['target', 0, (row) => row.target],
];
const line = (cells) => `${cells.map((cell, index) => String(cell).padEnd(columns[index][1])).join(' ').trimEnd()}\n`;

/** Figures that only some rows have, for people. */
const extraNames = ['afterLonger', 'afterShorter', 'recoverySeconds', 'reconnectSeconds', 'reachSeconds', 'share', 'mbpsOfTransfer1', 'mbpsOfTransfer2', 'mbpsOfTransfer3', 'ofLink', 'rivalMbps', 'rivalKept', 'aloneMsP95', 'besideMsP95', 'addedMsP95', 'callLost'];

function describe(row) {
  const naiveName = (name) => `naive${name[0].toUpperCase()}${name.slice(1)}`;
  const extras = extraNames.filter((name) => name in row).map((name) => `${name} ${row[name]}${naiveName(name) in row ? ` (naive ${row[naiveName(name)]})` : ''}`);
  return line(columns.map(([, , cell]) => cell(row))) + (extras.length === 0 ? '' : `  ${extras.join(', ')}\n`);
}

/** One line about all rows. */
function summaryOf(measured, isRandom) {
  const judged = measured.filter(({ met }) => met !== null);
  const counted = `${judged.filter(({ met }) => met).length} of ${judged.length} targets met`;
  if (!isRandom) return counted;
  const shares = measured.map(({ ofCeiling }) => ofCeiling);
  return `${counted}; of ceiling: median ${rounded(median(shares))}, 5th percentile ${rounded(quantile(shares, 0.05))}; slower than the naive pump: ${measured.filter(({ ofNaive }) => ofNaive < 1).length}`;
}

function listRows(chosen) {
  for (const row of chosen) {
    const { rttMs, loss, mbps, queueBytes } = row.link;
    process.stdout.write(`${row.name.padEnd(24)} ${row.kind.padEnd(11)} ${`${rttMs} ms, loss ${loss}, ${mbps} Mbit/s, ${queueBytes / 1000} kB`.padEnd(42)} ${describeTarget(row)}\n`);
  }
}

await runBenchmark('bench-field', async (cleanups) => {
  const { json, list, pairs, rounds, traceFolder, chosen, isRandom } = readArguments();
  if (list) {
    listRows(chosen);
    return;
  }
  const site = await startSite({ withPages: true });
  cleanups.push(site.stop);
  if (!json) process.stdout.write(line(columns.map(([title]) => title)));
  const measured = [];
  for (const pair of pairs) {
    await withProfiles(pair, cleanups, async (profiles) => {
      for (const row of chosen) {
        const connectOptions = traceFolder === undefined ? {} : { log: true };
        const runs = await runRounds(row, { profiles, site, rounds, connectOptions });
        const { mbps: linkMbps, ...ofLink } = row.link;
        const figures = { bench: 'field', link: row.name, kind: row.kind, browsers: pair, linkMbps, ...ofLink, ...row.options, bytes: row.bytes, ...summarize(row, runs) };
        measured.push(figures);
        process.stdout.write(json ? `${JSON.stringify(figures)}\n` : describe(figures));
        if (traceFolder !== undefined) await writeTrace(traceFolder, row, pair, runs);
      }
    });
  }
  // With --json, stdout has nothing but rows.
  (json ? process.stderr : process.stdout).write(`${summaryOf(measured, isRandom)}\n`);
});
