// The installed package, used as README and guide say.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser, packed, project, root, run, tarball } from './installed.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const bin = (name) => join(root, 'node_modules/.bin', name);

await copyFile(here('page.js'), join(project, 'page.js'));

const types = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** Serves a folder of the project and opens its page; answers what the page came to. */
async function openPage(folder, html) {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, 'http://x').pathname);
    const content = path === '/' ? Promise.resolve(html) : readFile(join(folder, path));
    content.then(
      (body) => response.writeHead(200, { 'content-type': types[extname(path) || '.html'] ?? 'application/octet-stream' }).end(body),
      () => response.writeHead(404).end(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const page = await browser.newPage();
  try {
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    return await (await page.waitForFunction(() => globalThis.result, undefined, { timeout: 30_000 })).jsonValue();
  } finally {
    await page.close();
    server.close();
  }
}

const moved = { same: true, worker: true, name: 'sevens.bin' };

test('the tarball holds what the manifest names, and no sources', async () => {
  const installed = join(project, 'node_modules/millrace');
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  const names = new Set(packed.files.map(({ path }) => path));
  const targets = Object.values(manifest.exports).flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target)));
  for (const target of [...targets, ...Object.values(manifest.bin)]) assert.ok(names.has(target.replace(/^\.\//, '')), target);
  for (const name of ['millrace', 'engine', 'worker', 'parts', 'signaling', 'sodium']) {
    assert.ok(names.has(`dist/${name}.js`) && names.has(`dist/${name}.js.map`), name);
  }
  for (const name of names) assert.match(name, /^(dist\/|docs\/|examples\/|(src|web)\/[^/]*\.md$|scripts\/millrace\.service$|package\.json$|[A-Z]+\.md$)/);
  assert.deepEqual([manifest.dependencies, manifest.sideEffects, manifest.type], [undefined, false, 'module']);
  for (const hook of ['preinstall', 'install', 'postinstall']) assert.equal(manifest.scripts?.[hook], undefined);
});

test('publint has nothing to say', async () => {
  const { stdout } = await run(bin('publint'), ['run', tarball, '--strict']);
  assert.match(stdout, /All good/);
});

test('the types are what the exports say they are', async () => {
  await run(bin('attw'), [tarball, '--profile', 'esm-only', '--no-emoji']);
});

test('a plain page', async () => {
  const dist = '/node_modules/millrace/dist';
  const imports = { millrace: `${dist}/millrace.js`, 'millrace/signaling': `${dist}/signaling.js` };
  const html = `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script><script type="module" src="/page.js"></script>`;
  assert.deepEqual(await openPage(project, html), moved);
});

test('bundled by esbuild', async () => {
  const out = join(project, 'esbuild');
  const installed = join(project, 'node_modules/millrace/dist');
  const { stderr } = await run(
    bin('esbuild'),
    ['page.js', `worker=${join(installed, 'worker.js')}`, '--bundle', '--splitting', '--format=esm', `--outdir=${out}`, '--log-level=warning'],
    { cwd: project },
  );
  assert.equal(stderr, '');
  await copyFile(join(installed, 'millrace_core.wasm'), join(out, 'millrace_core.wasm'));
  assert.deepEqual(await openPage(out, '<!doctype html><script type="module" src="/page.js"></script>'), moved);
});

test('bundled by Vite', async () => {
  const folder = join(project, 'vite');
  await mkdir(folder);
  await copyFile(join(project, 'page.js'), join(folder, 'page.js'));
  await writeFile(join(folder, 'index.html'), '<!doctype html><script type="module" src="./page.js"></script>\n');
  await writeFile(join(folder, 'vite.config.js'), "export default { worker: { format: 'es' }, optimizeDeps: { exclude: ['millrace'] } };\n");
  await run(bin('vite'), ['build', '--logLevel', 'warn'], { cwd: folder });
  const out = join(folder, 'dist');
  assert.ok((await readdir(join(out, 'assets'))).some((name) => name.endsWith('.wasm')));
  assert.deepEqual(await openPage(out, await readFile(join(out, 'index.html'))), moved);
});

test('Node.js: the entry points, and a transfer over @roamhq/wrtc', async () => {
  await copyFile(here('node.mjs'), join(project, 'node.mjs'));
  const { stdout } = await run(process.execPath, ['node.mjs'], { cwd: project, timeout: 30_000 });
  assert.match(stdout, /^verified [0-9a-f]{64}\n$/);
});

test('the program says how it is called', async () => {
  const program = join(project, 'node_modules/.bin/millrace');
  const { stdout } = await run(program, ['--help']);
  assert.match(stdout, /^Usage:\n {2}millrace send /);
  assert.match((await run(program, ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  for (const args of [[], ['send'], ['receive'], ['sing'], ['send', 'file'], ['receive', '--server', 'ftp://x', '7-a-b'], ['receive', 'http://x/#room=r']]) {
    await assert.rejects(run(program, args, { env: { PATH: process.env.PATH } }), { code: 2 }, args.join(' '));
  }
});
