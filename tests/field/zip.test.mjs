// D2: dates in ZIP files, as a reader sees them that nobody here wrote.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundle } from '../node/support/web_module.mjs';

const { makeArchive } = await bundle(`export { makeArchive } from './site/archive.ts';`);

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

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
