import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import { FakeDisk, installNavigator } from './support/file_system.mjs';
import { bundle } from './support/web_module.mjs';

const { listStored, openOpfsStore, removeStored } = await bundle(`
  export { listStored } from './sinks/list_stored.ts';
  export { openOpfsStore } from './sinks/opfs.ts';
  export { removeStored } from './sinks/stored.ts';
`);

const LEAF = 16_384;
const TOKEN = '00112233445566778899aabbccddeeff';
const OTHER = 'ffeeddccbbaa99887766554433221100';
const FOLDER = `millrace/${TOKEN}`;
const DAY = 24 * 60 * 60 * 1000;

let disk;
let locks;

beforeEach(() => {
  disk = new FakeDisk();
  locks = installNavigator(disk);
});

function offer(sizes, { token = TOKEN, ...info } = {}) {
  const files = sizes.map((size, id) => ({
    id, name: `f${id}`, path: `sub/f${id}`, size, type: 'text/plain', lastModified: 7, ...info,
  }));
  const known = sizes.every((size) => size !== null);
  return { token, files, totalBytes: known ? sizes.reduce((sum, size) => sum + size, 0) : null };
}

/** Bytes of file `id` from `begin` to `end`, always the same. */
function bytesAt(id, begin, end) {
  return Uint8Array.from({ length: end - begin }, (_, i) => ((begin + i) * 31 + id * 7 + ((begin + i) >> 8)) & 255);
}

async function write(writer, id, begin, end) {
  await writer.write(begin, bytesAt(id, begin, end));
}

/** The worker is gone, with nothing put away. */
function crash() {
  disk.crash();
  locks.crash();
}

async function checkExisting(store) {
  for (const { file, begin, end } of store.existing) {
    const bytes = new Uint8Array(end - begin);
    assert.equal(await store.readExisting(file, begin, bytes), end - begin);
    assert.deepEqual(bytes, bytesAt(file, begin, end));
  }
}

/** Runs `action` with timers that run when told to. */
async function withTimers(action) {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    await action((ms) => mock.timers.tick(ms));
  } finally {
    mock.timers.reset();
  }
}

test('a whole transfer leaves its files with an index, and no journal', async () => {
  const store = await openOpfsStore(offer([3 * LEAF, 0, 5]));
  assert.deepEqual(store.existing, []);
  assert.equal(store.folder, TOKEN);
  const sizes = [3 * LEAF, 0, 5];
  for (const [id, size] of sizes.entries()) {
    const writer = await store.open(offer(sizes).files[id]);
    if (size > 0) await write(writer, id, 0, size);
    const blob = await writer.close(size);
    assert.equal(blob.type, 'text/plain');
    assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), bytesAt(id, 0, size));
  }
  await store.finish();
  assert.deepEqual(disk.paths(), [0, 1, 2, 'files'].map((name) => `${FOLDER}/${name}`));
  await removeStored(TOKEN);
  assert.deepEqual(disk.paths(), []);
});

test('an interval after a write, and no sooner, whole leaves are flushed and claimed', async () => {
  await withTimers(async (tick) => {
    const offered = offer([10 * LEAF + 9]);
    const store = await openOpfsStore(offered);
    const writer = await store.open(offered.files[0]);
    disk.flushes.length = 0;
    await write(writer, 0, 2 * LEAF, 4 * LEAF);
    await write(writer, 0, 10 * LEAF, 10 * LEAF + 9);
    await write(writer, 0, 0, 100);
    tick(999);
    assert.deepEqual(disk.flushes, []);
    tick(1);
    assert.deepEqual(disk.flushes, ['0', 'journal'], 'what is claimed is durable before the claim is');
    tick(10_000);
    assert.equal(disk.flushes.length, 2, 'nothing written, nothing flushed');
    await write(writer, 0, 5 * LEAF, 6 * LEAF);
    crash();
    const again = await openOpfsStore(offered);
    assert.deepEqual(again.existing, [
      { file: 0, begin: 2 * LEAF, end: 4 * LEAF },
      { file: 0, begin: 10 * LEAF, end: 10 * LEAF + 9 },
    ]);
    await checkExisting(again);
  });
});

