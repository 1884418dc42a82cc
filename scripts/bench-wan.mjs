// How fast a file goes from page to page over emulated links, beside the raw channel measured in the same run.
//
//   node scripts/bench-wan.mjs [LINK…] [--json] [--rounds N] [--browsers a>b[,c>d…]] [--bytes N] [--lanes MOST]
//     [--peers] [--trace FILE.svg]
//
// LINK: a name out of e2e/emulator/links.mjs (all of them, when none is given), or NAME:RTT_MS:LOSS:MBPS:QUEUE_BYTES.
// MOST: `lanes.max` of Millrace, where it is not the default.
//
// `mbps`: Millrace, from `send` to the receipt that the sender holds; encrypted, acknowledged, verified by hash tree, and
// stored in the receiver's origin private file system; start-up included, connecting not. `rawMbps`: the best of the naive
// pumps: one reliable unordered channel, messages of 64 and 256 KiB, high-water marks of 64 KiB, 1 MiB and 8 MiB; nothing
// encrypted, hashed or stored; `naiveMbps`: the one with 64 KiB and 8 MiB. The first round has all six pumps, the further
// ones the two fastest and the naive one. A pump that would take longer than `limitSeconds` ends there (`rawLimited`,
// `naiveLimited`); its speed is that of what had arrived, and it is not asked again (`rawRounds`, `naiveRounds`). All take turns, round by round, each with fresh pages and an
// emulator of its own; each figure is the median of its rounds. `--peers`: with the same bytes and limit, one row for each
// of the libraries (`peer`, `limited`).
//
// `utilisation`: file bits by link bits. `retransmittedShare`: bytes that were sent into the link beyond those of the file
// that arrived, by those; headers are in it (about 0.08 without any retransmission). `queueMsP95`: over 10 ms buckets, the
// 95th percentile of the longest wait. `longestSilenceMs`: without a byte of the file, once data flows; the worst round.
// `unreadPackets`: through the link, and dropped because the browser did not come to read them; `lostByEmulator`: what the
// emulator could not read or send, in the worst round. Both say that the machine was too busy: on a quiet one they are 0,
// or nearly. `idle`, `stolen`: of the processors' time during Millrace's transfers, what nobody used, and what the host of a
// virtual machine gave to others; `rawIdle`: what the best naive pump left.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { links, parseLink } from '../e2e/emulator/links.mjs';
import { startSite } from '../e2e/support/site.mjs';
import { finishRun, limitSeconds, linkFigures, measureLink } from './lib/link_runs.mjs';
import { median, readCount, readPairs, rounded, runBenchmark, withProfiles } from './lib/measure.mjs';
import { overLink } from './lib/over_link.mjs';
import { bundlePeers, connectPeers, peerNames } from './lib/peers.mjs';
import { drawTraces } from './lib/trace_svg.mjs';

function measurePeer(setting, site, bytes, name, script) {
  const measure = async ([sender, receiver], emulator) => {
    await connectPeers(sender, receiver, name);
    await receiver.evaluate((count) => globalThis.peer.receive(count), bytes);
    await emulator.begin();
    return finishRun(sender, receiver, 'peer', { bytes, limitSeconds });
  };
  return overLink(setting, `${site.url}pages/blank.html`, measure, (page) => page.addInitScript({ content: script }));
}

/** A row for each library. */
async function measurePeers({ profiles, link, site, bytes, rounds }, script) {
  const runs = peerNames.map((peer) => ({ peer, runs: [] }));
  for (let round = 0; round < rounds; round += 1) {
    for (const { peer, runs: ofPeer } of runs) ofPeer.push(await measurePeer({ profiles, link, seed: round + 1 }, site, bytes, peer, script));
  }
  return runs.map(({ peer, runs: ofPeer }) => {
    const mbps = median(ofPeer.map((run) => run.mbps));
    return {
      peer,
      mbps: rounded(mbps),
      utilisation: rounded(mbps / link.mbps),
      ...linkFigures(ofPeer),
      limited: ofPeer.some((run) => run.limited),
      limitSeconds,
    };
  });
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      browsers: { type: 'string', default: 'chromium>chromium' },
      rounds: { type: 'string', default: '3' },
      bytes: { type: 'string', default: '60000000' },
      lanes: { type: 'string' },
      peers: { type: 'boolean', default: false },
      trace: { type: 'string' },
    },
  });
  return {
    json: values.json,
    pairs: readPairs(values.browsers, ','),
    rounds: readCount('rounds', values.rounds),
    bytes: readCount('bytes', values.bytes),
    connectOptions: values.lanes === undefined ? {} : { lanes: { max: readCount('lanes', values.lanes) } },
    withPeers: values.peers,
    tracePath: values.trace,
    chosen: positionals.length === 0 ? links : positionals.map(parseLink),
  };
}

