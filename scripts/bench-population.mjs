// The controller on a population of random links, in the model and in virtual time, next to the naive pump on the same links.
//
//   node scripts/bench-population.mjs [--json] [--links N] [--seed N] [--first N] [--jobs N]
//
// `share` is of the ceiling: what headers leave of the link, start-up and receipt included. A link is *below* the naive pump if a raw
// channel is done first. Each row ends with the command that runs that link again, with `--trace` to see what the controller does.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../build/release/tests/millrace_population', import.meta.url));
const shown = 'build/release/tests/millrace_population';
const WORST = 20;

const json = process.argv.includes('--json');
const options = process.argv.slice(2).filter((argument) => argument !== '--json');
const replay = (row) => `${shown} --replay '${row.link}'`;

function describe(row) {
  return [
    row.kind.padEnd(6),
    row.direction.padEnd(5),
    `${row.mbits}`.padStart(6),
    `${row.rtt}`.padStart(6),
    `${(100 * row.loss).toFixed(2)}`.padStart(6),
    `${Math.round(row.queue / 1e3)}`.padStart(6),
    row.share.toFixed(3).padStart(7),
    row.naive.toFixed(3).padStart(7),
    row.sentAgain.toFixed(2).padStart(7),
    row.queueP95.toFixed(0).padStart(6),
    row.silence.toFixed(2).padStart(7),
    `${row.lanes}`.padStart(6),
    `${row.changes}`.padStart(4),
  ].join(' ');
}

const columns = [
  'kind'.padEnd(6),
  'way'.padEnd(5),
  'Mbit/s'.padStart(6),
  'RTT ms'.padStart(6),
  'loss %'.padStart(6),
  'q kB'.padStart(6),
  'share'.padStart(7),
  'naive'.padStart(7),
  'again'.padStart(7),
  'q p95'.padStart(6),
  'silence'.padStart(7),
  'lanes'.padStart(6),
  'chg'.padStart(4),
].join(' ');

function printRows(title, rows) {
  if (rows.length === 0) return;
  console.log(`\n${title}\n${columns}`);
  for (const row of rows) console.log(`${describe(row)}\n    ${replay(row)}`);
}

const child = spawn(program, options, { stdio: ['ignore', 'pipe', 'inherit'] });
const rows = [];
let summary;
for await (const line of createInterface({ input: child.stdout })) {
  const row = JSON.parse(line);
  if (json) {
    const naming = row.belowNaive === true ? { ...row, replay: replay(row) } : row;
    console.log(JSON.stringify(naming));
  }
  if (row.summary) {
    summary = row;
  } else {
    rows.push(row);
  }
}
const code = await new Promise((resolve) => {
  if (child.exitCode !== null) resolve(child.exitCode);
  else child.on('exit', (status) => resolve(status ?? 1));
});
if (code !== 0 || !summary) process.exit(code || 1);
if (!json) {
  const byShare = [...rows].sort((x, y) => x.share - y.share);
  printRows(`The ${Math.min(WORST, rows.length)} links with the lowest share of their ceiling`, byShare.slice(0, WORST));
  printRows(
    'Links below the naive pump',
    byShare.filter((row) => row.belowNaive),
  );
  const kinds = [...new Set(rows.map((row) => row.kind))].sort();
  console.log('\nMedian share by kind');
  for (const kind of kinds) {
    const shares = byShare.filter((row) => row.kind === kind).map((row) => row.share);
    console.log(`  ${kind.padEnd(6)} ${shares[Math.floor((shares.length - 1) / 2)].toFixed(3)} of ${shares.length} links`);
  }
  console.log(
    `\n${summary.links} links of seed ${summary.seed}: median ${summary.median.toFixed(3)}, 5th percentile ${summary.p5.toFixed(3)}, ` +
      `lowest ${summary.least.toFixed(3)} of the ceiling; naive pump ${summary.naiveMedian.toFixed(3)}; ` +
      `below the naive pump: ${summary.belowNaive}; not done in 300 s: ${summary.unfinished}`,
  );
}