test('a leaf that came in parts is claimed once it is whole', async () => {
  await withTimers(async (tick) => {
    const offered = offer([2 * LEAF]);
    const writer = await (await openOpfsStore(offered)).open(offered.files[0]);
    await write(writer, 0, 0, 100);
    tick(1000);
    await write(writer, 0, 100, LEAF + 50);
    tick(1000);
    crash();
    assert.deepEqual((await openOpfsStore(offered)).existing, [{ file: 0, begin: 0, end: LEAF }]);
  });
});

test('a closed file is claimed whole at once, and an attempt can go on with it', async () => {
  const offered = offer([LEAF + 1, 2 * LEAF, 0]);
  const store = await openOpfsStore(offered);
  await (await store.open(offered.files[2])).close(0);
  const writer = await store.open(offered.files[0]);
  await write(writer, 0, 0, LEAF + 1);
  await writer.close(LEAF + 1);
  await store.abort(true);

  const again = await openOpfsStore(offered);
  assert.equal(again.folder, TOKEN);
  assert.deepEqual(again.existing, [{ file: 0, begin: 0, end: LEAF + 1 }]);
  await checkExisting(again);
  for (const { id, size } of offered.files) {
    const next = await again.open(offered.files[id]);
    if (id === 1) await write(next, 1, 0, size);
    const blob = await next.close(size);
    assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), bytesAt(id, 0, size));
  }
  await again.finish();
});

test('abort(true) keeps what was written up to then', async () => {
  const offered = offer([8 * LEAF, 8 * LEAF]);
  const store = await openOpfsStore(offered);
  for (const file of offered.files) await write(await store.open(file), file.id, LEAF, 3 * LEAF);
  await store.abort(true);
  const again = await openOpfsStore(offered);
  assert.deepEqual(again.existing, [0, 1].map((file) => ({ file, begin: LEAF, end: 3 * LEAF })));
  await checkExisting(again);
});

test('abort(false) leaves nothing, nor does abort(true) with nothing durable', async () => {
  const offered = offer([8 * LEAF, 1]);
  for (const keep of [false, true]) {
    const store = await openOpfsStore(offered);
    const writer = await store.open(offered.files[0]);
    await write(writer, 0, 0, keep ? 100 : LEAF);
    const opening = store.open(offered.files[1]);
    opening.catch(() => {});
    await store.abort(keep);
    await assert.rejects(opening, { code: 'cancelled' });
    assert.deepEqual(disk.paths(), []);
  }
  assert.deepEqual((await openOpfsStore(offered)).existing, []);
});

test('an early end while something is read back leaves nothing open', async () => {
  const offered = offer([4 * LEAF, 4 * LEAF]);
  await leavePartial(offered);
  const store = await openOpfsStore(offered);
  await store.readExisting(0, 0, new Uint8Array(10));
  const reading = store.readExisting(1, 0, new Uint8Array(10));
  await Promise.all([store.abort(false), reading]);
  assert.deepEqual(disk.paths(), []);
  assert.equal((await openOpfsStore(offered)).folder, TOKEN);
});

test('attempt after attempt, each one cut short by a crash, the file comes together', async () => {
  await withTimers(async (tick) => {
    const size = 40 * LEAF + 77;
    const offered = offer([size]);
    let seed = 12345;
    const random = (below) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return (seed >> 12) % below;
    };
    let missing = Array.from({ length: 41 }, (_, leaf) => leaf);
    let attempts = 0;
    while (missing.length > 0) {
      attempts += 1;
      assert.ok(attempts < 100);
      const store = await openOpfsStore(offered);
      await checkExisting(store);
      const has = (leaf) => store.existing.some(({ begin, end }) => begin <= leaf * LEAF && leaf * LEAF < end);
      missing = Array.from({ length: 41 }, (_, leaf) => leaf).filter((leaf) => !has(leaf));
      const writer = await store.open(offered.files[0]);
      for (let count = random(8); count > 0 && missing.length > 0; count -= 1) {
        const [leaf] = missing.splice(random(missing.length), 1);
        await write(writer, 0, leaf * LEAF, Math.min(size, (leaf + 1) * LEAF));
        if (random(3) === 0) tick(1000);
      }
      if (missing.length === 0) {
        const blob = await writer.close(size);
        assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), bytesAt(0, 0, size));
        await store.finish();
      } else if (random(2) === 0) {
        await store.abort(true);
      } else {
        crash();
      }
    }
    assert.ok(attempts > 5);
  });
});

