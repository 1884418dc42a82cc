// A page with the installed package as each bundler makes it: page.js sends a file in a real browser, with the engine in a worker.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { project, root, run } from './installed.mjs';
import { moved, resultOf, serve } from './pages.mjs';
import { installTools } from './tools.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);
const dist = join(project, 'node_modules/millrace/dist');
const pageFile = fileURLToPath(new URL('page.js', import.meta.url));
const modulePage = '<!doctype html><script type="module" src="/page.js"></script>';

await copyFile(pageFile, join(project, 'page.js'));

/** A folder of the project with page.js in it. */
async function folderOf(name) {
  const folder = join(project, name);
  await mkdir(folder);
  await copyFile(pageFile, join(folder, 'page.js'));
  return folder;
}

const importMap = (at, text = '') => {
  const imports = { millrace: `${at}/millrace.js`, 'millrace/signaling': `${at}/signaling.js` };
  return `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script>${text}<script type="module" src="/page.js"></script>`;
};

test('a plain page', async (t) => {
  assert.deepEqual(await resultOf(await serve(t, project, importMap('/node_modules/millrace/dist'))), moved);
});

test('a plain page that imports the package from another origin', async (t) => {
  const cdn = await serve(t, dist, '', { 'access-control-allow-origin': '*' });
  assert.deepEqual(await resultOf(await serve(t, project, importMap(cdn.slice(0, -1)))), moved);
});

test('`assets`: the files of the engine come from another folder', async (t) => {
  // Only the scripts that a page imports are here, as where a bundler leaves the others out.
  const folder = await folderOf('assets');
  for (const name of ['millrace.js', 'signaling.js', 'engine.js']) await copyFile(join(dist, name), join(folder, name));
  const cdn = await serve(t, dist, '', { 'access-control-allow-origin': '*' });
  const address = await serve(t, folder, importMap('', `<script>options = { assets: ${JSON.stringify(cdn)} }</script>`));
  assert.deepEqual(await resultOf(address), moved);
});

test('Trusted Types: the engine stays in the window and says why, or `createWorker` makes a worker', async (t) => {
  const headers = { 'content-security-policy': "require-trusted-types-for 'script'; trusted-types own" };
  const at = '/node_modules/millrace/dist';
  const alone = await resultOf(await serve(t, project, importMap(at), headers));
  const { fallback, logged, ...rest } = alone;
  assert.deepEqual(rest, { same: true, worker: false, name: 'sevens.bin' });
  assert.match(fallback, /TrustedScriptURL/);
  assert.match(logged, /^warning: the engine runs in the window, not in a worker: .*TrustedScriptURL/);
  const own = `<script>
    const policy = trustedTypes.createPolicy('own', { createScriptURL: (url) => url });
    options = { createWorker: () => new Worker(policy.createScriptURL('${at}/worker.js'), { type: 'module' }) };
  </script>`;
  assert.deepEqual(await resultOf(await serve(t, project, importMap(at, own), headers)), moved);
});

test('a service worker that is a module uses millrace/sodium', async (t) => {
  const folder = await folderOf('service-worker');
  const script = `import sodium from '/sodium.js';
    import '/millrace.js'; import '/parts.js'; import '/signaling.js'; import '/mesh.js';
    addEventListener('message', async ({ source }) => {
      await sodium.ready;
      source.postMessage(sodium.to_hex(sodium.crypto_generichash(16, 'a')));
    });`;
  const files = ['millrace', 'engine', 'parts', 'signaling', 'mesh', 'sodium', 'millrace_sodium'].map((name) => `${name}.js`);
  for (const name of [...files, 'millrace_sodium.wasm']) await copyFile(join(dist, name), join(folder, name));
  await writeFile(join(folder, 'service.js'), script);
  const html = `<script type="module">
    await navigator.serviceWorker.register('/service.js', { type: 'module' });
    const { active } = await navigator.serviceWorker.ready;
    navigator.serviceWorker.onmessage = ({ data }) => (globalThis.result = data);
    active.postMessage('hash');
  </script>`;
  assert.match(await resultOf(await serve(t, folder, html)), /^[0-9a-f]{32}$/);
});

