import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { SlabReader, toSourceFiles } = await bundle(`
  export { SlabReader } from './sources/slab_reader.ts';
  export { toSourceFiles } from './sources/source.ts';
`);

const SLAB = 1000;

async function readAll(reader, file, offset, length) {
  const pieces = [];
  const count = await reader.read(file, offset, length, (piece) => pieces.push(Buffer.from(piece)));
  const bytes = Buffer.concat(pieces);
  assert.equal(bytes.length, count);
  return bytes;
}

/** A Blob that says how often and how much at a time it is read. */
class CountingBlob extends Blob {
  reads = [];

  slice(start, end, type) {
    this.reads.push([start, end]);
    return super.slice(start, end, type);
  }
}

test('every range comes back as it is, within a slab, across slabs, and cut at the end', async () => {
  for (const size of [1, SLAB - 1, SLAB, SLAB + 1, 5 * SLAB, 5 * SLAB + 7]) {
    const bytes = randomBytes(size);
    const reader = new SlabReader([new Blob([bytes])], { slabBytes: SLAB });
    for (const length of [1, 7, SLAB - 1, SLAB, SLAB + 1, 3 * SLAB, 6 * SLAB]) {
      for (const offset of [0, 1, SLAB - 1, SLAB, SLAB + 1, size - 1, size, size + 5]) {
        const found = await readAll(reader, 0, offset, length);
        assert.deepEqual(found, bytes.subarray(offset, offset + length), `size ${size}, ${offset}+${length}`);
      }
    }
  }
});

test('a file is read once, in slabs, ahead of what is asked for', async () => {
  const blob = new CountingBlob([randomBytes(4 * SLAB + 1)]);
  const reader = new SlabReader([blob], { slabBytes: SLAB });
  await readAll(reader, 0, 0, 10);
  assert.deepEqual(blob.reads, [[0, SLAB], [SLAB, 2 * SLAB]]);
  for (let offset = 0; offset < blob.size; offset += 100) await readAll(reader, 0, offset, 100);
  assert.equal(blob.reads.length, 5);
});

test('a slab at hand answers at once', async () => {
  const reader = new SlabReader([new Blob([randomBytes(SLAB)])], { slabBytes: SLAB });
  assert.ok(reader.read(0, 0, 10, () => {}) instanceof Promise);
  await readAll(reader, 0, 0, 10);
  assert.equal(reader.read(0, 500, 600, () => {}), 500);
});

test('small files are read ahead across their ends, empty ones passed over', async () => {
  const blobs = [100, 0, 0, 200, 300, 0, 900].map((size) => new CountingBlob([randomBytes(size)]));
  const reader = new SlabReader(blobs, { slabBytes: SLAB });
  await readAll(reader, 0, 0, 100);
  assert.deepEqual(blobs.map((blob) => blob.reads.length), [1, 0, 0, 1, 1, 0, 1]);
  for (const [file, blob] of blobs.entries()) {
    assert.deepEqual(await readAll(reader, file, 0, blob.size), Buffer.from(await blob.arrayBuffer()));
  }
});

test('what is kept stays below the bound', async () => {
  const blob = new CountingBlob([randomBytes(20 * SLAB)]);
  const reader = new SlabReader([blob], { slabBytes: SLAB, keptBytes: 3 * SLAB });
  for (let offset = 0; offset < blob.size; offset += SLAB) await readAll(reader, 0, offset, SLAB);
  assert.equal(blob.reads.length, 20);
  await readAll(reader, 0, 0, 1);
  assert.equal(blob.reads.filter(([start]) => start === 0).length, 2, 'the first slab had to be read again');
});

test('a file that changed on disk rejects, and other files still read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  try {
    const path = join(folder, 'file');
    await writeFile(path, randomBytes(2 * SLAB));
    const changed = await openAsBlob(path);
    await writeFile(path, randomBytes(SLAB));
    const intact = randomBytes(50);
    const reader = new SlabReader([changed, new Blob([intact])], { slabBytes: SLAB });
    await assert.rejects(readAll(reader, 0, 0, 10), { name: 'NotReadableError' });
    await assert.rejects(readAll(reader, 0, 0, 10), { name: 'NotReadableError' });
    assert.deepEqual(await readAll(reader, 1, 0, 50), intact);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a source says what it is called', () => {
  const file = new File(['abc'], 'a.txt', { type: 'text/plain', lastModified: 5 });
  const inFolder = new File(['abcd'], 'b.txt');
  Object.defineProperty(inFolder, 'webkitRelativePath', { value: 'folder/b.txt' });
  const infos = toSourceFiles([file, inFolder, new Blob(['x']), new Uint8Array(7)], 'named').map(({ info }) => info);
  assert.deepEqual(infos[0], { name: 'a.txt', path: 'a.txt', size: 3, type: 'text/plain', lastModified: 5 });
  assert.equal(infos[1].path, 'folder/b.txt');
  assert.deepEqual(infos.map(({ name }) => name), ['a.txt', 'b.txt', 'named', 'named']);
  assert.deepEqual(infos.map(({ size }) => size), [3, 4, 1, 7]);
});

test('an array that changes after send() is sent as it was', async () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const [{ blob }] = toSourceFiles(bytes);
  bytes.fill(9);
  assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), new Uint8Array([1, 2, 3]));
});

test('what is no source is refused', () => {
  for (const wrong of [[], null, 'text', 7, {}, [null], new ArrayBuffer(3)]) {
    assert.throws(() => toSourceFiles(wrong), { code: 'invalid-argument' });
  }
  assert.throws(() => toSourceFiles(new ReadableStream()), { code: 'not-supported' });
});
