// Common advice for data channels compared with the defaults of this package, over emulated links.
//
//   node scripts/bench-prescriptions.mjs [LINK…] [--json | --markdown] [--rounds N] [--browsers a>b] [--bytes N]
//
// LINK: as in bench-wan.mjs (default: wan20, wan50-0.1, wan100 and mobile).
//
// There are five comparisons: paced lanes, or lanes that take whatever their marks allow; water marks of 16 and 4 MiB or short queues
// (1 MiB and 256 KiB); messages of 256, 64 or 16 KiB; reliable or unreliable lanes; one connection with four channels or four
// connections with one each. As far as possible, each is made twice: with `millrace/parts`, whose lanes take what the marks allow unless they pace (`with` is 'parts'), and with `connect`, which also paces,
// encrypts and stores (`with` is 'connect'); its chunks have the named size, and its messages may be smaller on slow links. Everything
// else has its default, except that the parts do not pace: four lanes on one connection, reliable, 64 KiB, short queues.
//
// Each variant has a row: `mbps`, `ofDefault` (the ratio to the default in the same run), and what the link saw as in bench-wan.mjs. All
// take turns, round by round, each with fresh pages and an emulator of its own; figures are medians. Parts that would take longer than
// 20 s are cut off there (`limited`); their speed is that of what had arrived. `--markdown` prints a table as in docs/prescriptions.md.
import { parseArgs } from 'node:util';
import { parseLink } from '../e2e/emulator/links.mjs';
import { startSite } from '../e2e/support/site.mjs';
import { finishRun, limitSeconds, linkFigures, measureMillrace } from './lib/link_runs.mjs';
import { median, readCount, readRunOfOnePair, rounded, runBenchmark, runOptions, withProfiles } from './lib/measure.mjs';
import { overLink } from './lib/over_link.mjs';

const KiB = 1024;
const MiB = 1024 * KiB;
const usualLinks = ['wan20', 'wan50-0.1', 'wan100', 'mobile'];

/** `parts`: what differs from `partsDefaults` and the defaults of `LaneSet`; `connect`: from those of `connect`. */
const comparisons = {
  pacing: [
    { variant: 'paced', parts: { pacing: true } },
    { variant: 'none', parts: {} },
    { variant: 'paced, 4 connections', parts: { pacing: true, connectionCount: 4, lanes: 1 } },
  ],
  'water marks': [
    { variant: '1 MiB / 256 KiB', parts: {}, connect: {} },
    { variant: '16 / 4 MiB', parts: { preset: 'prescribed' }, connect: { waterMarks: { high: 16 * MiB, low: 4 * MiB } } },
  ],
  messages: [
    { variant: '64 KiB', parts: {}, connect: { chunkSize: 64 * KiB } },
    { variant: '256 KiB', parts: { chunkSize: 256 * KiB }, connect: { chunkSize: 256 * KiB } },
    { variant: '16 KiB', parts: { chunkSize: 16 * KiB }, connect: { chunkSize: 16 * KiB } },
    { variant: 'by the link', connect: {} },
  ],
  lanes: [
    { variant: 'reliable', parts: {}, connect: {} },
    { variant: 'unreliable', parts: { delivery: 'unreliable' }, connect: { delivery: 'unreliable' } },
  ],
  connections: [
    { variant: '1 with 4 channels', parts: {} },
    { variant: '4 with 1 channel', parts: { connectionCount: 4, lanes: 1 } },
    { variant: 'by the link', connect: {} },
  ],
};

const partsDefaults = { connectionCount: 1, lanes: 4, pacing: false };

function measureParts(setting, site, bytes, options) {
  return overLink(setting, `${site.url}pages/stripes.html`, async ([sender, receiver], emulator) => {
    // The load event does not wait for the core that the parts wait for.
    await Promise.all([sender, receiver].map((page) => page.waitForFunction(() => globalThis.stripesReady === true)));
    const all = { ...partsDefaults, ...options };
    const offers = await sender.evaluate((wanted) => globalThis.stripes.offer(wanted), all);
    const { connectionCount: _, ...ofSet } = all;
    const answers = await receiver.evaluate(([descriptions, wanted]) => globalThis.stripes.answer(descriptions, wanted), [offers, ofSet]);
    await sender.evaluate((descriptions) => globalThis.stripes.finish(descriptions), answers);
    await receiver.evaluate(() => globalThis.stripes.receive());
    await emulator.begin();
    return finishRun(sender, receiver, 'stripes', { bytes, limitSeconds });
  });
}

