import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeDirectoryHandle, FakeDisk } from './support/file_system.mjs';
import { bundle } from './support/web_module.mjs';

const { SlabReader, openSources, transferablesOf, toSourceFiles } = await bundle(`
  export { SlabReader } from './sources/slab_reader.ts';
  export { openSources, transferablesOf } from './sources/combined_reader.ts';
  export { toSourceFiles } from './sources/source.ts';
`);

// What browsers have, and Node.js has not.
globalThis.FileSystemDirectoryHandle = FakeDirectoryHandle;

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
    await assert.rejects(readAll(reader, 0, 0, 10), { code: 'source-changed' });
    await assert.rejects(readAll(reader, 0, 0, 10), { code: 'source-changed' });
    assert.deepEqual(await readAll(reader, 1, 0, 50), intact);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a file that is gone, or fails otherwise, is source-failed', async () => {
  for (const name of ['NotFoundError', 'AbortError', 'UnknownError']) {
    const blob = new Blob(['abc']);
    blob.slice = () => ({ arrayBuffer: () => Promise.reject(new DOMException('no', name)) });
    await assert.rejects(readAll(new SlabReader([blob]), 0, 0, 3), { code: 'source-failed', message: new RegExp(name) });
  }
});

test('a file that shrank without a word ends early', async () => {
  const blob = new Blob([randomBytes(5 * SLAB)]);
  const { slice } = blob;
  blob.slice = (start, end) => slice.call(blob, Math.min(start, 2500), Math.min(end, 2500));
  const reader = new SlabReader([blob], { slabBytes: SLAB });
  assert.equal((await readAll(reader, 0, 0, 2000)).length, 2000);
  assert.equal((await readAll(reader, 0, 2000, 2000)).length, 500);
  assert.equal((await readAll(reader, 0, 4000, 500)).length, 0);
});

test('a source says what it is called', () => {
  const file = new File(['abc'], 'a.txt', { type: 'text/plain', lastModified: 5 });
  const inFolder = new File(['abcd'], 'b.txt');
  Object.defineProperty(inFolder, 'webkitRelativePath', { value: 'folder/b.txt' });
  const sources = [file, inFolder, new Blob(['x']), new Uint8Array(7), new ReadableStream()];
  const infos = toSourceFiles(sources, 'named').map(({ info }) => info);
  assert.deepEqual(infos[0], { name: 'a.txt', path: 'a.txt', size: 3, type: 'text/plain', lastModified: 5 });
  assert.equal(infos[1].path, 'folder/b.txt');
  assert.deepEqual(infos.map(({ name }) => name), ['a.txt', 'b.txt', 'named', 'named', 'named']);
  assert.deepEqual(infos.map(({ size }) => size), [3, 4, 1, 7, null]);
});

test('an array that changes after send() is sent as it was', async () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const [{ body }] = toSourceFiles(bytes);
  bytes.fill(9);
  assert.deepEqual(new Uint8Array(await body.arrayBuffer()), new Uint8Array([1, 2, 3]));
});

test('what is no source is refused', () => {
  const stream = new ReadableStream();
  const locked = new ReadableStream();
  locked.getReader();
  const gone = new Uint8Array(3);
  structuredClone(gone, { transfer: [gone.buffer] });
  for (const wrong of [[], null, 7, {}, [null], [1, 2], [[new Blob()]], new Map(), gone, locked, [stream, stream]]) {
    assert.throws(() => toSourceFiles(wrong), { code: 'invalid-argument' });
  }
  assert.throws(() => toSourceFiles(Array.from({ length: 20_001 }, () => new Blob())), { code: 'too-large' });
});

/** A directory with these files, each with its own path in it. */
async function directoryOf(name, paths) {
  const disk = new FakeDisk();
  for (const path of paths) {
    const parts = path.split('/');
    const fileName = parts.pop();
    let folder = disk.directory(name);
    for (const part of parts) folder = await folder.getDirectoryHandle(part, { create: true });
    await folder.getFileHandle(fileName, { create: true });
    disk.at(path).data = Buffer.from(path);
  }
  return disk.directory(name);
}

test('a directory is all of its files, sorted, each with its path', async () => {
  const directory = await directoryOf('pics', ['b/z', 'b/a', 'c', 'a.txt', 'b/0/deep', 'B']);
  await directory.getDirectoryHandle('empty', { create: true });
  const files = await toSourceFiles(directory);
  const paths = ['pics/B', 'pics/a.txt', 'pics/b/0/deep', 'pics/b/a', 'pics/b/z', 'pics/c'];
  assert.deepEqual(files.map(({ info }) => info.path), paths);
  assert.deepEqual(files.map(({ info }) => info.name), ['B', 'a.txt', 'deep', 'a', 'z', 'c']);
  assert.deepEqual(await Promise.all(files.map(({ body }) => body.text())), paths.map((path) => path.slice(5)));
  assert.deepEqual(files.map(({ info }) => info.size), files.map(({ body }) => body.size));
});

test('directories stand where they were given, and what has no name puts nothing before its files', async () => {
  const root = await directoryOf('', ['a']);
  const files = await toSourceFiles([new File([], 'x'), await directoryOf('d', ['1', '2']), new File([], 'y'), root]);
  assert.deepEqual(files.map(({ info }) => info.path), ['x', 'd/1', 'd/2', 'y', 'a']);
});

test('a directory is walked through only so far', async () => {
  const many = (count) => Array.from({ length: count }, (_, i) => `${i % 100}/${i}`);
  assert.equal((await toSourceFiles(await directoryOf('d', many(19_900)))).length, 19_900);
  await assert.rejects(toSourceFiles(await directoryOf('d', many(19_901))), { code: 'too-large' });
  const blobs = Array.from({ length: 101 }, () => new Blob());
  await assert.rejects(toSourceFiles([await directoryOf('d', many(19_900)), ...blobs]), { code: 'too-large' });
});

test('a directory without files, or one that cannot be read, says so', async () => {
  await assert.rejects(toSourceFiles(await directoryOf('d', [])), { code: 'invalid-argument' });
  const denied = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  const unreadable = await directoryOf('d', ['a']);
  unreadable.values = async function* () {
    yield { kind: 'file', name: 'a', getFile: denied };
  };
  await assert.rejects(toSourceFiles(unreadable), { code: 'source-failed', message: /d\/a \(NotAllowedError/ });
  unreadable.values = () => ({ [Symbol.asyncIterator]: () => ({ next: denied }) });
  await assert.rejects(toSourceFiles(unreadable), { code: 'source-failed', message: /: d: NotAllowedError/ });
});

test('blobs and streams are read side by side, and only streams are transferred', async () => {
  const streams = ['one', 'two'].map((text) => new Blob([text]).stream());
  const bodies = [new Blob(['first']), streams[0], new Blob(['second']), streams[1]];
  assert.deepEqual(transferablesOf(bodies), streams);
  const reader = openSources(bodies);
  const texts = ['first', 'one', 'second', 'two'];
  for (const file of [2, 1, 3, 0]) {
    assert.equal((await readAll(reader, file, 0, 100)).toString(), texts[file]);
  }
  reader.close();
  assert.deepEqual(transferablesOf([bodies[0]]), []);
  assert.ok(openSources([bodies[0]]) instanceof SlabReader);
});

test('closing cancels the streams', async () => {
  const cancelled = [];
  const streams = [0, 1].map((id) => new ReadableStream({ cancel: () => void cancelled.push(id) }));
  openSources([streams[0], new Blob(), streams[1]]).close();
  assert.deepEqual(cancelled, [0, 1]);
});
