// Runs the test suites and adds up what they report; scripts/test.sh calls this once the tools are there.
import { availableParallelism } from 'node:os';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkTree, selfTest } from './check-layers.mjs';
import { describe, measure, readLcov } from './lib/coverage.mjs';
import { checkWebTree, selfTestWeb } from './lib/layers_web.mjs';
import { readCatchReport, readPlaywrightReport, readTapReport } from './lib/reports.mjs';
import { run as runToItsEnd, timeLimitCode } from './lib/run.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const reports = join(root, 'build/reports');
const path = (...parts) => join(root, ...parts);

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '1000' },
    first: { type: 'string', default: '1' },
    seed: { type: 'string' },
    'fuzz-seconds': { type: 'string', default: '5' },
    // What takes too long for every run, alone.
    long: { type: 'boolean', default: false },
    // Of the browsers' tests: the files whose path has this.
    only: { type: 'string' },
    // Of the NAT laboratory: every pair of clients, and networks that change. Of the package: also the frameworks and test runners that
    // take long to install.
    all: { type: 'boolean', default: false },
  },
});

// Leaks count, and a report says where.
const sanitizerEnv = {
  ASAN_OPTIONS: 'detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
};

// At once, of one program: some of its test cases each. Two for each of two processors, since one takes longer than another.
const catchParts = 4;

// Of the lines of src/, in percent; simulations with few seeds reach what they reach.
const leastCoverage = 95;
const coverageSeeds = 3;

const mostSanitizedSeeds = 2_000;

// What takes longer than one command ever does hangs, and is a failure that the others need not wait for.
const mostSeconds = (options.long || options.all ? 10_800 : 1_800) * Math.max(1, Number(options.seeds) / 1_000) + Number(options['fuzz-seconds']);

const total = { passed: 0, failed: 0 };

const run = (command, args, settings) => runToItsEnd(command, args, { cwd: root, limitSeconds: mostSeconds, ...settings });