const measures = { parts: measureParts, connect: measureMillrace };

/** Every setting that some variant needs, once: many variants are the same one. */
function settingsOfAll() {
  const settings = new Map();
  for (const variants of Object.values(comparisons)) {
    for (const variant of variants) {
      for (const kind of Object.keys(measures)) {
        if (variant[kind] !== undefined) settings.set(keyOf(kind, variant[kind]), { kind, options: variant[kind], runs: [] });
      }
    }
  }
  return settings;
}

const keyOf = (kind, options) => `${kind} ${JSON.stringify(options)}`;

async function measureLink({ profiles, link, site, bytes, rounds }) {
  const settings = settingsOfAll();
  for (let round = 0; round < rounds; round += 1) {
    for (const { kind, options, runs } of settings.values()) {
      runs.push(await measures[kind]({ profiles, link, seed: round + 1 }, site, bytes, options));
    }
  }
  const speedOf = ({ runs }) => median(runs.map((run) => run.mbps));
  return Object.entries(comparisons).flatMap(([comparison, variants]) =>
    variants.flatMap((variant) =>
      Object.keys(measures)
        .filter((kind) => variant[kind] !== undefined)
        .map((kind) => {
          const setting = settings.get(keyOf(kind, variant[kind]));
          const mbps = speedOf(setting);
          return {
            comparison,
            variant: variant.variant,
            with: kind,
            mbps: rounded(mbps),
            ofDefault: rounded(mbps / speedOf(settings.get(keyOf(kind, {})))),
            limited: setting.runs.some((run) => run.limited ?? false),
            ...linkFigures(setting.runs),
          };
        }),
    ),
  );
}

/** A table: a line for each variant, a column for each link. */
function toMarkdown(rows, links) {
  const lines = new Map();
  for (const row of rows) {
    const key = `| ${row.comparison} | ${row.variant} | ${row.with} |`;
    const cells = lines.get(key) ?? new Map();
    cells.set(row.link, `${row.mbps}${row.limited ? '*' : ''} (${row.ofDefault}); ${row.queueMsP95} ms`);
    lines.set(key, cells);
  }
  return [
    `| | | with | ${links.map(({ name }) => name).join(' | ')} |`,
    `|---|---|---|${links.map(() => '---|').join('')}`,
    ...[...lines].map(([key, cells]) => `${key} ${links.map(({ name }) => cells.get(name) ?? '').join(' | ')} |`),
  ].join('\n');
}

function describe({ link, comparison, variant, with: kind, mbps, limited, ofDefault, queueMsP95, longestSilenceMs, retransmittedShare }) {
  const figures = `${mbps}${limited ? '*' : ''} Mbit/s, ${ofDefault} of the default, queue p95 ${queueMsP95} ms, silence ${longestSilenceMs} ms, re-sent ${retransmittedShare}`;
  return `${link}, ${comparison}, ${variant}, ${kind}: ${figures}`;
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ...runOptions('1'),
      markdown: { type: 'boolean', default: false },
      bytes: { type: 'string', default: '30000000' },
    },
  });
  return {
    ...readRunOfOnePair(values),
    markdown: values.markdown,
    bytes: readCount('bytes', values.bytes),
    chosen: (positionals.length === 0 ? usualLinks : positionals).map(parseLink),
  };
}

await runBenchmark('bench-prescriptions', async (cleanups) => {
  const { json, markdown, pair, rounds, bytes, chosen } = readArguments();
  const site = await startSite({ withPages: true });
  cleanups.push(site.stop);
  const all = [];
  await withProfiles(pair, cleanups, async (profiles) => {
    for (const link of chosen) {
      for (const figures of await measureLink({ profiles, link, site, bytes, rounds })) {
        const row = { bench: 'prescriptions', link: link.name, browsers: pair, linkMbps: link.mbps, bytes, ...figures };
        all.push(row);
        if (!markdown) process.stdout.write(`${json ? JSON.stringify(row) : describe(row)}\n`);
      }
    }
  });
  if (markdown) process.stdout.write(`${toMarkdown(all, chosen)}\n`);
  if (!json) process.stdout.write(`\n* ended after ${limitSeconds} s; the speed of what had arrived\n`);
});
