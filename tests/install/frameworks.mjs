// The examples for React and Vue, bundled as the guide says, at the package's own server.
import assert from 'node:assert/strict';
import { copyFile, cp, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { project, root, run } from './installed.mjs';
import { openContext, servePages } from './own_server.mjs';
import { installTools } from './tools.mjs';

const dist = join(project, 'node_modules/millrace/dist');
/** Mounts in one task, one after the other, all have to connect. */
const rounds = process.env.MILLRACE_PACKAGE === 'all' ? 50 : 10;

/** Bundles an entry point of an example and serves it; gives the address of its page. */
async function serveExample(t, name, entry) {
  const tools = await installTools('bundlers');
  const folder = await mkdtemp(join(project, `${name}-`));
  await cp(join(root, 'examples', name), folder, { recursive: true });
  await symlink(tools, join(folder, 'node_modules'));
  if (entry.text) await writeFile(join(folder, entry.file), entry.text);
  const out = join(folder, 'out');
  const esbuild = join(root, 'node_modules/.bin/esbuild');
  const defines = ['--define:process.env.NODE_ENV="development"', '--define:__VUE_OPTIONS_API__=true', '--define:__VUE_PROD_DEVTOOLS__=false'];
  const options = ['--bundle', '--splitting', '--format=esm', '--jsx=automatic', '--log-level=warning', `--outdir=${out}`];
  await run(esbuild, [`main=${entry.file}`, `worker=${join(dist, 'worker.js')}`, ...options, ...defines], { cwd: folder });
  await copyFile(join(dist, 'millrace_core.wasm'), join(out, 'millrace_core.wasm'));
  await copyFile(join(folder, 'index.html'), join(out, 'index.html'));
  return servePages(t, out);
}

for (const [name, file] of [['react', 'main.jsx'], ['vue', 'main.js']]) {
  test(`example ${name}: a file for the window that opens the link`, async (t) => {
    const address = await serveExample(t, name, { file });
    const context = await openContext(t, { timeoutMs: 60_000 });
    const first = await context.newPage();
    await first.goto(address);
    const [second] = await Promise.all([context.waitForEvent('page'), first.click('a')]);
    for (const page of [first, second]) await page.waitForSelector('input:enabled');
    await first.setInputFiles('input', { name: 'text.txt', mimeType: 'text/plain', buffer: Buffer.from('a line\n'.repeat(100_000)) });
    const link = await second.waitForSelector('li a');
    assert.equal(await link.getAttribute('download'), 'text.txt');
    // The sender says so when both sides have the same hash.
    await first.waitForFunction(() => document.querySelector('output').textContent === 'Stored at the other side, and checked.');
  });
}

test(`useRoom in StrictMode: mounted, unmounted and mounted in one task, it connects ${rounds} of ${rounds} times`, async (t) => {
  const text = `
    import { StrictMode } from 'react';
    import { createRoot } from 'react-dom/client';
    import { useRoom } from './useRoom.js';

    let state;
    function Member({ invite }) {
      const view = useRoom('/signal', invite);
      state = { invite: view.room?.invite, state: view.state, error: view.error?.message };
      return null;
    }
    let app;
    globalThis.mount = (invite) => {
      state = undefined;
      app = createRoot(document.createElement('div'));
      app.render(<StrictMode><Member invite={invite} /></StrictMode>);
    };
    globalThis.unmount = () => app.unmount();
    globalThis.stateOf = () => state;
  `;
  const address = await serveExample(t, 'react', { file: 'strict.jsx', text });
  const context = await openContext(t, { timeoutMs: 60_000 });
  const [one, two] = await Promise.all([0, 1].map(() => context.newPage()));
  for (const page of [one, two]) {
    await page.goto(address);
    await page.waitForFunction(() => globalThis.mount);
  }
  const connected = (page) => page.waitForFunction(() => globalThis.stateOf()?.state === 'connected');
  for (let round = 0; round < rounds; round += 1) {
    await one.evaluate(() => globalThis.mount());
    const invite = await (await one.waitForFunction(() => globalThis.stateOf()?.invite)).jsonValue();
    await two.evaluate((invitation) => globalThis.mount(invitation), invite);
    await Promise.all([one, two].map(connected));
    for (const page of [one, two]) await page.evaluate(() => globalThis.unmount());
  }
});