function count(name, { passed, failed }, started) {
  total.passed += passed;
  total.failed += failed;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${failed > 0 ? 'FAIL' : 'ok  '}  ${name}: ${passed} passed, ${failed} failed (${seconds} s)`);
}

/** Of the parts of one suite. */
function countAll(name, reports, started) {
  const sum = (key) => reports.reduce((total, report) => total + report[key], 0);
  count(name, { passed: sum('passed'), failed: sum('failed') }, started);
}

/** One test that is no test framework's: passes when `work` answers no problems. */
async function check(name, work) {
  const started = performance.now();
  let problems;
  try {
    problems = await work();
  } catch (error) {
    problems = [error instanceof Error ? error.message : String(error)];
  }
  for (const problem of problems) console.log(problem);
  count(name, { passed: problems.length === 0 ? 1 : 0, failed: problems.length === 0 ? 0 : 1 }, started);
}

/** Problems of a command: its output when it fails. */
async function problemsOf(command, args, settings = {}) {
  const { code, output } = await run(command, args, settings);
  return code === 0 ? [] : [`$ ${[relative(root, command) || command, ...args].join(' ')}\n${output}`];
}

/** Builds a preset; a failure is a failed test of its own. Answers whether it went well. */
async function build(preset, ...targets) {
  const { code, output } = await run(path('scripts/build-core.sh'), [preset, ...targets]);
  if (code === 0) return true;
  console.log(output);
  count(`build ${preset}`, { passed: 0, failed: 1 }, performance.now());
  return false;
}

/** The test cases of a Catch2 program that `filter` names, in `count` processes. */
function shards(count, env = {}, filter = []) {
  return Array.from({ length: count }, (_, index) => ({
    args: ['--order', 'decl', '--shard-count', String(count), '--shard-index', String(index), ...filter],
    env,
  }));
}

/** Runs a Catch2 program, natively or (a .js file) in Node.js: a process for each job, all at once. */
async function runCatch(name, program, jobs = [{}]) {
  const started = performance.now();
  if (!existsSync(program)) {
    console.log(`${relative(root, program)} was not built: there are no sources for it`);
    return count(name, { passed: 0, failed: 1 }, started);
  }
  const inNode = program.endsWith('.js');
  const [command, first] = inNode ? [process.execPath, [program]] : [program, []];
  const runJob = async ({ args = [], env = {}, printsFailures = false }) => {
    const settings = { env: { ...sanitizerEnv, ...env } };
    const result = await run(command, [...first, '--reporter', 'XML', ...args], { ...settings, separate: true });
    const report = readCatchReport(result.stdout, result.code);
    if (report.failed > 0 && printsFailures) {
      console.log(`${result.stderr}${report.problem}`);
    } else if (report.failed > 0) {
      // The XML is for counting; a second run prints the failures for people.
      const again = await run(command, [...first, '--colour-mode', 'none', ...args], settings);
      console.log(again.code === 0 ? `${report.problem}\n${result.stdout.slice(-4000)}\n${result.stderr}` : again.output);
    }
    return report;
  };
  countAll(name, await Promise.all(jobs.map(runJob)), started);
}

/** Everything in a folder whose name matches, from the top of the repository. */
function listFiles(folder, pattern) {
  if (!existsSync(path(folder))) return [];
  return readdirSync(path(folder), { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((name) => pattern.test(name))
    .sort();
}

/** Runs what Node.js's own test runner finds in a folder. `parts`: how many processes at once share the files. `pattern`: of their names. */
async function runNode(name, folder, { parts = 4, env = {}, pattern = /\.test\.mjs$/ } = {}) {
  const started = performance.now();
  const files = listFiles(folder, pattern);
  if (files.length === 0) {
    console.log(`${folder} has no *.test.mjs`);
    return count(name, { passed: 0, failed: 1 }, started);
  }
  // Node.js itself runs one file after the other on two processors, and they wait more than they work.
  const shares = Array.from({ length: parts }, (_, part) => files.filter((_, index) => index % parts === part)).filter(({ length }) => length > 0);
  const runPart = async (part) => {
    // What a failed test leaves open would keep its file's process for ever.
    const { code, output } = await run(process.execPath, ['--test', '--test-force-exit', `--test-timeout=${mostSeconds * 500}`, '--test-reporter=tap', ...part], { env });
    const report = readTapReport(output, code);
    if (report.failed > 0) console.log(`${output}${report.problem}`);
    return report;
  };
  countAll(name, await Promise.all(shares.map(runPart)), started);
}

/** The seeds that a run covers: the one that was asked for, or `count` from --first on. */
function seedRange(count) {
  if (options.seed !== undefined) return { first: Number(options.seed), count: 1 };
  return { first: Number(options.first), count: Math.max(1, Math.round(count)) };
}

const seedEnv = ({ first, count }) => ({ MILLRACE_SIM_SEED: String(first), MILLRACE_SIM_SEEDS: String(count) });

const describeSeeds = ({ first, count }) => (count === 1 ? `seed ${first}` : `seeds ${first} to ${first + count - 1}`);

/** Jobs of the simulation program: the scenarios, and the random transfers with a part of the seeds for each processor. */
function simJobs(range) {
  const parts = Math.min(range.count, availableParallelism());
  const bound = (part) => range.first + Math.floor((range.count * part) / parts);
  const transfers = Array.from({ length: parts }, (_, part) => ({
    args: ['[seeds]'],
    env: seedEnv({ first: bound(part), count: bound(part + 1) - bound(part) }),
    printsFailures: true,
  }));
  return [...shards(catchParts, seedEnv(range), ['~[seeds]']), ...transfers];
}

const suites = {
  async unit() {
    await check('the layer check finds each kind of violation', () => [...selfTest(), ...selfTestWeb()]);
    await check('the layer rule holds in src/', () => checkTree(path('src')));
    await check('the layer rule holds in web/', () => checkWebTree(path('web')));
    await check('clang-format', () => {
      const files = ['src', 'wasm', 'tests'].flatMap((folder) => listFiles(folder, /\.(h|cpp)$/));
      return problemsOf('clang-format', ['--dry-run', '--Werror', ...files]);
    });
    await check('the Unicode tables are what their script writes', () => problemsOf(process.execPath, ['scripts/generate-unicode.mjs', '--check']));
    if (await build('dev')) {
      await runCatch('unit tests, native with sanitizers', path('build/dev/tests/millrace_unit_tests'), shards(catchParts));
    }
  },

  async sim() {
    const seeds = Number(options.seeds);
    const released = await build('release', 'millrace_sim');
    const sanitized = await build('dev');
    const program = path('build/release/tests/millrace_sim');
    const native = async () => {
      const range = seedRange(seeds);
      if (released) await runCatch(`simulations, native, ${describeSeeds(range)}`, program, simJobs(range));
    };
    const large = async () => {
      if (released && options.seed === undefined) await runCatch('simulations, native, 4 GiB', program, [{ args: ['[.large]'] }]);
    };
    const withSanitizers = async () => {
      // A twentieth of the seeds, and not many: they take many times longer. The optimised build keeps its assertions.
      const range = seedRange(Math.min(seeds / 20, mostSanitizedSeeds));
      const name = `simulations with sanitizers, ${describeSeeds(range)}`;
      if (sanitized) await runCatch(name, path('build/dev/tests/millrace_sim'), simJobs(range));
    };
    // A busy machine does not matter: time is virtual.
    await Promise.all([native(), large(), withSanitizers()]);
  },

  async wasm() {
    if (!(await build('wasm-release')) || !(await build('wasm-release', 'millrace_bench_crypto'))) return;
    await Promise.all([
      runCatch('unit tests, WebAssembly in Node.js', path('build/wasm-release/tests/millrace_unit_tests.js')),
      runCatch('simulations, WebAssembly in Node.js', path('build/wasm-release/tests/millrace_sim.js'), simJobs(seedRange(Number(options.seeds) / 10))),
    ]);
    await check('the package builds', () => problemsOf(process.execPath, ['scripts/build-web.mjs', '--no-types']));

    await runNode('Node.js tests', 'tests/node');
    await runNode('field cases in Node.js', 'tests/field');
  },

  async fuzz() {
    if (!(await build('fuzz'))) return;
    // The build folder may still hold a target whose source is gone.
    const targets = listFiles('tests/fuzz', /(^|\/)fuzz_\w+\.cpp$/).map((file) => file.replace(/^.*\/|\.cpp$/g, ''));
    if (targets.length === 0) {
      console.log('tests/fuzz has no fuzz_*.cpp');
      return count('fuzz targets', { passed: 0, failed: 1 }, performance.now());
    }
    const artifacts = path('build/fuzz/artifacts');
    mkdirSync(artifacts, { recursive: true });
    const limits = ['-timeout=10', '-rss_limit_mb=1024', `-artifact_prefix=${artifacts}/`];
    const queue = [...targets];
    const work = async () => {
      for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
        const program = path('build/fuzz/tests', target);
        const corpus = path('tests/fuzz/corpus', target.replace(/^fuzz_/, ''));
        const corpora = existsSync(corpus) ? [corpus] : [];
        if (corpora.length > 0) {
          await check(`${target}: replays its corpus`, () => problemsOf(program, ['-runs=0', ...limits, corpus], { env: sanitizerEnv }));
        }
        // What is found on the way goes to the first folder, so that the corpus in the repository stays as it is.
        const found = path('build/fuzz/found', target);
        mkdirSync(found, { recursive: true });
        const args = [`-max_total_time=${options['fuzz-seconds']}`, '-print_final_stats=1', ...limits, found, ...corpora];
        await check(`${target}: ${options['fuzz-seconds']} s`, () => problemsOf(program, args, { env: sanitizerEnv }));
      }
    };
    await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));
  },

  async coverage() {
    if (!(await build('coverage'))) return;
    const programs = ['millrace_unit_tests', 'millrace_sim'].map((name) => path('build/coverage/tests', name));
    const profiles = path('build/coverage/profiles');
    rmSync(profiles, { recursive: true, force: true });
    // One file of each process.
    const env = { ...seedEnv({ first: 1, count: coverageSeeds }), LLVM_PROFILE_FILE: join(profiles, '%p.profraw') };
    await Promise.all([
      runCatch('unit tests, counting lines', programs[0], shards(catchParts, env)),
      runCatch(`simulations, counting lines, seeds: ${coverageSeeds}`, programs[1], shards(catchParts, env)),
    ]);
    await check(`at least ${leastCoverage} % of the lines of src/ run`, async () => {
      const merged = path('build/coverage/millrace.profdata');
      const problems = await problemsOf('llvm-profdata', ['merge', '-sparse', '-o', merged, profiles]);
      if (problems.length > 0) return problems;
      const objects = programs.slice(1).flatMap((program) => ['-object', program]);
      const args = ['export', '-format=lcov', `-instr-profile=${merged}`, programs[0], ...objects, path('src')];
      const { code, stdout, stderr } = await run('llvm-cov', args, { separate: true });
      if (code !== 0) return [stderr];
      const files = readLcov(stdout, root);
      for (const line of describe(files, leastCoverage)) console.log(line);
      const { percent } = measure(files);
      return percent >= leastCoverage ? [] : [`${percent.toFixed(2)} % of the lines of src/ ran`];
    });
  },

  async types() {
    // typedoc.json makes errors of warnings: everything that is exported has a comment.
    const reference = check('the API reference', () => problemsOf(process.execPath, [path('node_modules/typedoc/bin/typedoc')]));
    const lint = check('eslint', () => problemsOf('npm', ['run', '--silent', 'lint']));
    const tsc = path('node_modules/@typescript/native/bin/tsc');
    for (const project of ['web', 'worker', 'node']) {
      await check(`tsc, ${project}`, () => problemsOf(process.execPath, [tsc, '-p', `tsconfig.${project}.json`]));
    }
    await check('the declarations of the package serve a user of it', async () => {
      const written = await problemsOf(process.execPath, [tsc, '-p', 'tsconfig.declarations.json']);
      return written.length > 0 ? written : problemsOf(process.execPath, [tsc, '-p', 'scripts/lib/tsconfig.consumer.json']);
    });
    await Promise.all([reference, lint]);
  },

  async package() {
    // The tests pack the package, which builds it.
    await runNode('the package, installed', 'tests/install', { parts: 2, env: options.all ? { MILLRACE_PACKAGE: 'all' } : {} });
  },

  async nat() {
    if (!(await build('wasm-release', 'millrace_package'))) return;
    const problems = await problemsOf(process.execPath, ['scripts/build-web.mjs', '--no-types']);
    if (problems.length > 0) return check('the package builds', () => problems);
    const only = options.all ? { env: { MILLRACE_NAT: 'all' } } : { pattern: /(?<!changes)\.test\.mjs$/ };
    await runNode('the NAT laboratory', 'tests/nat', { parts: 1, ...only });
  },

  async e2e() {
    if (!(await build('wasm-release', 'millrace_package')) || !(await build('release', 'millrace_link_emulator'))) return;
    const problems = await problemsOf(process.execPath, ['scripts/build-web.mjs', '--no-types']);
    if (problems.length > 0) return check('the package builds', () => problems);
    const file = join(reports, 'e2e.json');
    for (const [project, workers] of options.long ? [['long', 1]] : [['alone', 1], ['together', 2]]) {
      const started = performance.now();
      rmSync(file, { force: true });
      // Where only some files are asked for, they may have no test of this project.
      const some = options.only === undefined ? [] : [options.only, '--pass-with-no-tests'];
      const { code } = await run(
        process.execPath,
        [
          path('node_modules/@playwright/test/cli.js'), 'test', '-c', 'e2e/playwright.config.ts', '--reporter=list,json',
          `--project=${project}`, `--workers=${workers}`, ...some,
        ],
        { env: { PLAYWRIGHT_JSON_OUTPUT_NAME: file, FORCE_COLOR: '0' }, show: true },
      );
      if (code === timeLimitCode) console.log(`The browsers' tests did not end within ${mostSeconds} s.`);
      const json = existsSync(file) ? readFileSync(file, 'utf8') : '';
      if (code === 0 && options.only !== undefined && JSON.parse(json).suites.length === 0) continue;
      count(`end to end, ${project}`, readPlaywrightReport(json, code), started);
    }
  },
};

mkdirSync(reports, { recursive: true });
for (const name of positionals) {
  const before = total.passed + total.failed;
  console.log(`== ${name}`);
  try {
    await suites[name]();
  } catch (error) {
    console.log(error instanceof Error ? error.stack : String(error));
    count(`${name} itself`, { passed: 0, failed: 1 }, performance.now());
  }
  if (total.passed + total.failed === before) count(`${name} ran no test`, { passed: 0, failed: 1 }, performance.now());
}
writeFileSync(join(reports, 'total.json'), JSON.stringify(total) + '\n');
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;
