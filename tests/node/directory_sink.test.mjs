import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { FakeDisk, installNavigator } from './support/file_system.mjs';
import { bundle } from './support/web_module.mjs';

const { DirectoryStore } = await bundle(`export { DirectoryStore } from './sinks/directory.ts';`);

let disk;

beforeEach(() => {
  installNavigator(new FakeDisk());
  disk = new FakeDisk();
});

function info(id, path, size = null) {
  return { id, name: path.split('/').at(-1), path, size, type: '', lastModified: 0 };
}

function createStore() {
  return DirectoryStore.create(disk.directory('folder'));
}

async function receive(store, id, path, text) {
  const bytes = new TextEncoder().encode(text);
  const writer = await store.open(info(id, path, bytes.length));
  // Backwards, in two pieces.
  await writer.write(1, bytes.subarray(1));
  await writer.write(0, bytes.subarray(0, 1));
  return writer.close(bytes.length);
}

function textOf(path) {
  return new TextDecoder().decode(disk.at(path).data);
}

async function put(...paths) {
  for (const path of paths) {
    const parts = path.split('/');
    const name = parts.pop();
    let folder = disk.directory();
    for (const part of parts) folder = await folder.getDirectoryHandle(part, { create: true });
    await folder.getFileHandle(name, { create: true });
  }
}

test('files get their folders, and come back as they are', async () => {
  const store = await createStore();
  const blob = await receive(store, 0, 'a/b/c.txt', 'hello');
  assert.equal(await blob.text(), 'hello');
  assert.equal(blob.name, 'c.txt');
  await receive(store, 1, 'a/d.txt', 'there');
  await receive(store, 2, 'e', 'x');
  await store.finish();
  assert.deepEqual(disk.paths(), ['a/b/c.txt', 'a/d.txt', 'e']);
  assert.equal(textOf('a/b/c.txt'), 'hello');
  assert.deepEqual([store.existing, store.readExisting(0, 0, new Uint8Array(1))], [[], 0]);
});

test('what is there stays: who finds a name taken gets another one', async () => {
  await put('a.txt', 'a (2).txt', 'none', '.hidden', 'pack.tar.gz', 'sub/a.txt');
  const store = await createStore();
  const paths = ['a.txt', 'none', '.hidden', 'pack.tar.gz', 'sub/a.txt', 'sub', 'a.txt/inside'];
  for (const [id, path] of paths.entries()) await receive(store, id, path, 'new');
  assert.deepEqual(disk.paths(), [
    '.hidden', '.hidden (2)', 'a (2).txt', 'a (3).txt', 'a (4).txt/inside', 'a.txt', 'none', 'none (2)',
    'pack.tar (2).gz', 'pack.tar.gz', 'sub (2)', 'sub/a (2).txt', 'sub/a.txt',
  ].sort());
  assert.deepEqual(['a.txt', 'none', 'sub/a.txt'].map(textOf), ['', '', '']);
});

test('files that are opened at once, by several transfers, never meet', async () => {
  await put('a.txt');
  const stores = await Promise.all([createStore(), createStore()]);
  const texts = ['one', 'two', 'three', 'four'];
  await Promise.all(texts.map((text, i) => receive(stores[i % 2], i, i < 2 ? 'a.txt' : 'a (2).txt', text)));
  const written = disk.paths().filter((path) => path !== 'a.txt').map(textOf);
  assert.deepEqual(written.sort(), texts.sort());
});

test('a path that leaves the folder is refused, whoever cleaned it', async () => {
  const store = await createStore();
  for (const path of ['', '/', '/a', 'a/', 'a//b', '.', '..', '../a', 'a/../b', 'a/.']) {
    await assert.rejects(store.open(info(0, path)), { code: 'sink-failed' }, path);
  }
  assert.deepEqual(disk.paths(), []);
});

test('a name that the browser refuses is changed a little', async () => {
  const store = await createStore();
  await receive(store, 0, 'desktop.lnk', 'x');
  await receive(store, 1, 'folder.lnk/a', 'x');
  assert.deepEqual(disk.paths(), ['desktop.lnk_', 'folder.lnk_/a']);
});

