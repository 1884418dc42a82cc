// D2, D3: dates and large archives in ZIP files, as readers see them that nobody here wrote.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { open, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundle } from '../node/support/web_module.mjs';

const { makeArchive, MAX_FILES } = await bundle(`
  export { makeArchive } from './site/archive.ts';
  export { MAX_FILES } from './sources/directory_walk.ts';
`);

test('D2: a date that a ZIP file cannot hold becomes the nearest one, and the archive is whole', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-zip-'));
  context.after(() => rm(folder, { recursive: true }));
  const dates = [0, 1_000, new Date(2020, 4, 6, 7, 8, 10).getTime(), 8.64e15, 8.64e15 + 1];
  const entries = dates.map((lastModified, index) => ({ path: `${index}.txt`, size: 1, lastModified, content: new Blob(['x']) }));
  const file = join(folder, 'a.zip');
  const { stream, size } = makeArchive(entries);
  const bytes = Buffer.concat(await collect(stream));
  assert.equal(bytes.length, size);
  await writeFile(file, bytes);
  execFileSync('unzip', ['-tqq', file]);
  const listed = execFileSync('unzip', ['-Z', '-T', file], { encoding: 'utf8' });
  const found = [...listed.matchAll(/(\d{8})\.(\d{6}) (\d)\.txt/g)].map(([, day, time]) => `${day}.${time}`);
  assert.deepEqual(found, ['19800101.000000', '19800101.000000', '20200506.070810', '21071231.235958', '21071231.235958']);
});

test('D3: an archive of as many files as a transfer may have is whole for other readers', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-zip-'));
  context.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'many.zip');
  // Fewer than the 65,535 that a ZIP file has without its larger counts, which the writer adds for its length only.
  const count = MAX_FILES;
  const entries = Array.from({ length: count }, (_, index) => ({ path: `d/${index}.txt`, size: 1, lastModified: 0, content: new Blob(['x']) }));
  await save(makeArchive(entries), file);
  execFileSync('unzip', ['-tqq', file]);
  for (const [command, ...args] of [['unzip', '-Z', '-1', file], ['bsdtar', '-tf', file]]) {
    const names = execFileSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 24 }).trim().split('\n');
    assert.deepEqual([names.length, new Set(names).size, names.at(-1)], [count, count, `d/${count - 1}.txt`], command);
  }
});

test('D3: an archive of more than 4 GiB, with a file of that size and one behind it, is whole for other readers', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-zip-'));
  context.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'large.zip');
  const size = 2 ** 32 + 1;
  let left = size;
  const content = new ReadableStream({
    pull(controller) {
      const chunk = zeros.subarray(0, Math.min(left, zeros.length));
      left -= chunk.length;
      controller.enqueue(chunk);
      if (left === 0) controller.close();
    },
  });
  const entries = [{ path: 'large.bin', size, content }, { path: 'behind.txt', size: 6, content: new Blob(['behind']) }];
  await save(makeArchive(entries.map((entry) => ({ ...entry, lastModified: 0 }))), file);
  execFileSync('unzip', ['-tqq', file]);
  assert.match(execFileSync('unzip', ['-Z', file, 'large.bin'], { encoding: 'utf8' }), new RegExp(String(size)));
  assert.equal(execFileSync('unzip', ['-p', file, 'behind.txt'], { encoding: 'utf8' }), 'behind');
  assert.deepEqual(execFileSync('bsdtar', ['-tf', file], { encoding: 'utf8' }).trim().split('\n'), ['large.bin', 'behind.txt']);
});

const zeros = new Uint8Array(2 ** 22);

/** Writes an archive to a file, which takes no space where it has zeros; it has the size that it promised. */
async function save({ stream, size }, path) {
  const file = await open(path, 'w');
  try {
    let at = 0;
    for await (const chunk of stream) {
      const isEmpty = chunk.length <= zeros.length && Buffer.compare(chunk, zeros.subarray(0, chunk.length)) === 0;
      if (!isEmpty) await file.write(chunk, 0, chunk.length, at);
      at += chunk.length;
    }
    await file.truncate(at);
    assert.equal(at, size);
  } finally {
    await file.close();
  }
}

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
