import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { MemoryStore, createStore, Incoming } = await bundle(`
  export { MemoryStore } from './sinks/memory.ts';
  export { createStore } from './sinks/choose.ts';
  export { Incoming } from './engine/incoming.ts';
`);

const PIECE = 1024 * 1024;

function info(id, size, type = '') {
  return { id, name: `f${id}`, path: `f${id}`, size, type, lastModified: 0 };
}

async function bytesOf(blob) {
  return Buffer.from(await blob.arrayBuffer());
}

test('bytes come back whatever order they were written in', async () => {
  for (const size of [0, 1, PIECE - 1, PIECE, PIECE + 1, 11 * PIECE + 5]) {
    const bytes = randomBytes(size);
    const writer = new MemoryStore(size).open(info(0, size, 'text/plain'));
    const cuts = [];
    for (let offset = 0; offset < size; offset += 300_000) cuts.push(offset);
    // A fixed order that is neither forward nor backward.
    cuts.sort((a, b) => ((a * 7919) % 101) - ((b * 7919) % 101));
    for (const offset of cuts) await writer.write(offset, bytes.subarray(offset, offset + 300_000));
    const blob = await writer.close(size);
    assert.equal(blob.type, 'text/plain');
    assert.deepEqual(await bytesOf(blob), bytes);
  }
});

test('what was written is copied', async () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const writer = new MemoryStore(3).open(info(0, 3));
  writer.write(0, bytes);
  bytes.fill(0);
  assert.deepEqual([...(await bytesOf(await writer.close(3)))], [1, 2, 3]);
});

test('more than the limit is too-large, when said and when it turns out', () => {
  assert.throws(() => new MemoryStore(101, 100), { code: 'too-large' });
  const writer = new MemoryStore(0, 2 * PIECE).open(info(0, null));
  writer.write(0, new Uint8Array(PIECE));
  writer.write(PIECE, new Uint8Array(PIECE));
  writer.write(2 * PIECE, new Uint8Array(PIECE));
  assert.throws(() => writer.write(3 * PIECE, new Uint8Array(1)), { code: 'too-large' });
});

test("without a private file system 'auto' keeps files in memory and 'opfs' is not supported", async () => {
  assert.ok((await createStore('auto', 10)) instanceof MemoryStore);
  await assert.rejects(createStore('opfs', 10), { code: 'not-supported' });
  await assert.rejects(createStore('auto', 2 ** 40), { name: 'MillraceError' });
});

/** A store whose files open when the test says so. */
function slowStore() {
  const opening = [];
  const written = [];
  return {
    opening,
    written,
    open: (file) =>
      new Promise((resolve, reject) => {
        opening[file.id] = {
          resolve: () => resolve({ write: (offset) => void written.push([file.id, offset]), close: async () => undefined }),
          reject,
        };
      }),
    abort: async () => {},
  };
}

test('writes wait for their file, keep their order, and later ones need not wait', async () => {
  const store = slowStore();
  const incoming = new Incoming(store, [info(0, 9), info(1, 9)]);
  const first = incoming.write(0, 0, new Uint8Array(3));
  const second = incoming.write(0, 3, new Uint8Array(3));
  assert.ok(first instanceof Promise);
  store.opening[0].resolve();
  await Promise.all([first, second]);
  assert.equal(incoming.write(0, 6, new Uint8Array(3)), undefined);
  assert.deepEqual(store.written, [[0, 0], [0, 3], [0, 6]]);
});

test('a few files are opened ahead, each once', async () => {
  const store = slowStore();
  const files = Array.from({ length: 20 }, (_, id) => info(id, 1));
  const incoming = new Incoming(store, files);
  assert.equal(store.opening.length, 4);
  for (let id = 0; id < 20; id += 1) {
    const write = incoming.write(id, 0, new Uint8Array(1));
    assert.equal(store.opening.length, Math.min(id + 5, 20));
    store.opening[id].resolve();
    await write;
    await incoming.finish(id, 1);
  }
  assert.equal(store.written.length, 20);
});

test('a file that cannot be opened fails who writes to it, and an empty one at its end', async () => {
  const store = slowStore();
  const incoming = new Incoming(store, [info(0, 1), info(1, 0)]);
  store.opening[0].reject(new Error('disk'));
  store.opening[1].reject(new Error('disk'));
  await assert.rejects(async () => incoming.write(0, 0, new Uint8Array(1)), /disk/);
  await assert.rejects(incoming.finish(1, 0), /disk/);
});
