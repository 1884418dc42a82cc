// Builds dist/: the package, its worker and its core, the demo page and the demo's server.
//
//   node scripts/build-web.mjs [--no-types | --server]
//
// `--server`: the server only, which needs no core.
// The core has to be there (cmake --build --preset wasm-release); the scripts that call this one see to that.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build, transform } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const core = join(root, 'build/wasm-release/wasm');
const run = promisify(execFile);

const shared = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  sourcemap: true,
  legalComments: 'none',
  logLevel: 'warning',
  absWorkingDir: root,
};

/** Modules of web/ that are one file of dist/, whoever imports them: the engine, and what the terminal's program takes of the package. */
const filesOfTheirOwn = { 'engine/engine.ts': './engine.js', 'index.ts': './millrace.js', 'signaling.ts': './signaling.js' };

const beside = {
  name: 'beside',
  setup({ onResolve }) {
    onResolve({ filter: /^\.{1,2}\/.*\b(engine|index|signaling)\.js$/ }, ({ kind, path, resolveDir }) => {
      const module = relative(join(root, 'web'), join(resolveDir, path)).replaceAll('\\', '/').replace(/js$/, 'ts');
      const file = kind === 'entry-point' ? undefined : filesOfTheirOwn[module];
      return file === undefined ? undefined : { path: file, external: true };
    });
  },
};

/**
 * The package. The worker, the engine, the core, the words and the MQTT client stay files of their own: they are found beside
 * the one that needs them.
 */
function buildPackage() {
  return build({
    ...shared,
    entryPoints: {
      millrace: 'web/index.ts',
      signaling: 'web/signaling.ts',
      parts: 'web/parts.ts',
      mesh: 'web/mesh.ts',
      sodium: 'web/sodium.ts',
      words: 'web/secrets/words.ts',
      mqtt_client: 'web/signaling/mqtt_client.ts',
      engine: 'web/engine/engine.ts',
      worker: 'web/engine/worker.ts',
    },
    plugins: [beside],
    outdir: 'dist',
    platform: 'browser',
    // The MQTT client contains AMD modules. Bundlers of a page would look for the packages that these name.
    define: { define: 'undefined' },
    external: ['./millrace_core.js', './millrace_parts.js', './millrace_mesh.js', './millrace_sodium.js', './words.js', './worker.js', './mqtt_client.js'],
  });
}

/** What a page needs only later stays files of its own: charts, QR codes, downloads with the ZIP writer, and their service worker. */
function buildDemo() {
  const later = ['charts', 'qr', 'downloads'];
  return build({
    ...shared,
    entryPoints: {
      ...Object.fromEntries(['demo', ...later].map((name) => [name, `web/site/${name}.ts`])),
      downloadWorker: 'web/site/download_worker.ts',
    },
    outdir: 'dist/demo',
    platform: 'browser',
    external: later.map((name) => `./${name}.js`),
  });
}

/** Programs for Node.js, each in one file, so that dist/ can be carried elsewhere without node_modules. */
function buildPrograms(entryPoints) {
  return build({
    ...shared,
    entryPoints,
    outdir: 'dist',
    platform: 'node',
    target: 'node20',
    plugins: [beside],
    // Optional native helpers of `ws`, which it looks for and does without.
    external: ['bufferutil', 'utf-8-validate'],
    // `ws` is CommonJS and asks for Node.js modules by require().
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
}

const server = { server: 'web/server/main.ts' };

/** Writes only what changed, so that a second run leaves the files and their times alone. */
async function write(wanted, to) {
  const present = existsSync(to) ? await readFile(to) : undefined;
  if (present?.equals(Buffer.from(wanted))) return;
  await mkdir(dirname(to), { recursive: true });
  await writeFile(to, wanted);
}

const copy = async (from, to) => write(await readFile(from), to);

async function copyCore() {
  const files = ['millrace_core', 'millrace_parts', 'millrace_mesh', 'millrace_sodium'].flatMap((name) => [`${name}.js`, `${name}.wasm`]);
  for (const file of files) {
    const from = join(core, file);
    if (!existsSync(from)) throw new Error(`${from} is missing: cmake --preset wasm-release && cmake --build --preset wasm-release`);
    // Emscripten's optimiser leaves local names and spaces in its JavaScript.
    const { minify, target, format } = shared;
    const wanted = file.endsWith('.js') ? (await transform(await readFile(from), { minify, target, format })).code : await readFile(from);
    await write(wanted, join(dist, file));
  }
}

async function copyDemoFiles() {
  for (const entry of await readdir(join(root, 'web/site'), { withFileTypes: true })) {
    if (entry.isFile() && !entry.name.endsWith('.ts')) {
      await copy(join(root, 'web/site', entry.name), join(dist, 'demo', entry.name));
    }
  }
}

/** The worker exports nothing; bundlers that know it by its public name want a declaration all the same. */
const workerDeclaration = '/** The worker of an engine: see `ConnectOptions.createWorker`. */\nexport {};\n';

/** What `require()` gets where it cannot load ES modules: Node.js before 20.19, and Jest without its option for them. */
const explanation = [
  'millrace is an ES module. In CommonJS write: const millrace = await import(\'millrace\')',
  'In Jest: node --experimental-vm-modules node_modules/jest/bin/jest.js, with import in the tests (docs/guide.md, "Install")',
].join('\n');
const explainRequire = `throw Object.assign(new Error(${JSON.stringify(explanation)}), { code: 'ERR_REQUIRE_ESM' });\n`;

const requireDeclaration = '/** `require()` throws where it cannot load ES modules, and says how to import this package. */\nexport {};\n';

async function writeDeclarations() {
  try {
    await run(process.execPath, [join(root, 'node_modules/@typescript/native/bin/tsc'), '-p', 'tsconfig.declarations.json'], { cwd: root });
  } catch (error) {
    throw new Error(`tsc -p tsconfig.declarations.json:\n${error.stdout ?? error.message}`, { cause: error });
  }
}

try {
  await mkdir(dist, { recursive: true });
  const all = () => [buildPackage(), buildDemo(), buildPrograms({ ...server, cli: 'web/cli/main.ts' }), copyCore(), copyDemoFiles()];
  const onlyServer = process.argv.includes('--server');
  const steps = onlyServer ? [buildPrograms(server)] : all();
  if (!onlyServer && !process.argv.includes('--no-types')) steps.push(writeDeclarations());
  await Promise.all(steps);
  // dist/ is served and imported on its own: its .js files are ES modules wherever it lies. Bundlers read this file instead of the
  // package's, and leave out what a page does not use.
  await writeFile(join(dist, 'package.json'), '{ "type": "module", "sideEffects": ["./worker.js"] }\n');
  await write(explainRequire, join(dist, 'require.cjs'));
  await write(requireDeclaration, join(dist, 'require.d.cts'));
  await write(workerDeclaration, join(dist, 'worker.d.ts'));
} catch (error) {
  process.stderr.write(`build-web: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
