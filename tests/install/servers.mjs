// Server-side rendering and test runners, which take long to install: with `scripts/test.sh package --all`.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { project, run } from './installed.mjs';
import { moved, resultOf } from './pages.mjs';
import { installTools } from './tools.mjs';

/** A project beside the tools, since some bundlers do not follow links out of their root. */
async function projectWith(t, files) {
  const tools = await installTools('servers');
  const folder = await mkdtemp(join(tools, '../project-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await cp(join(project, 'node_modules/millrace'), join(folder, 'node_modules/millrace'), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return { tools, folder };
}

test('Next.js: a page of the App Router sends a file, and its server imports every entry point', { timeout: 600_000 }, async (t) => {
  const { tools, folder } = await projectWith(t, {
    'next.config.mjs': "import { join } from 'node:path';\nexport default { turbopack: { root: join(import.meta.dirname, '..') } };\n",
    'app/layout.js': 'export default function Layout({ children }) { return <html><body>{children}</body></html>; }\n',
    'app/page.js': `import { formatBytes } from 'millrace/parts';
      import sodium from 'millrace/sodium';
      import { createMesh } from 'millrace/mesh';
      import { Client } from './client.js';
      export const dynamic = 'force-dynamic';
      export default function Page() {
        return <><p id="server">{[formatBytes(1500), typeof sodium.ready.then, typeof createMesh].join()}</p><Client /></>;
      }\n`,
    'app/client.js': `'use client';
      import { useEffect } from 'react';
      import { joinRoom } from 'millrace';
      import { mqttSignaling } from 'millrace/signaling';
      export function Client() {
        useEffect(() => void import('./transfer.js'), []);
        return <p>{typeof joinRoom} {typeof mqttSignaling}</p>;
      }\n`,
  });
  await copyFile(fileURLToPath(new URL('page.js', import.meta.url)), join(folder, 'app/transfer.js'));
  const next = join(tools, 'next/dist/bin/next');
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', CI: '1' };
  await run(process.execPath, [next, 'build'], { cwd: folder, env, maxBuffer: 1 << 24 });
  const server = spawn(process.execPath, [next, 'start', '--port', '0', '--hostname', '127.0.0.1'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill());
  let said = '';
  for await (const chunk of server.stdout) {
    said += String(chunk);
    if (/http:\/\/127\.0\.0\.1:\d+/.test(said)) break;
  }
  const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
  assert.match(await (await fetch(address)).text(), /1\.5 kB,function,function/);
  assert.deepEqual(await resultOf(address), moved);
});

const unitTest = `
  test('import does nothing, and formatting works', async () => {
    const entries = await Promise.all([import('millrace'), import('millrace/signaling'), import('millrace/mesh'), import('millrace/sodium')]);
    expect(entries.length).toBe(4);
    const { ChunkSizer, formatBytes, ready } = await import('millrace/parts');
    expect(formatBytes(1500)).toBe('1.5 kB');
    await ready;
    expect(new ChunkSizer().chunkSize).toBe(65536);
  });`;

test('Vitest, in Node.js and in jsdom', async (t) => {
  const { tools, folder } = await projectWith(t, {
    'node.test.js': `import { expect, test } from 'vitest';${unitTest}`,
    'page.test.js': `// @vitest-environment jsdom\nimport { expect, test } from 'vitest';${unitTest}`,
    'package.json': '{ "type": "module" }',
  });
  const { stdout } = await run(process.execPath, [join(tools, 'vitest/vitest.mjs'), 'run'], { cwd: folder, env: { ...process.env, NO_COLOR: '1' } });
  assert.match(stdout, /Tests +2 passed \(2\)/);
});

test('Jest: with its mode for ES modules in Node.js and in jsdom; without it, `require` says what to do', async (t) => {
  const { tools, folder } = await projectWith(t, {
    'node.test.js': unitTest,
    'page.test.js': `/** @jest-environment jsdom */${unitTest}`,
    'package.json': '{ "type": "module", "jest": { "transform": {} } }',
    'old.test.cjs': "test('require', () => { expect(() => require('millrace')).toThrow(/await import\\('millrace'\\)/); });",
  });
  const jest = (flags, ...patterns) => run(process.execPath, [...flags, join(tools, 'jest/bin/jest.js'), ...patterns], { cwd: folder, env: { ...process.env, NO_COLOR: '1' } });
  const { stderr } = await jest(['--experimental-vm-modules'], 'node.test.js', 'page.test.js');
  assert.match(stderr, /Tests: +2 passed, 2 total/);
  const old = await jest([], '--testMatch', '**/*.test.cjs');
  assert.match(old.stderr, /Tests: +1 passed, 1 total/);
});
