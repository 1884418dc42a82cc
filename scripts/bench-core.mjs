// The way of a record through the core, from source to channel and from channel to sink, natively and as WebAssembly in this Node.js.
// Two sessions run in one process, in turns with sealing, opening, hashing and copying alone on the same amount of memory.
//
//   node scripts/bench-core.mjs [--json] [--lanes N]
//
// `ratio` is the time of the whole way, copies and acknowledgements included, divided by that of sealing (receiving: opening) and hashing
// alone. It is the median over many rounds, each with its own reference, so it holds while the machine's speed drifts. `steps` are ns per
// record.
import { fileURLToPath } from 'node:url';
import { run } from './lib/run.mjs';

/** The target: receiving costs at most so many times sealing and hashing. */
const TARGET = 1.6;
/** A decision of the mesh's bandwidth adapter for 100 channels, ns. */
const ADAPTER_TARGET_NS = 5_000;

const built = (path) => fileURLToPath(new URL(`../build/${path}`, import.meta.url));
const builds = [
  [built('release/tests/millrace_bench_core')],
  [process.execPath, built('wasm-release/tests/millrace_bench_core.js')],
];

const json = process.argv.includes('--json');
const lanes = process.argv.includes('--lanes') ? process.argv[process.argv.indexOf('--lanes') + 1] : '1';

const percent = (ns, total) => `${((100 * ns) / total).toFixed(1)}%`;

function describe(row) {
  if (row.path === 'mesh-adapter') {
    return `${row.build.padEnd(8)}a decision for ${row.channels} channels of the mesh: ${row.ns} ns; the target is ${row.target}`;
  }
  const total = Object.values(row.steps).reduce((sum, ns) => sum + ns, 0);
  const steps = Object.entries(row.steps).map(([step, ns]) => `${step} ${percent(ns, total)}`);
  const figures = [row.mbs, row.sealMbs, row.openMbs, row.hashMbs, row.memcpyMbs].map((mbs) => mbs.toFixed(0).padStart(8));
  return [
    row.build.padEnd(8),
    row.path.padEnd(8),
    String(row.size).padStart(7),
    ...figures,
    row.ratio.toFixed(2).padStart(8),
    row.ratioWithoutCopies.toFixed(2).padStart(8),
    `   ${steps.join('  ')}`,
  ].join('');
}

if (!json) {
  const columns = ['MB/s', 'seal', 'open', 'hash', 'memcpy', 'ratio', 'no copy'].map((name) => name.padStart(8)).join('');
  console.log(`${'build'.padEnd(8)}${'path'.padEnd(8)}${'record'.padStart(7)}${columns}   share of each step`);
}
for (const [command, ...args] of builds) {
  const { code, stdout, stderr } = await run(command, [...args, lanes], { separate: true });
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
  for (const line of stdout.trim().split('\n')) {
    const measured = JSON.parse(line);
    const row = { ...measured, target: measured.path === 'mesh-adapter' ? ADAPTER_TARGET_NS : TARGET };
    console.log(json ? JSON.stringify(row) : describe(row));
  }
}
if (!json) console.log(`ratio: time of the whole way / (seal or open + hash); the target for receiving is ${TARGET}`);
