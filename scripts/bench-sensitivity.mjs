// What half and double of each constant of rate control do to a population of random links, in the model.
//
//   node scripts/bench-sensitivity.mjs [CONSTANT…] [--json] [--links N] [--seed N] [--jobs N] [--list]
//
// A copy of the sources in build/sensitivity is changed and built for each value. Times, counts and small numbers are halved and
// doubled; of a gain above 1 it is what exceeds 1; of a share from 0.5 on, half of the way to 1 takes the place of the double. Any
// change shakes the links whose lanes lose something at one moment or another: compare with the noise, which is what the other
// constants show, before believing the third digit.
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { run } from './lib/run.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const copy = join(root, 'build/sensitivity');
const sources = ['src', 'tests', 'cmake', 'wasm', 'CMakeLists.txt', 'CMakePresets.json'];
const files = ['rate_controller.cpp', 'flow_control.cpp', 'lane_planner.cpp'].map((name) => `src/control/${name}`);

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    links: { type: 'string', default: '240' },
    seed: { type: 'string', default: '3' },
    jobs: { type: 'string', default: '2' },
  },
});

/** How a constant is made smaller and larger; `text` is its value in the source. */
function variants(type, text) {
  if (type !== 'double') return [`(${text}) / 2`, `(${text}) * 2`];
  const value = Number(text);
  if (value > 1 && value < 10) return [`1 + ((${text}) - 1) / 2`, `1 + ((${text}) - 1) * 2`];
  if (value >= 0.5 && value < 1) return [`(${text}) / 2`, `1 - (1 - (${text})) / 2`];
  return [`(${text}) / 2.0`, `(${text}) * 2.0`];
}

async function findConstants() {
  const found = [];
  for (const file of files) {
    const text = await readFile(join(root, file), 'utf8');
    for (const [line, type, name, value] of text.matchAll(/^constexpr (Duration|double|int64_t|size_t) (k\w+) = (.+);$/gm)) {
      found.push({ file, line, type, name, value });
    }
  }
  return found;
}

async function must(command, args) {
  const { code, output } = await run(command, args, { cwd: copy });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`);
  return output;
}

async function measure() {
  await must('cmake', ['--build', '--preset', 'release', '--target', 'millrace_population']);
  const args = ['--links', options.links, '--seed', options.seed, '--jobs', options.jobs];
  const { code, stdout, stderr } = await run(join(copy, 'build/release/tests/millrace_population'), args, { cwd: copy, separate: true });
  if (code !== 0) throw new Error(`the population ended with ${code}:\n${stderr}`);
  const { median, p5, belowNaive } = JSON.parse(stdout.trimEnd().split('\n').at(-1));
  return { median, p5, belowNaive };
}

const shownFigures = ({ median, p5, belowNaive }) => `${median.toFixed(3)}, ${p5.toFixed(3)}, ${belowNaive}`;

function report(row) {
  if (options.json) console.log(JSON.stringify(row));
  else console.log(`| ${[row.name ?? 'as it is', row.value ?? '', ...row.figures.map(shownFigures)].join(' | ')} |`);
}

const constants = await findConstants();
const unknown = names.filter((name) => !constants.some((constant) => constant.name === name));
if (unknown.length > 0) {
  console.error(`no such constant: ${unknown.join(', ')} (--list shows them)`);
  process.exit(2);
}
const chosen = names.length === 0 ? constants : names.map((name) => constants.find((constant) => constant.name === name));
if (options.list) {
  for (const { name, value, file } of chosen) console.log(`${name} = ${value} (${file})`);
  process.exit(0);
}

await mkdir(copy, { recursive: true });
// Times are kept, so that the next run builds what has changed; what was changed last time is built in any case.
for (const source of sources) await cp(join(root, source), join(copy, source), { recursive: true, preserveTimestamps: true });
for (const file of files) await writeFile(join(copy, file), await readFile(join(root, file)));
await must('cmake', ['--preset', 'release']);
if (!options.json) console.log('| constant | value | half: median, 5th percentile, below the naive pump | double |\n|---|---|---|---|');
report({ figures: [await measure()] });
for (const { file, line, type, name, value } of chosen) {
  const original = await readFile(join(root, file), 'utf8');
  const figures = [];
  for (const changed of variants(type, value)) {
    await writeFile(join(copy, file), original.replace(line, `constexpr ${type} ${name} = ${changed};`));
    figures.push(await measure());
  }
  await writeFile(join(copy, file), original);
  report({ name, value, figures });
}