/** A folder that an attempt left, with one claim for each of its two files. */
async function leavePartial(offered) {
  const store = await openOpfsStore(offered);
  for (const file of offered.files) await write(await store.open(file), file.id, 0, 2 * LEAF);
  await store.abort(true);
}

test('what a crash left of a journal line does not count, and what follows it is read again', async () => {
  const offered = offer([4 * LEAF, 4 * LEAF]);
  await leavePartial(offered);
  const journal = disk.at(`${FOLDER}/journal`);
  const whole = Buffer.from(journal.data).toString();
  disk.at(`${FOLDER}/0`).resize(4 * LEAF);
  const claims = [0, 1].map((file) => ({ file, begin: 0, end: 2 * LEAF }));
  const torn = [
    '[[0,32768,65536]',
    '[[0,32768,6',
    'null\n[[0,32768,65536]]\n',
    '{"a":1}\n',
    '[[0,32768]]\n',
    '[[0,32768,49153]]\n',
    '[[0,1,16384]]\n',
    '[[0,16384,16384]]\n',
    '[[0,32768,81920]]\n',
    '[[2,0,16384]]\n',
    '[[-1,0,16384]]\n',
    '[["0",0,16384]]\n',
    '\0\0\0\0',
    // The next line is as long as the first of these two.
    `${'x'.repeat(17)}\n[[0,32768,65536]]\n`,
    '\n',
  ];
  for (const rest of torn) {
    journal.data = journal.durable = Buffer.from(whole + rest);
    const store = await openOpfsStore(offered);
    assert.deepEqual(store.existing, claims, JSON.stringify(rest));
    // A new claim stands on a line of its own.
    const writer = await store.open(offered.files[1]);
    await write(writer, 1, 2 * LEAF, 3 * LEAF);
    await store.abort(true);
    const again = await openOpfsStore(offered);
    assert.deepEqual(again.existing, [claims[0], { file: 1, begin: 0, end: 3 * LEAF }], JSON.stringify(rest));
    await again.abort(true);
  }
});

test('a folder for other files is emptied', async () => {
  const others = [
    offer([4 * LEAF, 4 * LEAF], { lastModified: 8 }),
    offer([4 * LEAF, 4 * LEAF], { path: 'elsewhere' }),
    offer([4 * LEAF, 4 * LEAF], { type: 'text/html' }),
    offer([4 * LEAF, 4 * LEAF + 1]),
    offer([4 * LEAF]),
    offer([4 * LEAF, null]),
  ];
  for (const other of others) {
    await leavePartial(offer([4 * LEAF, 4 * LEAF]));
    const store = await openOpfsStore(other);
    assert.equal(store.folder, TOKEN);
    assert.deepEqual(store.existing, []);
    assert.deepEqual(disk.paths(), [`${FOLDER}/journal`]);
    await store.abort(false);
  }
});

test('a journal that is empty, cut within its header, or far too long starts anew', async () => {
  const offered = offer([4 * LEAF, 4 * LEAF]);
  const lengthen = (data) => Buffer.concat([data, Buffer.alloc(64 * 1024 * 1024)]);
  for (const change of [() => new Uint8Array(0), (data) => data.slice(0, 20), lengthen]) {
    await leavePartial(offered);
    const journal = disk.at(`${FOLDER}/journal`);
    journal.data = change(journal.data);
    const store = await openOpfsStore(offered);
    assert.deepEqual(store.existing, []);
    assert.deepEqual(disk.paths(), [`${FOLDER}/journal`]);
    await store.abort(false);
  }
});

