// The installed package, used as README and guide say.
import assert from 'node:assert/strict';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { packed, project, root, run, tarball } from './installed.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const bin = (name) => join(root, 'node_modules/.bin', name);

test('the tarball holds what the manifest names, and no sources', async () => {
  const installed = join(project, 'node_modules/millrace');
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  const names = new Set(packed.files.map(({ path }) => path));
  const filesOf = (target) => (typeof target === 'string' ? [target] : Object.values(target).flatMap(filesOf));
  const targets = filesOf(manifest.exports);
  for (const target of [...targets, ...Object.values(manifest.bin)]) assert.ok(names.has(target.replace(/^\.\//, '')), target);
  for (const name of ['millrace', 'engine', 'worker', 'parts', 'signaling', 'sodium']) {
    assert.ok(names.has(`dist/${name}.js`) && names.has(`dist/${name}.js.map`), name);
  }
  for (const name of names) assert.match(name, /^(dist\/|docs\/|examples\/|(src|web)\/[^/]*\.md$|scripts\/millrace\.service$|package\.json$|[A-Z]+\.md$)/);
  assert.deepEqual([manifest.dependencies, manifest.type], [undefined, 'module']);
  for (const hook of ['preinstall', 'install', 'postinstall']) assert.equal(manifest.scripts?.[hook], undefined);
});

test('publint has nothing to say', async () => {
  const { stdout } = await run(bin('publint'), ['run', tarball, '--strict']);
  assert.match(stdout, /All good/);
});

test('the types are what the exports say they are', async () => {
  await run(bin('attw'), [tarball, '--profile', 'esm-only', '--no-emoji']);
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
