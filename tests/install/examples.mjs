// examples/ beside the installed package: each does what it is there to show.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { browser, project, root, run, withoutServers } from './installed.mjs';
import { installTools } from './tools.mjs';

await cp(join(root, 'examples'), join(project, 'examples'), { recursive: true });
const server = spawn(process.execPath, ['examples/serve.mjs', '0'], { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
after(() => server.kill());
const [line] = await once(server.stdout, 'data', { signal: AbortSignal.timeout(10_000) });
const site = String(line).trim();

/** Opens a page for the length of a test, which fails where the page throws. */
async function open(t, address, prepare) {
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  const thrown = [];
  page.on('pageerror', (error) => thrown.push(String(error)));
  t.after(async () => {
    await page.close();
    assert.deepEqual(thrown, []);
  });
  for (const script of [withoutServers, ...(prepare ? [prepare] : [])]) await page.addInitScript(script);
  await page.goto(new URL(address, site).href);
  return page;
}

/** Two pages that have one link. */
async function openBoth(t, address, prepare) {
  const first = await open(t, address, prepare);
  await first.waitForFunction(() => location.hash !== '');
  return [first, await open(t, first.url(), prepare)];
}

const content = 'nothing but text\n'.repeat(50_000);
const file = { name: 'text.txt', mimeType: 'text/plain', buffer: Buffer.from(content) };

async function choose(page) {
  await page.waitForSelector('input:enabled');
  await page.setInputFiles('input', file);
  await page.waitForFunction(() => document.querySelector('output').value.startsWith('Stored'));
}

/** The names and contents that a minimal page has links to. */
async function saved(page) {
  await page.waitForSelector('li a');
  return page.$$eval('li a', (links) => Promise.all(links.map(async ({ download, href }) => [download, await (await fetch(href)).text()])));
}

// They wait for connections more than they work.
describe('example', { concurrency: 2 }, () => {
  test('minimal: a file each way', async (t) => {
    const [a, b] = await openBoth(t, 'minimal/');
    for (const [from, to] of [[a, b], [b, a]]) {
      await choose(from);
      assert.deepEqual(await saved(to), [['text.txt', content]]);
    }
  });

  test('component: a file that is dropped on one is at the other', async (t) => {
    const page = await open(t, 'component/');
    await page.waitForSelector('#left[ready]');
    const received = page.evaluate(async () => {
      const { detail } = await new Promise((resolve) => document.querySelector('#right').addEventListener('received', resolve));
      return Promise.all(detail.files.map(async ({ name, blob }) => [name, await blob.text()]));
    });
    await page.evaluate(([name, text]) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([text], name));
      document.querySelector('#left').dispatchEvent(new DragEvent('drop', { dataTransfer, cancelable: true }));
    }, [file.name, content]);
    assert.deepEqual(await received, [['text.txt', content]]);
    await page.evaluate(() => document.querySelector('#left').remove());
    await page.waitForSelector('#right:not([ready])');
  });

  test('folder: a folder with what is in it', async (t) => {
    // The browser's own question cannot be answered from here; the folder is one of the page's private file system.
    const [receiver, sender] = await openBoth(t, 'folder/', () => {
      globalThis.showDirectoryPicker = async () => (await navigator.storage.getDirectory()).getDirectoryHandle('chosen', { create: true });
    });
    await sender.evaluate(async () => {
      const inner = await (await showDirectoryPicker()).getDirectoryHandle('inner', { create: true });
      for (const name of ['one', 'two']) {
        const stream = await (await inner.getFileHandle(name, { create: true })).createWritable();
        await stream.write(name.repeat(1000));
        await stream.close();
      }
    });
    await receiver.click('#receive:enabled');
    await sender.click('#send:enabled');
    await sender.waitForFunction(() => document.querySelector('output').value === '2 files are stored at the other side, and checked.');
    const found = await receiver.evaluate(async () => {
      const sent = await (await showDirectoryPicker()).getDirectoryHandle('chosen');
      const inner = await sent.getDirectoryHandle('inner');
      return Promise.all(['one', 'two'].map(async (name) => (await (await inner.getFileHandle(name)).getFile()).text()));
    });
    assert.deepEqual(found, ['one'.repeat(1000), 'two'.repeat(1000)]);
  });

  test('own-connection: 20 MB over four channels', async (t) => {
    const page = await open(t, 'own-connection/');
    await page.click('button');
    await page.waitForFunction(() => document.querySelector('output').value !== '');
    assert.match(await page.$eval('output', ({ value }) => value), /^20000000 bytes, [\d.]+ .B\/s, quality (\d+|not known yet)$/);
  });

  test('chat: what one says, all others hear', async (t) => {
    const [first, second] = await openBoth(t, 'chat/');
    const pages = [first, second, await open(t, first.url())];
    for (const page of pages) await page.waitForFunction(() => document.querySelector('output').value.split(', ').length === 3);
    await second.fill('input', 'Hello, all');
    await second.press('input', 'Enter');
    const said = await Promise.all(pages.map(async (page) => (await page.waitForSelector('li')).textContent()));
    assert.match(said[0], /^guest-[0-9a-f]{4}: Hello, all$/);
    assert.deepEqual(said, [said[0], said[0], said[0]]);
  });

  test('node: a program sends to the minimal page, and one receives from it', async (t) => {
    const folder = await mkdtemp(join(project, 'node-'));
    await writeFile(join(folder, 'text.txt'), content);
    const preload = join(root, 'tests/install/without_servers.mjs');
    const program = (page, name, path) =>
      run(process.execPath, ['--import', preload, `examples/node/${name}.mjs`, page.url(), path], { cwd: project, timeout: 30_000 });
    const [receiving, sending] = [await open(t, 'minimal/'), await open(t, 'minimal/')];
    for (const page of [receiving, sending]) await page.waitForFunction(() => location.hash !== '');

    const sent = await program(receiving, 'send', join(folder, 'text.txt'));
    assert.deepEqual(await saved(receiving), [['text.txt', content]]);

    const into = await mkdtemp(join(folder, 'into-'));
    const [received] = await Promise.all([program(sending, 'receive', into), choose(sending)]);
    assert.equal(await readFile(join(into, 'text.txt'), 'utf8'), content);
    assert.equal(received.stdout.replace('received', 'sent'), sent.stdout);
  });

  test('node: werift, another WebRTC stack, sends to itself and to the minimal page', async (t) => {
    const stack = join(await installTools('stacks'), 'werift/lib/index.mjs');
    await copyFile(join(root, 'tests/install/stack.mjs'), join(project, 'stack.mjs'));
    const program = (...args) => run(process.execPath, ['stack.mjs', stack, ...args], { cwd: project, timeout: 60_000 });
    const { stdout } = await program();
    assert.match(stdout, /^verified [0-9a-f]{64}\n$/);
    const page = await open(t, 'minimal/');
    await page.waitForFunction(() => location.hash !== '');
    assert.equal((await program(page.url())).stdout, stdout);
    assert.deepEqual((await saved(page)).map(([name, text]) => [name, text.length > 0]), [['numbers.bin', true]]);
  });
});