/** The first round of both, as a picture. */
async function writeTrace(file, title, millrace, naive) {
  const traces = Object.entries({ Millrace: millrace, 'naive pump': naive });
  await writeFile(file, drawTraces(title, traces.map(([name, run]) => ({ name, bucketMs: run.trace.bucketMs, direction: run.trace.ab }))));
}

/** FILE.svg, or FILE-LINK-SENDER-RECEIVER.svg where there are several. */
function traceFile(path, several, link, pair) {
  return several ? path.replace(/(\.svg)?$/, `-${link.name}-${pair.replace('>', '-')}.svg`) : path;
}

const columns = [
  ['link', 12, (row) => row.link],
  ['browsers', 18, (row) => row.browsers],
  ['', 12, (row) => row.peer ?? 'Millrace'],
  ['Mbit/s', 8, (row) => `${row.mbps}${row.limited ? '*' : ''}`],
  ['of link', 8, (row) => row.utilisation],
  ['raw', 8, (row) => (row.peer === undefined ? `${row.rawMbps}${row.rawLimited ? '*' : ''}` : '')],
  ['naive', 8, (row) => (row.peer === undefined ? `${row.naiveMbps}${row.naiveLimited ? '*' : ''}` : '')],
  ['re-sent', 8, (row) => row.retransmittedShare],
  ['queue p95', 10, (row) => `${row.queueMsP95} ms`],
  ['silence', 9, (row) => `${row.longestSilenceMs} ms`],
  ['unread', 7, (row) => row.unreadPackets],
  ['idle', 5, (row) => row.idle ?? ''],
  ['stolen', 6, (row) => row.stolen ?? ''],
  ['raw idle', 8, (row) => row.rawIdle ?? ''],
];

const line = (cells) => `${cells.map((cell, index) => String(cell).padEnd(columns[index][1])).join(' ').trimEnd()}\n`;

await runBenchmark('bench-wan', async (cleanups) => {
  const { json, pairs, rounds, bytes, connectOptions, withPeers, tracePath, chosen } = readArguments();
  const site = await startSite({ withPages: true });
  cleanups.push(site.stop);
  const script = withPeers ? await bundlePeers() : null;
  const several = chosen.length * pairs.length > 1;
  if (!json) process.stdout.write(line(columns.map(([title]) => title)));
  for (const pair of pairs) {
    await withProfiles(pair, cleanups, async (profiles) => {
      for (const link of chosen) {
        const common = {
          bench: 'wan',
          link: link.name,
          browsers: pair,
          linkMbps: link.mbps,
          rttMs: link.rttMs,
          loss: link.loss,
          queueBytes: link.queueBytes,
          bytes,
          ...connectOptions,
        };
        const show = (row) => process.stdout.write(json ? `${JSON.stringify({ ...common, ...row })}\n` : line(columns.map(([, , cell]) => cell({ ...common, ...row }))));
        const setting = { profiles, link, site, bytes, rounds, connectOptions };
        const title = `${link.name}, ${pair}: ${link.mbps} Mbit/s, ${link.rttMs} ms, loss ${link.loss}, queue ${link.queueBytes / 1000} kB`;
        const trace = tracePath === undefined ? null : (...runs) => writeTrace(traceFile(tracePath, several, link, pair), title, ...runs);
        show(await measureLink({ ...setting, trace }));
        if (withPeers) for (const row of await measurePeers(setting, script)) show(row);
      }
    });
  }
  if (!json) process.stdout.write(`* ended after ${limitSeconds} s; the speed of what had arrived\n`);
});