test('claims past the end of their file, or of one that is gone, are dropped', async () => {
  const offered = offer([8 * LEAF, 8 * LEAF]);
  const store = await openOpfsStore(offered);
  const writers = await Promise.all(offered.files.map((file) => store.open(file)));
  for (const file of [0, 1]) await write(writers[file], file, 0, LEAF);
  for (const file of [0, 1]) await write(writers[file], file, 2 * LEAF, 4 * LEAF);
  await store.abort(true);
  disk.at(`${FOLDER}/0`).resize(4 * LEAF - 1);
  disk.at(FOLDER).entries.delete('1');
  const again = await openOpfsStore(offered);
  assert.deepEqual(again.existing, [{ file: 0, begin: 0, end: LEAF }]);
  await checkExisting(again);
});

test('files of unknown size are stored, and never claimed', async () => {
  const offered = offer([null, 2 * LEAF]);
  const store = await openOpfsStore(offered);
  const [stream, file] = await Promise.all(offered.files.map((each) => store.open(each)));
  await write(stream, 0, 0, 2 * LEAF);
  await write(file, 1, 0, LEAF);
  const blob = await stream.close(2 * LEAF);
  assert.equal(blob.size, 2 * LEAF);
  await store.abort(true);
  const again = await openOpfsStore(offered);
  assert.deepEqual(again.existing, [{ file: 1, begin: 0, end: LEAF }]);
  const shorter = await again.open(offered.files[0]);
  await write(shorter, 0, 0, 10);
  assert.equal((await shorter.close(10)).size, 10, 'nothing of the longer one shows');
});

test('a transfer that is in use elsewhere gets a folder of its own, which nobody goes on with', async () => {
  const offered = offer([4 * LEAF, 4 * LEAF]);
  await leavePartial(offered);
  const first = await openOpfsStore(offered);
  const second = await openOpfsStore(offered);
  assert.equal(first.folder, TOKEN);
  assert.notEqual(second.folder, TOKEN);
  assert.deepEqual(second.existing, []);
  await write(await second.open(offered.files[0]), 0, 0, 4 * LEAF);
  await second.abort(true);
  assert.deepEqual(disk.paths(), ['0', '1', 'journal'].map((name) => `${FOLDER}/${name}`));
  await first.abort(true);
  assert.equal((await openOpfsStore(offered)).existing.length, 2);
});

test('who comes while the attempt before puts its things away waits for it', async () => {
  const offered = offer([4 * LEAF]);
  const store = await openOpfsStore(offered);
  await write(await store.open(offered.files[0]), 0, 0, LEAF);
  const [again] = await Promise.all([openOpfsStore(offered), store.abort(true)]);
  assert.equal(again.folder, TOKEN);
  assert.equal(again.existing.length, 1);
});

test('the files of a finished transfer belong to the page, whoever offers it again', async () => {
  const offered = offer([5]);
  const store = await openOpfsStore(offered);
  const writer = await store.open(offered.files[0]);
  await write(writer, 0, 0, 5);
  await writer.close(5);
  await store.finish();
  const again = await openOpfsStore(offered);
  assert.notEqual(again.folder, TOKEN);
  await again.abort(false);
  assert.deepEqual(disk.paths(), [`${FOLDER}/0`, `${FOLDER}/files`]);
});

test('a folder that a crash left empty is used again', async () => {
  await (await disk.directory().getDirectoryHandle('millrace', { create: true })).getDirectoryHandle(TOKEN, { create: true });
  assert.equal((await openOpfsStore(offer([1]))).folder, TOKEN);
});

test('without locks no two transfers share a folder', async () => {
  installNavigator(disk, { locks: undefined });
  const navigator = { storage: globalThis.navigator.storage };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  const first = await openOpfsStore(offer([4 * LEAF]));
  const second = await openOpfsStore(offer([4 * LEAF]));
  assert.notEqual(first.folder, second.folder);
  await write(await first.open(offer([4 * LEAF]).files[0]), 0, 0, LEAF);
  await Promise.all([first.abort(true), second.abort(true)]);
  assert.deepEqual(disk.paths(), []);
});

