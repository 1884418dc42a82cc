// The first page of the README, made from its text, served by the installed package as the README says.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { browser, project } from './installed.mjs';

const readme = await readFile(join(project, 'node_modules/millrace/README.md'), 'utf8');
/** The first block of code in that language. */
const block = (language) => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(readme)[1];

test('README: the page sends a file to a second window and receives one', async (t) => {
  const folder = join(project, 'hello');
  await mkdir(folder);
  await writeFile(join(folder, 'index.html'), block('html'));
  await writeFile(join(folder, 'hello.js'), block('js'));
  const server = spawn(process.execPath, [join(project, 'node_modules/millrace/dist/server.js')], {
    env: { ...process.env, PAGES: folder, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => server.kill());
  const [line] = await once(server.stdout, 'data', { signal: AbortSignal.timeout(10_000) });
  const site = /http:\S+/.exec(String(line))[0];

  const context = await browser.newContext();
  t.after(() => context.close());
  context.setDefaultTimeout(30_000);
  const first = await context.newPage();
  await first.goto(new URL('pages/', site).href);
  const [second] = await Promise.all([context.waitForEvent('page'), first.click('a')]);
  for (const [from, to] of [[first, second], [second, first]]) {
    await from.waitForSelector('input:enabled');
    await from.setInputFiles('input', { name: 'text.txt', mimeType: 'text/plain', buffer: Buffer.from('a line\n'.repeat(100_000)) });
    const says = (page, word) => page.waitForFunction((begin) => document.querySelector('output').value.startsWith(begin), word);
    await Promise.all([says(from, 'Sent text.txt, hash '), says(to, 'Received text.txt, 700000 bytes, hash ')]);
    const [sent, received] = await Promise.all([from, to].map((page) => page.$eval('output', ({ value }) => value.slice(-64))));
    assert.match(sent, /^[0-9a-f]{64}$/);
    assert.equal(sent, received);
  }
});
