// A…: calls as people write them, and D…: dates as devices report them, through sessions of the built package over real connections.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { closeAll, connectedPair, next } from '../node/support/session_pair.mjs';

let peers;
before(async () => {
  peers = await connectedPair();
});
after(() => closeAll(peers));

/** What arrives of a call of `send`: name and text of each file. */
async function sendAny(...args) {
  const [a, b] = peers;
  const coming = next(b, 'incoming');
  const sent = a.send(...args);
  const { offer } = await coming;
  const received = await offer.accept({ sink: 'memory' }).done;
  await sent.done;
  return Promise.all(received.files.map(async ({ name, blob }) => [name, await blob.text()]));
}

const file = (name) => new File([name], name);

test('A1: lists of every kind, buffers and text are sources', async () => {
  const [one, two] = [file('one'), file('two')];
  const both = [['one', 'one'], ['two', 'two']];
  // As `input.files`: indexed, with a length, iterable, and no array.
  const list = { 0: one, 1: two, length: 2, [Symbol.iterator]: () => [one, two].values() };
  const generator = function* () {
    yield one;
    yield two;
  };
  for (const source of [[one, two], list, new Set([one, two]), generator(), [one, two].values()]) assert.deepEqual(await sendAny(source), both);
  assert.deepEqual(await sendAny(new Map([['a.txt', 'first'], ['b.txt', new Blob(['second'])], ['unused', one]])), [['a.txt', 'first'], ['b.txt', 'second'], ['one', 'one']]);
  const bytes = new TextEncoder().encode('0123456789');
  assert.deepEqual(await sendAny('text'), [['untitled', 'text']]);
  assert.deepEqual(await sendAny('', { name: '' }), [['untitled', '']]);
  assert.deepEqual(await sendAny(bytes.buffer, { name: 'buffer' }), [['buffer', '0123456789']]);
  assert.deepEqual(await sendAny(new DataView(bytes.buffer, 2, 3)), [['untitled', '234']]);
  assert.deepEqual(await sendAny(new Uint16Array(bytes.buffer, 4, 2)), [['untitled', '4567']]);
});

test('A2: bytes of another window are sources', async () => {
  const other = (code) => runInNewContext(code);
  assert.deepEqual(await sendAny(other('new Uint8Array([65, 66])')), [['untitled', 'AB']]);
  assert.deepEqual(await sendAny(other('new Uint8Array([65, 66]).buffer')), [['untitled', 'AB']]);
  assert.deepEqual(await sendAny(other('new Map([["x", "y"]])')), [['x', 'y']]);
  assert.deepEqual(await sendAny(other('["a", "b"]')), [['untitled', 'a'], ['untitled (2)', 'b']]);
});

test('A3: a view of shared memory is copied; a buffer that was transferred is refused', async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(4));
  shared.set([65, 66, 67, 68]);
  assert.deepEqual(await sendAny(shared.subarray(1, 3)), [['untitled', 'BC']]);
  assert.deepEqual(await sendAny(shared.buffer), [['untitled', 'ABCD']]);
  const gone = new Uint8Array(3);
  structuredClone(gone, { transfer: [gone.buffer] });
  assert.throws(() => peers[0].send(gone), { name: 'MillraceError', code: 'invalid-argument' });
});

test('an iterable that throws, never ends, or imitates a browser object is an invalid-argument or too-large', () => {
  const endless = function* () {
    for (;;) yield 'x';
  };
  const throwing = { [Symbol.iterator]: () => ({ next: () => { throw new Error('no'); } }) };
  assert.throws(() => peers[0].send(endless()), { code: 'too-large' });
  for (const wrong of [throwing, { [Symbol.iterator]: 5 }, { [Symbol.iterator]: () => 5 }, { [Symbol.toStringTag]: 'Blob' },
    { [Symbol.toStringTag]: 'File' }, { [Symbol.toStringTag]: 'Map', [Symbol.iterator]: () => [7].values() }, [[]], new Set([undefined])]) {
    assert.throws(() => peers[0].send(wrong), { name: 'MillraceError', code: 'invalid-argument' });
  }
});

