// Pairs of browsers behind real NATs, in the laboratory of network namespaces (tests/nat): by which path they connect, and how fast.
//
//   node scripts/bench-nat.mjs [A/B…] [relay-tcp] [--browsers SENDER>RECEIVER,…] [--fast] [--json]
//
// `A/B`: kinds of tests/nat/lab/kinds.mjs; default: every pair of them, with the pairs of browsers of the matrix. `--fast`: one pair for
// each way through. `servers`: which ones the pages got. `first`: the path right after connecting; ICE may find a better one. `codes`: the
// errors where both sides failed. Exits with 1 where a pair found another path than expected.
//
// `relay-tcp`, also at the end of all pairs: a file through TURN over TCP, where the sender's way to the relay is a link of 20 Mbit/s and 40 ms that
// all of its TCP connections share. `ofCeiling`: its share of what headers leave of the link. Target: at least 0.8.
import { parseArgs } from 'node:util';
import { allRows, expectedOf, fastRows, MatrixRunner } from '../tests/nat/lab/matrix.mjs';
import { kinds } from '../tests/nat/lab/kinds.mjs';
import { Lab } from '../tests/nat/lab/lab.mjs';
import { leastShare, slowLink } from '../tests/nat/lab/throughput.mjs';
import { chooseNames, readPairs, rounded, runBenchmark } from './lib/measure.mjs';

function readRows() {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, fast: { type: 'boolean', default: false }, browsers: { type: 'string' } },
  });
  const pairs = values.browsers === undefined ? undefined : readPairs(values.browsers, ',');
  const relayTcp = positionals.includes('relay-tcp');
  const named = positionals.filter((text) => text !== 'relay-tcp').flatMap((text) => {
    const [a, b, ...more] = chooseNames(text.split('/'), Object.keys(kinds), 'kind of client');
    if (b === undefined || more.length > 0) throw new Error(`a pair is A/B, not "${text}"`);
    if ((kinds[a].shared || kinds[b].shared) && a !== b) throw new Error(`${text}: both clients of a shared network are of its kind`);
    return (pairs ?? ['chromium>firefox']).map((pair) => ({ a, b, browsers: pair.split('>'), servers: 'all' }));
  });
  const rows = named.length > 0 || relayTcp ? named : values.fast ? fastRows() : allRows();
  const chosen = positionals.length > 0 || pairs === undefined ? rows : rows.filter(({ browsers }) => pairs.includes(browsers.join('>')));
  const slow = relayTcp || (positionals.length === 0 && !values.fast) ? (pairs ?? ['chromium>firefox', 'firefox>chromium']) : [];
  return { rows: chosen, slow, json: values.json };
}

function print(row, json) {
  if (json) return void process.stdout.write(`${JSON.stringify(row)}\n`);
  const { a, b, browsers, servers, expected, got, protocol, seconds } = row;
  const mark = got === expected ? 'ok  ' : 'FAIL';
  process.stdout.write(`${mark}  ${a} / ${b}, ${browsers}, servers: ${servers}: ${got}${protocol === null ? '' : ` over ${protocol}`} (expected ${expected}), ${seconds} s\n`);
}

function printRelay({ browsers, mbps, ofCeiling, lanes }, json) {
  const targetMet = ofCeiling >= leastShare;
  const row = { bench: 'nat', scenario: 'relay-tcp', browsers, link: slowLink, mbps: rounded(mbps), ofCeiling: rounded(ofCeiling), lanes, target: `ofCeiling >= ${leastShare}`, targetMet };
  if (json) process.stdout.write(`${JSON.stringify(row)}\n`);
  else process.stdout.write(`${targetMet ? 'ok  ' : 'FAIL'}  relay over TCP, ${browsers}: ${row.mbps} Mbit/s, ${row.ofCeiling} of the ceiling, ${lanes} lanes (${row.target})\n`);
  if (!targetMet) process.exitCode = 1;
}

await runBenchmark('nat', async (cleanups) => {
  const { rows, slow, json } = readRows();
  const lab = await Lab.create();
  cleanups.push(() => lab.close());
  const runner = await MatrixRunner.start(lab);
  for (const row of rows) {
    const { a, b, browsers, servers } = row;
    const { path: expected } = expectedOf(row);
    const { got, protocol, seconds, first, errors } = await runner.run(row);
    const codes = got === 'none' ? { codes: errors.map((error) => error?.code ?? null) } : {};
    print({ bench: 'nat', a, b, browsers: browsers.join('>'), servers, expected, got, protocol, seconds: rounded(seconds), first, ...codes }, json);
    if (got !== expected) process.exitCode = 1;
  }
  for (const browsers of slow) printRelay({ browsers, ...(await runner.throughTcpRelay(browsers.split('>'))) }, json);
});