test('a name with characters that the browser refuses loses them', async () => {
  const store = await createStore();
  const england = `\u{1f3f4}${String.fromCodePoint(...[...'gbeng'].map((letter) => 0xe0000 + letter.codePointAt(0)), 0xe007f)}`;
  for (const [id, path] of [`${england}.png`, ' first.txt', '~/~$draft.docx', `${england}.lnk`].entries()) await receive(store, id, path, 'x');
  assert.deepEqual(disk.paths().sort(), ['\u{1f3f4}.lnk_', '\u{1f3f4}.png', '_/_$draft.docx', '_first.txt'].sort());
});

test('N5: the longest name, twice, stays with its extension within what the file system takes', async () => {
  for (const name of [`${'x'.repeat(251)}.txt`, `${'\u00e9'.repeat(125)}.jpeg`, `${'\u{1f468}\u200d\u{1f469}\u200d\u{1f467}'.repeat(13)}.png`, 'y'.repeat(255)]) {
    disk = new FakeDisk();
    const store = await createStore();
    for (let id = 0; id < 3; id += 1) await receive(store, id, `${name}/${name}`, 'x');
    const paths = disk.paths();
    assert.equal(paths.length, 3);
    for (const path of paths) {
      for (const part of path.split('/')) {
        assert.ok(Buffer.byteLength(part) <= 248, part);
        assert.equal(/\.[a-z]+$/.exec(part)?.[0], /\.[a-z]+$/.exec(name)?.[0]);
        // Whole characters only.
        assert.ok(!/\ufffd|\u200d[ .]/u.test(Buffer.from(part).toString()), part);
      }
    }
  }
});

test('an early end removes unfinished files and the folders that are empty then', async () => {
  await put('there/old');
  disk.at('there').entries.delete('old');
  const store = await createStore();
  await receive(store, 0, 'kept/deep/a', 'done');
  for (const [id, path] of ['kept/deep/b', 'kept/gone/c', 'gone/deep/d', 'there/e', 'f'].entries()) {
    const writer = await store.open(info(id + 1, path, 10));
    await writer.write(0, new Uint8Array(3));
  }
  const opening = store.open(info(9, 'late/g'));
  opening.catch(() => {});
  await store.abort(true);
  await assert.rejects(opening, { code: 'cancelled' });
  assert.deepEqual(disk.paths(), ['kept/deep/a']);
  assert.deepEqual([...disk.root.entries.keys()].sort(), ['kept', 'there'], 'a folder that was there before stays');
  assert.deepEqual([...disk.at('kept').entries.keys()], ['deep']);
});

test('a file that cannot be written leaves nothing', async () => {
  const store = await createStore();
  disk.capacity = 5;
  const writer = await store.open(info(0, 'sub/a', 10));
  writer.write(0, new Uint8Array(10));
  await assert.rejects(writer.close(10), { name: 'QuotaExceededError' });
  await store.abort(false);
  assert.deepEqual([...disk.root.entries.keys()], []);
});

test('a browser that cannot write files in windows says so', async () => {
  const store = await createStore();
  const folder = disk.directory();
  const { getFileHandle } = folder.constructor.prototype;
  await put('a');
  const handle = await getFileHandle.call(folder, 'a');
  const original = Object.getPrototypeOf(Object.getPrototypeOf(handle));
  const createWritable = original.createWritable;
  delete original.createWritable;
  try {
    await assert.rejects(store.open(info(0, 'sub/b')), { code: 'not-supported' });
  } finally {
    original.createWritable = createWritable;
  }
  await store.abort(false);
  assert.deepEqual(disk.paths(), ['a']);
});

test('a folder that may not be written to is refused before anything comes', async () => {
  const folder = disk.directory('Downloads');
  for (const state of ['prompt', 'denied']) {
    folder.queryPermission = async ({ mode }) => (mode === 'readwrite' ? state : 'granted');
    await assert.rejects(DirectoryStore.create(folder), { code: 'sink-failed', message: /"Downloads".*requestPermission/ });
  }
  folder.queryPermission = async () => 'granted';
  await DirectoryStore.create(folder);
});