test('A6: 100 transfers in a loop all arrive, and a waiting one can be cancelled', async () => {
  const [a, b] = peers;
  b.onincoming = (offer) => offer.accept({ sink: 'memory' });
  const transfers = Array.from({ length: 200 }, (_, index) => a.send(`content ${index}`, { name: `${index}.txt` }));
  assert.deepEqual(transfers[150].files.map(({ name }) => name), ['150.txt']);
  transfers[199].cancel('changed my mind');
  const results = await Promise.allSettled(transfers.map(({ done }) => done));
  assert.deepEqual(results.slice(0, 199).filter(({ status }) => status !== 'fulfilled'), []);
  assert.equal(results[199].reason.code, 'cancelled');
  b.onincoming = null;
});

test('D1: impossible dates are sent as the nearest date', async () => {
  const [a, b] = peers;
  const dates = [-11_644_473_600_000, -1_798_761_600_000, -1, 0, 1_000, 1.7e12, 8.64e15, 8.64e15 + 1, 2 ** 53, NaN, Infinity, -Infinity];
  const files = dates.map((lastModified, index) => {
    const made = new File(['x'], `${index}`);
    // The constructor would change some of them.
    Object.defineProperty(made, 'lastModified', { value: lastModified });
    return made;
  });
  const coming = next(b, 'incoming');
  const sent = a.send(files);
  const { offer } = await coming;
  offer.accept({ sink: 'memory' });
  await sent.done;
  const last = 8.64e15;
  assert.deepEqual(offer.files.map(({ lastModified }) => lastModified), [0, 0, 0, 0, 1_000, 1.7e12, last, last, last, 0, last, 0]);
});

test('P2: what cannot be read in a folder is left out and named, before and after; an empty folder and an unreadable one say so', async () => {
  const [a, b] = peers;
  const denied = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  const readable = (name) => ({ kind: 'file', name, getFile: async () => file(name) });
  const directory = (name, entries) => ({
    kind: 'directory', name, [Symbol.toStringTag]: 'FileSystemDirectoryHandle',
    async *values() {
      if (entries) yield* entries;
      else await denied();
    },
  });
  const source = directory('d', [readable('a'), { kind: 'file', name: 'secret.txt', getFile: denied }, directory('locked'), directory('sub', [readable('b')])]);
  const coming = next(b, 'incoming');
  const sent = a.send(source);
  const { offer } = await coming;
  const expected = ['d/locked', 'd/secret.txt'];
  assert.deepEqual(offer.files.map(({ path }) => path), ['d/a', 'd/sub/b']);
  assert.deepEqual(sent.skipped.map(({ path }) => path).sort(), expected);
  assert.match(sent.skipped[0].reason, /NotAllowedError/);
  const received = await offer.accept({ sink: 'memory' }).done;
  assert.deepEqual((await sent.done).skipped.map(({ path }) => path).sort(), expected);
  assert.deepEqual(received.skipped, []);
  await assert.rejects(a.send(directory('d', [])).done, { code: 'invalid-argument' });
  await assert.rejects(a.send(directory('d')).done, { code: 'source-failed', message: /d: NotAllowedError/ });
  await assert.rejects(a.send(directory('d', [{ kind: 'file', name: 'x', getFile: denied }])).done, { code: 'source-failed', message: /d\/x/ });
});

test('empty files, alone and among others, arrive', async () => {
  assert.deepEqual(await sendAny([new File([], 'empty')]), [['empty', '']]);
  const big = randomBytes(50_000).toString('base64');
  assert.deepEqual(await sendAny([new File([], 'a'), new File([big], 'b'), new File([], 'c')]), [['a', ''], ['b', big], ['c', '']]);
});