test('a full disk is out-of-space, thrown, short or silent, and what was durable stays claimed', async () => {
  for (const shortWrites of [false, true, 'silent']) {
    const offered = offer([100 * LEAF], { token: { false: OTHER, true: TOKEN, silent: '5'.repeat(32) }[shortWrites] });
    const store = await openOpfsStore(offered);
    const writer = await store.open(offered.files[0]);
    disk.shortWrites = shortWrites;
    disk.capacity = disk.usage + 10 * LEAF;
    const filled = async () => {
      for (let begin = 0; begin < 100 * LEAF; begin += 4 * LEAF) await write(writer, 0, begin, begin + 4 * LEAF);
    };
    await assert.rejects(filled, shortWrites ? { code: 'out-of-space' } : { name: 'QuotaExceededError' });
    disk.capacity += 1000;
    await store.abort(true);
    disk.capacity = Infinity;
    const again = await openOpfsStore(offered);
    assert.deepEqual(again.existing, [{ file: 0, begin: 0, end: 8 * LEAF }]);
    await checkExisting(again);
  }
});

test('with no room for a journal line, what it said before still holds', async () => {
  for (const shortWrites of [false, true]) {
    const offered = offer([100 * LEAF], { token: shortWrites ? TOKEN : OTHER });
    await withTimers(async (tick) => {
      const store = await openOpfsStore(offered);
      const writer = await store.open(offered.files[0]);
      await write(writer, 0, 0, 4 * LEAF);
      tick(1000);
      await write(writer, 0, 4 * LEAF, 5 * LEAF);
      disk.shortWrites = shortWrites;
      disk.capacity = disk.usage + 7;
      await store.abort(true);
    });
    disk.capacity = Infinity;
    const again = await openOpfsStore(offered);
    assert.deepEqual(again.existing, [{ file: 0, begin: 0, end: 4 * LEAF }]);
    await again.abort(true);
  }
});

test('a flush that fails claims nothing, and fails the file', async () => {
  await withTimers(async (tick) => {
    const offered = offer([4 * LEAF]);
    const store = await openOpfsStore(offered);
    const writer = await store.open(offered.files[0]);
    await write(writer, 0, 0, LEAF);
    disk.failFlush = true;
    tick(1000);
    disk.failFlush = false;
    await assert.rejects(write(writer, 0, LEAF, 2 * LEAF), { name: 'UnknownError' });
    await assert.rejects(writer.close(4 * LEAF), { name: 'UnknownError' });
    await store.abort(true);
    assert.deepEqual(disk.paths(), []);
  });
});

test('more than the quota is out-of-space before anything comes, and what exists counts as had', async () => {
  const offered = offer([4 * LEAF, 4 * LEAF]);
  installNavigator(disk, { quota: 8 * LEAF, locks });
  await assert.rejects(openOpfsStore(offer([8 * LEAF + 1])), { code: 'out-of-space' });
  assert.deepEqual(disk.paths(), []);
  await openOpfsStore(offer([null, 9 * LEAF], { token: OTHER })); // Nobody knows how much it will be.

  disk = new FakeDisk();
  installNavigator(disk);
  await leavePartial(offered);
  const present = disk.usage;
  installNavigator(disk, { quota: present + 4 * LEAF });
  const store = await openOpfsStore(offered);
  assert.equal(store.existing.length, 2);
  await store.abort(true);
  installNavigator(disk, { quota: present + 4 * LEAF - 1 });
  await assert.rejects(openOpfsStore(offered), { code: 'out-of-space' });
  assert.equal(disk.paths().length, 3, 'what exists may still be wanted');
});

/** Partial transfers with these tokens, last used so many days ago. */
async function leavePartials(ages) {
  for (const [token, days] of Object.entries(ages)) {
    await leavePartial(offer([4 * LEAF, 4 * LEAF], { token }));
    disk.at(`millrace/${token}/journal`).modified = Date.now() - days * DAY;
  }
}

function folders() {
  return [...disk.at('millrace').entries.keys()].sort();
}

