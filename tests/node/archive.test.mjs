import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importTypeScript } from './support/bundle.mjs';
import { bundle } from './support/web_module.mjs';

const { makeArchive } = await bundle(`export { makeArchive } from './site/archive.ts';`);
const { readZip } = await importTypeScript('e2e/support/zip.ts');

const MiB = 1024 * 1024;

function entry(path, content, size = content.size) {
  return { path, size, lastModified: Date.UTC(2026, 0, 2, 3, 4, 6), content };
}

async function read({ stream }) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('an archive holds every file, and is as long as it says', async () => {
  const paths = ['a.txt', 'd.e/a', 'Grüße 🎉.txt', 'd.e/empty'];
  const archive = makeArchive(paths.map((path, index) => entry(path, new Blob(path.endsWith('empty') ? [] : [`file ${index}`]))));
  assert.equal(archive.name, 'Millrace files.zip');
  const bytes = await read(archive);
  assert.equal(bytes.length, archive.size);
  const found = [...readZip(bytes)].map(([name, content]) => [name, String(content)]);
  assert.deepEqual(found, [['a.txt', 'file 0'], ['d.e/a', 'file 1'], ['Grüße 🎉.txt', 'file 2'], ['d.e/empty', '']]);
});

test('it is called as the folder that everything lies in', () => {
  const nameOf = (...paths) => makeArchive(paths.map((path) => entry(path, new Blob()))).name;
  assert.equal(nameOf('trip/a', 'trip/inner/b'), 'trip.zip');
  assert.equal(nameOf('trip/a', 'tripod/b'), 'Millrace files.zip');
  assert.equal(nameOf('trip'), 'Millrace files.zip');
});

test('bytes are asked for as they are read, and no sooner', async () => {
  let pulled = 0;
  const source = new ReadableStream({
    pull(controller) {
      pulled += 1;
      if (pulled > 64) controller.close();
      else controller.enqueue(new Uint8Array(MiB));
    },
  });
  const archive = makeArchive([entry('large', source, 64 * MiB), entry('small', new Blob(['x']))]);
  const reader = archive.stream.getReader();
  for (let chunks = 0; chunks < 4; chunks += 1) await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(pulled <= 8, `${pulled} MiB were asked for`);
  await reader.cancel();
});

test('a size that is not known, and a source that fails', async () => {
  const failing = new ReadableStream({ pull: (controller) => controller.error(new Error('gone')) });
  const archive = makeArchive([entry('a', failing, null)]);
  assert.equal(archive.size, undefined);
  await assert.rejects(read(archive), /gone/);
});