test('esbuild', async (t) => {
  const out = join(project, 'esbuild');
  const { stderr } = await run(
    bin('esbuild'),
    ['page.js', 'worker=millrace/worker', '--bundle', '--splitting', '--format=esm', `--outdir=${out}`, '--log-level=warning'],
    { cwd: project },
  );
  assert.equal(stderr, '');
  await copyFile(join(dist, 'millrace_core.wasm'), join(out, 'millrace_core.wasm'));
  assert.deepEqual(await resultOf(await serve(t, out, modulePage)), moved);
});

test('esbuild, CommonJS for Node.js: imports that nothing uses cost nothing', async () => {
  for (const [name, exports] of [['millrace/sodium', 'sodium'], ['millrace/parts', '{ ChunkSizer }'], ['millrace', '{ connect }']]) {
    await writeFile(join(project, 'unused.js'), `import ${exports} from '${name}'; console.log('ran');`);
    await run(bin('esbuild'), ['unused.js', '--bundle', '--platform=node', '--format=cjs', '--outfile=unused.cjs', '--log-level=error'], { cwd: project });
    assert.equal((await run(process.execPath, ['unused.cjs'], { cwd: project })).stdout, 'ran\n', name);
    assert.ok((await readFile(join(project, 'unused.cjs'))).length < 1_000, name);
  }
});

const viteConfig = "export default { worker: { format: 'es' }, optimizeDeps: { exclude: ['millrace'] } };\n";

async function viteFolder(name) {
  const folder = await folderOf(name);
  await writeFile(join(folder, 'index.html'), '<!doctype html><script type="module" src="./page.js"></script>\n');
  await writeFile(join(folder, 'vite.config.js'), viteConfig);
  return folder;
}

test('Vite, build', async (t) => {
  const folder = await viteFolder('vite');
  await run(bin('vite'), ['build', '--logLevel', 'warn'], { cwd: folder });
  const out = join(folder, 'dist');
  assert.ok((await readdir(join(out, 'assets'))).some((name) => name.endsWith('.wasm')));
  assert.deepEqual(await resultOf(await serve(t, out, await readFile(join(out, 'index.html')))), moved);
});

test('Vite, development server', async (t) => {
  const folder = await viteFolder('vite-dev');
  const server = spawn(process.execPath, [bin('vite'), '--port', '0', '--host', '127.0.0.1'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill());
  let said = '';
  for await (const chunk of server.stdout) {
    // Colours stand within the address.
    // eslint-disable-next-line no-control-regex -- they begin with a control character.
    said += String(chunk).replace(/\u001b\[[\d;]*m/g, '');
    if (/http:\/\/127\.0\.0\.1:\d+\//.test(said)) break;
  }
  assert.deepEqual(await resultOf(/http:\/\/127\.0\.0\.1:\d+\//.exec(said)[0]), moved);
});

test('webpack', async (t) => {
  const tools = await installTools('bundlers');
  const { default: webpack } = await import(join(tools, 'webpack/lib/index.js'));
  const out = join(project, 'webpack');
  const stats = await new Promise((resolve, reject) => {
    const output = { path: out, filename: 'page.js' };
    webpack({ mode: 'production', context: project, entry: './page.js', output }, (error, result) => (error ? reject(error) : resolve(result)));
  });
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
  // Its advice about the size of a bundle is none of ours.
  assert.deepEqual([...errors, ...warnings.filter(({ message }) => !/size limit|code splitting/i.test(message))], []);
  assert.deepEqual(await resultOf(await serve(t, out, '<!doctype html><script src="/page.js"></script>')), moved);
});

test('Rollup', async (t) => {
  const tools = await installTools('bundlers');
  const folder = await folderOf('rollup');
  await symlink(tools, join(folder, 'node_modules'));
  const config = `import resolve from '@rollup/plugin-node-resolve';
    export default {
      input: { page: 'page.js', worker: ${JSON.stringify(join(dist, 'worker.js'))} },
      output: { dir: 'out' },
      plugins: [resolve({ modulePaths: [${JSON.stringify(join(project, 'node_modules'))}], browser: true })],
    };`;
  await writeFile(join(folder, 'rollup.config.mjs'), config);
  const { stderr } = await run(process.execPath, [join(tools, 'rollup/dist/bin/rollup'), '--config', '--silent'], { cwd: folder });
  assert.equal(stderr, '');
  await copyFile(join(dist, 'millrace_core.wasm'), join(folder, 'out/millrace_core.wasm'));
  assert.deepEqual(await resultOf(await serve(t, join(folder, 'out'), modulePage)), moved);
});