test('partial transfers go after a week, unless somebody uses them', async () => {
  const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(32));
  await leavePartials({ [a]: 8, [b]: 6, [c]: 8 });
  const used = await openOpfsStore(offer([4 * LEAF, 4 * LEAF], { token: c }));
  disk.at(`millrace/${c}/journal`).modified = Date.now() - 8 * DAY;
  const finished = await openOpfsStore(offer([0], { token: 'd'.repeat(32) }));
  await finished.finish();
  await openOpfsStore(offer([1]));
  assert.deepEqual(folders(), [TOKEN, b, c, 'd'.repeat(32)].sort());
  await used.abort(true);
});

test('a transfer that is finished just before it would go belongs to the page', async () => {
  await leavePartials({ [OTHER]: 8 });
  const { request } = locks;
  locks.request = (name, ...rest) => {
    if (name.includes(OTHER)) disk.at(`millrace/${OTHER}`).entries.delete('journal');
    return request.call(locks, name, ...rest);
  };
  await openOpfsStore(offer([1]));
  assert.deepEqual(folders(), [TOKEN, OTHER].sort());
});

test('the transfer itself is not stale, however old what it goes on with', async () => {
  await leavePartials({ [TOKEN]: 100 });
  assert.equal((await openOpfsStore(offer([4 * LEAF, 4 * LEAF]))).existing.length, 2);
});

test('where room is short, older partial transfers go first, and no more than needed', async () => {
  const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(32));
  await leavePartials({ [a]: 2, [b]: 3, [c]: 1 });
  const each = 4 * LEAF;
  const journal = 1000;
  installNavigator(disk, { quota: disk.usage + each + journal, locks });
  const store = await openOpfsStore(offer([each], { token: OTHER }));
  await store.abort(false);
  assert.deepEqual(folders(), [a, b, c], 'there was room');
  await assert.rejects(openOpfsStore(offer([100 * each])), { code: 'out-of-space' });
  assert.deepEqual(folders(), [a, b, c], 'that would never fit');
  await openOpfsStore(offer([2 * each]));
  assert.deepEqual(folders(), [TOKEN, a, c].sort());
});

test('removeStored() takes everything, and nothing counts as removed', async () => {
  await removeStored();
  await leavePartials({ [OTHER]: 1 });
  await removeStored('nothing');
  await removeStored();
  assert.deepEqual(disk.paths(), []);
});

test('a window stores without going on later', async () => {
  disk.inWorker = false;
  const offered = offer([3 * LEAF, 4]);
  const first = await openOpfsStore(offered);
  const writer = await first.open(offered.files[0]);
  await write(writer, 0, LEAF, 3 * LEAF);
  await write(writer, 0, 0, LEAF);
  const blob = await writer.close(3 * LEAF);
  assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), bytesAt(0, 0, 3 * LEAF));
  await write(await first.open(offered.files[1]), 1, 0, 4);
  crash();

  const second = await openOpfsStore(offered);
  assert.deepEqual([second.folder, second.existing], [TOKEN, []]);
  assert.deepEqual(disk.paths(), [`${FOLDER}/journal`]);
  await write(await second.open(offered.files[0]), 0, 0, LEAF);
  await second.abort(true);
  assert.deepEqual(disk.paths(), []);

  const third = await openOpfsStore(offered);
  for (const { id, size } of offered.files) {
    const next = await third.open(offered.files[id]);
    await write(next, id, 0, size);
    await next.close(size);
  }
  await third.finish();
  assert.deepEqual(disk.paths(), ['0', '1', 'files'].map((name) => `${FOLDER}/${name}`));
});

test('what a window left is nothing for a worker to go on with, and the other way round', async () => {
  const offered = offer([4 * LEAF, 4 * LEAF]);
  await leavePartial(offered);
  disk.inWorker = false;
  await openOpfsStore(offered);
  crash();
  disk.inWorker = true;
  const store = await openOpfsStore(offered);
  assert.deepEqual(store.existing, []);
});

/** Stores a whole transfer. */
async function leaveFinished(offered) {
  const store = await openOpfsStore(offered);
  for (const { id, size } of offered.files) {
    const writer = await store.open(offered.files[id]);
    if (size > 0) await write(writer, id, 0, size);
    await writer.close(size);
  }
  await store.finish();
  return store.folder;
}

