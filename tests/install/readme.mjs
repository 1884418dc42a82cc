// The first page of the README, made from its text, served by the installed package as the README says.
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { project } from './installed.mjs';
import { openContext, servePages } from './own_server.mjs';

const readme = await readFile(join(project, 'node_modules/millrace/README.md'), 'utf8');
/** Its HTML and its script follow each other; other code stands before them. */
const program = readme.slice(readme.indexOf('```html'));
/** The first block of code in that language. */
const block = (language) => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(program)[1];

test('README: the four lines send a file from one page to another', async (t) => {
  const section = readme.slice(readme.indexOf('## Send a file in four lines'));
  const [sends, receives] = [...section.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code);
  const here = (code) => code.replace("'millrace'", "'/dist/millrace.js'").replace("'wss://example.org/signal'", "'/signal'");
  const folder = join(project, 'four-lines');
  await mkdir(folder);
  // What the lines take for granted: an input with files, a place to show the invite, and the invite on the other page.
  const files = {
    'send.html': '<!doctype html><input type="file" multiple /><output></output><script type="module" src="send.js"></script>',
    'send.js': `const [input, output] = document.querySelectorAll('input, output');
      await new Promise((resolve) => (input.onchange = resolve));
      const show = (invite) => (output.value = invite);
      ${here(sends)}
      output.value = 'done';`,
    'receive.html': '<!doctype html><output></output><script type="module" src="receive.js"></script>',
    'receive.js': `const invite = location.hash.slice(1);
      ${here(receives)}
      const { onoffer } = room;
      room.onoffer = async (event) => {
        const { files } = await onoffer(event).done;
        document.querySelector('output').value = (await Promise.all(files.map(async ({ name, blob }) => name + ': ' + (await blob.text())))).join();
      };`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);

  const pages = await servePages(t, folder);
  const context = await openContext(t);
  const [sender, receiver] = await Promise.all([0, 1].map(() => context.newPage()));
  await sender.goto(new URL('send.html', pages).href);
  await sender.setInputFiles('input', ['one', 'two'].map((word) => ({ name: `${word}.txt`, mimeType: 'text/plain', buffer: Buffer.from(word) })));
  const invite = await (await sender.waitForFunction(() => document.querySelector('output').value)).jsonValue();
  await receiver.goto(new URL(`receive.html#${invite}`, pages).href);
  await sender.waitForFunction(() => document.querySelector('output').value === 'done');
  await receiver.waitForFunction(() => document.querySelector('output').value === 'one.txt: one,two.txt: two');
});

test('README: the page sends a file to a second window and receives one', async (t) => {
  const folder = join(project, 'hello');
  await mkdir(folder);
  await writeFile(join(folder, 'index.html'), block('html'));
  await writeFile(join(folder, 'hello.js'), block('js'));
  const pages = await servePages(t, folder);
  const context = await openContext(t);
  const first = await context.newPage();
  await first.goto(pages);
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
