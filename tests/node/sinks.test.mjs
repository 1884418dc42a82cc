import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { FakeDisk, installNavigator } from './support/file_system.mjs';
import { bundle } from './support/web_module.mjs';

const { MemoryStore, StreamStore, DirectoryStore, createStore, toSinkError, RangeSet, Incoming } = await bundle(`
  export { MemoryStore } from './sinks/memory.ts';
  export { StreamStore } from './sinks/stream.ts';
  export { DirectoryStore } from './sinks/directory.ts';
  export { createStore } from './sinks/choose.ts';
  export { toSinkError } from './sinks/sink_error.ts';
  export { RangeSet } from './sinks/range_set.ts';
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
  const writer = new MemoryStore(null, 2 * PIECE).open(info(0, null));
  writer.write(0, new Uint8Array(PIECE));
  writer.write(PIECE, new Uint8Array(PIECE));
  writer.write(2 * PIECE, new Uint8Array(PIECE));
  assert.throws(() => writer.write(3 * PIECE, new Uint8Array(1)), { code: 'too-large' });
});

test('a stream of unknown size is kept in memory', async () => {
  const store = new MemoryStore(null);
  const size = 2 * PIECE + 5;
  const bytes = randomBytes(size);
  const writer = store.open(info(0, null));
  writer.write(PIECE, bytes.subarray(PIECE));
  writer.write(0, bytes.subarray(0, PIECE));
  assert.deepEqual(await bytesOf(await writer.close(size)), bytes);
  assert.deepEqual([store.existing, store.readExisting(0, 0, new Uint8Array(1))], [[], 0]);
});

const TOO_LARGE = 2 ** 40;

function offer(totalBytes) {
  return { token: '0'.repeat(32), files: [info(0, totalBytes)], totalBytes };
}

function withoutFileSystem() {
  Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
}

test("without a private file system 'auto' keeps files in memory and 'opfs' is not supported", async () => {
  withoutFileSystem();
  assert.ok((await createStore('auto', offer(10))) instanceof MemoryStore);
  assert.ok((await createStore('auto', offer(null))) instanceof MemoryStore);
  await assert.rejects(createStore('opfs', offer(10)), { code: 'not-supported' });
  await assert.rejects(createStore('memory', offer(TOO_LARGE)), { code: 'too-large' });
});

test("'auto' says what it tried, and why each failed", async () => {
  withoutFileSystem();
  await assert.rejects(createStore('auto', offer(TOO_LARGE)), {
    code: 'too-large',
    message: /private file system: not-supported: .*; memory: too-large: .*1073741824/,
  });
  installNavigator(new FakeDisk(), { quota: 1000 });
  await assert.rejects(createStore('auto', offer(TOO_LARGE)), {
    code: 'out-of-space',
    message: /private file system: out-of-space: 1099511627776 .*; memory: too-large/,
  });
  assert.ok((await createStore('auto', offer(2000))) instanceof MemoryStore, 'no room there');
});

test("'auto' takes the page's folder first, then the private file system", async () => {
  const disk = new FakeDisk();
  installNavigator(disk);
  const folder = new FakeDisk().directory('folder');
  assert.ok((await createStore('auto', offer(10), folder)) instanceof DirectoryStore);
  assert.equal((await createStore('auto', offer(10))).folder, '0'.repeat(32));
  folder.queryPermission = async () => 'prompt';
  assert.notEqual((await createStore('auto', offer(10), folder)).folder, undefined);
  await assert.rejects(createStore({ directory: folder }, offer(10)), { code: 'sink-failed', message: /requestPermission/ });
});

test('each choice has its store, and what the browser says becomes a typed error', async () => {
  installNavigator(new FakeDisk());
  assert.ok((await createStore('memory', offer(10))) instanceof MemoryStore);
  assert.ok((await createStore({ open: () => new WritableStream() }, offer(10))) instanceof StreamStore);
  assert.ok((await createStore({ directory: new FakeDisk().directory() }, offer(10))) instanceof DirectoryStore);
  assert.notEqual((await createStore('opfs', offer(10))).folder, undefined);
  navigator.storage.getDirectory = () => Promise.reject(new DOMException('private window', 'SecurityError'));
  await assert.rejects(createStore('opfs', offer(10)), { code: 'not-supported', message: /private window/ });
});

test('what a store throws says what to do', () => {
  assert.equal(toSinkError(new DOMException('', 'QuotaExceededError')).code, 'out-of-space');
  const denied = toSinkError(new DOMException('', 'NotAllowedError'));
  assert.equal(denied.code, 'sink-failed');
  assert.match(denied.message, /requestPermission/);
  assert.equal(toSinkError(new Error('disk')).message, 'sink-failed: disk');
  assert.equal(toSinkError(denied), denied);
});

test('ranges merge where they touch, in whatever order they come', () => {
  const order = [7, 2, 0, 9, 4, 5, 1, 8, 3, 6];
  const ranges = new RangeSet();
  const present = new Set();
  for (const [count, piece] of order.entries()) {
    ranges.add(piece * 10, piece * 10 + 10);
    present.add(piece);
    const expected = [];
    for (let at = 0; at < 10; at += 1) {
      if (!present.has(at)) continue;
      const last = expected.at(-1);
      if (last?.end === at * 10) last.end += 10;
      else expected.push({ begin: at * 10, end: at * 10 + 10 });
    }
    assert.deepEqual(ranges.ranges, expected, `after ${count + 1}`);
  }
  ranges.add(15, 25);
  ranges.add(90, 120);
  assert.deepEqual(ranges.ranges, [{ begin: 0, end: 120 }]);
});

test('whole leaves are taken once, and the rest stays', () => {
  const leaf = 16_384;
  const ranges = new RangeSet();
  ranges.add(10, 3 * leaf + 10);
  ranges.add(5 * leaf, 5 * leaf + 100);
  assert.deepEqual(ranges.takeLeaves(6 * leaf), [{ begin: leaf, end: 3 * leaf }]);
  assert.deepEqual(ranges.takeLeaves(6 * leaf), []);
  assert.deepEqual(ranges.takeLeaves(5 * leaf + 100), [{ begin: 5 * leaf, end: 5 * leaf + 100 }]);
  ranges.add(0, 10);
  assert.deepEqual(ranges.takeLeaves(6 * leaf), [{ begin: 0, end: leaf }]);
  assert.deepEqual(ranges.ranges, [{ begin: 3 * leaf, end: 3 * leaf + 10 }]);
});

/** A store whose files open when the test says so. */
function slowStore() {
  const opening = [];
  const written = [];
  return {
    opening,
    written,
    existing: [],
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

test('a few files are opened ahead, each once, as soon as it is known what was there', async () => {
  const store = slowStore();
  const files = Array.from({ length: 20 }, (_, id) => info(id, 1));
  const incoming = new Incoming(store, files);
  assert.equal(store.opening.length, 0);
  await incoming.readExisting(() => new Uint8Array(0), () => true);
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

test('what an earlier attempt left is read in steps, up to where it cannot be read or is not wanted', async () => {
  const step = 256 * 1024;
  const heap = new Uint8Array(step);
  const run = async (existing, readable, wanted = Infinity) => {
    const taken = [];
    const store = { ...slowStore(), existing, readExisting: async (file, offset, bytes) => (readable(file, offset) ? bytes.length : 7) };
    const incoming = new Incoming(store, [info(0, 10 * step), info(1, 10 * step)]);
    await incoming.readExisting(
      (length) => heap.subarray(0, length),
      (file, offset, length) => taken.push([file, offset, length]) < wanted,
    );
    return taken;
  };
  const existing = [{ file: 0, begin: 0, end: step + 5 }, { file: 1, begin: step, end: 2 * step }];
  const all = [[0, 0, step], [0, step, 5], [1, step, step]];
  assert.deepEqual(await run(existing, () => true), all);
  assert.deepEqual(await run(existing, (file, offset) => file === 1 || offset > 0), [all[2]]);
  assert.deepEqual(await run(existing, () => true, 2), all.slice(0, 2));
  assert.deepEqual(await run([], () => true), []);
});

test('a file that cannot be opened fails who writes to it, and an empty one at its end', async () => {
  const store = slowStore();
  const incoming = new Incoming(store, [info(0, 1), info(1, 0)]);
  await incoming.readExisting(() => new Uint8Array(0), () => true);
  store.opening[0].reject(new Error('disk'));
  store.opening[1].reject(new Error('disk'));
  await assert.rejects(async () => incoming.write(0, 0, new Uint8Array(1)), /disk/);
  await assert.rejects(incoming.finish(1, 0), /disk/);
});