test('what is stored is listed, finished or interrupted, with names, sizes and dates, and can be removed', async () => {
  assert.deepEqual(await listStored(), []);
  assert.deepEqual(disk.paths(), []);
  for (const inWorker of [true, false]) {
    disk.inWorker = inWorker;
    await leaveFinished(offer([LEAF + 1, 0]));
    disk.inWorker = true;
    await leavePartial(offer([4 * LEAF, null], { token: OTHER }));
    disk.at(`millrace/${OTHER}/journal`).modified = 5;
    const [finished, interrupted, ...others] = await listStored();
    assert.deepEqual(others, []);
    const { files, remove, storedAt, ...about } = finished;
    assert.deepEqual(about, { folder: TOKEN, state: 'finished', bytes: LEAF + 1, totalBytes: LEAF + 1 });
    assert.ok(Math.abs(storedAt - Date.now()) < 60_000);
    const described = { type: 'text/plain', lastModified: 7 };
    assert.deepEqual(files.map(({ blob: _, ...file }) => file), [
      { name: 'f0', path: 'sub/f0', size: LEAF + 1, bytes: LEAF + 1, ...described },
      { name: 'f1', path: 'sub/f1', size: 0, bytes: 0, ...described },
    ]);
    assert.deepEqual(new Uint8Array(await files[0].blob.arrayBuffer()), bytesAt(0, 0, LEAF + 1));
    assert.equal(files[0].blob.type, 'text/plain');
    const { folder, state, bytes, totalBytes } = interrupted;
    assert.deepEqual([folder, state, bytes, totalBytes, interrupted.storedAt], [OTHER, 'interrupted', 2 * LEAF, null, 5]);
    assert.deepEqual(interrupted.files.map((file) => [file.path, file.size, file.bytes, 'blob' in file]), [['sub/f0', 4 * LEAF, 2 * LEAF, false], ['sub/f1', null, 0, false]]);
    await remove();
    await remove();
    assert.deepEqual((await listStored()).map(({ folder }) => folder), [OTHER]);
    await interrupted.remove();
    assert.deepEqual(await listStored(), []);
    assert.deepEqual(disk.paths(), []);
  }
});

test('a transfer in use is neither listed nor removed', async () => {
  const offered = offer([4 * LEAF, 4 * LEAF]);
  await leavePartial(offered);
  const [listed] = await listStored();
  const store = await openOpfsStore(offered);
  assert.deepEqual(await listStored(), []);
  await assert.rejects(listed.remove(), { code: 'invalid-argument' });
  assert.equal(store.existing.length, 2);
  await store.abort(true);
  assert.equal((await listStored()).length, 1);
});

test('nothing that a crash or an earlier version leaves is lost from the list, and an empty folder goes with the next transfer', async () => {
  const folder = await leaveFinished(offer([5]));
  const root = await disk.directory().getDirectoryHandle('millrace');
  await root.getDirectoryHandle('empty', { create: true });
  await (await root.getDirectoryHandle('torn', { create: true })).getFileHandle('journal', { create: true });
  disk.at(`millrace/${folder}`).entries.delete('files');
  const listed = await listStored();
  assert.deepEqual(listed.map(({ folder, state, bytes }) => [folder, state, bytes]).sort(), [[folder, 'finished', 5], ['empty', 'interrupted', 0], ['torn', 'interrupted', 0]].sort());
  assert.deepEqual(listed.find(({ state }) => state === 'finished').files.map(({ name, size }) => [name, size]), [['0', 5]]);
  const next = await openOpfsStore(offer([1], { token: OTHER }));
  await next.abort(false);
  assert.deepEqual(folders(), [folder, 'torn'].sort());
});

test('a disk without room for an index fails no transfer', async () => {
  const offered = offer([5]);
  const store = await openOpfsStore(offered);
  const writer = await store.open(offered.files[0]);
  await write(writer, 0, 0, 5);
  await writer.close(5);
  disk.capacity = disk.usage;
  await store.finish();
  const [{ state, files }] = await listStored();
  assert.deepEqual([state, files.map(({ name, bytes }) => [name, bytes])], ['finished', [['0', 5]]]);
});
