// How fast a file crosses from page to page over emulated links, compared with the raw channel measured in the same run.
//
//   node scripts/bench-wan.mjs [LINK…] [--json] [--rounds N] [--browsers a>b[,c>d…]] [--bytes N] [--lanes MOST]
//     [--peers] [--trace FILE.svg]
//
// LINK: a name from e2e/emulator/links.mjs (default: all of them), or NAME:RTT_MS:LOSS:MBPS:QUEUE_BYTES.
// MOST: `lanes.max` of Millrace, if it is not the default.
//
// `mbps`: Millrace, from `send` to the receipt at the sender: encrypted, acknowledged, verified by hash tree, and stored in the
// receiver's origin private file system. Start-up is included, connecting is not.
// `rawMbps`: the best of the naive pumps: one reliable unordered channel, messages of 64 and 256 KiB, high water marks of 64 KiB,
// 1 MiB and 8 MiB; nothing is encrypted, hashed or stored. `naiveMbps`: the pump with 64 KiB and 8 MiB. The first round runs all six
// pumps, later rounds the two fastest and the naive one. A pump that would take longer than `limitSeconds` is cut off there
// (`rawLimited`, `naiveLimited`); its speed is that of what had arrived, and it does not run again (`rawRounds`, `naiveRounds`).
// All take turns, round by round, each with fresh pages and an emulator of its own; each figure is the median of its rounds.
// `--peers`: adds one row for each of the other libraries, with the same bytes and limit (`peer`, `limited`).
//
// `utilisation`: file bits divided by link bits.
// `retransmittedShare`: bytes sent into the link beyond the file bytes that arrived, divided by the latter. It includes headers
// (about 0.08 without any retransmission).
// `queueMsP95`: the 95th percentile, over buckets of 10 ms, of the longest queueing delay.
// `longestSilenceMs`: the longest time without a file byte once data flows, in the worst round.
// `unreadPackets`: packets that crossed the link and were dropped because the browser did not read them in time.
// `lostByEmulator`: packets that the emulator could not read or send, in the worst round. Both mean that the machine was too busy:
// on a quiet one they are close to 0.
// `idle`, `stolen`: the share of processor time during Millrace's transfers that nobody used, and that the host of a virtual machine
// gave to others. `rawIdle`: the unused share during the best naive pump.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { links, parseLink } from '../e2e/emulator/links.mjs';
import { startSite } from '../e2e/support/site.mjs';
import { finishRun, limitSeconds, linkFigures, measureLink } from './lib/link_runs.mjs';
import { median, readCount, readRun, rounded, runBenchmark, runOptions, withProfiles } from './lib/measure.mjs';
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
      ...runOptions('3'),
      bytes: { type: 'string', default: '60000000' },
      lanes: { type: 'string' },
      peers: { type: 'boolean', default: false },
      trace: { type: 'string' },
    },
  });
  return {
    ...readRun(values),
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
