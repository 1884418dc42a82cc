import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { StreamReader } = await bundle(`export { StreamReader } from './sources/stream_reader.ts';`);

/** A stream of these chunks that says how many were taken. */
function streamOf(chunks) {
  const state = { taken: 0, cancelled: false };
  state.stream = new ReadableStream(
    {
      pull(controller) {
        if (state.taken === chunks.length) return controller.close();
        controller.enqueue(chunks[state.taken]);
        state.taken += 1;
      },
      cancel: () => void (state.cancelled = true),
    },
    { highWaterMark: 0 },
  );
  return state;
}

function cut(bytes, sizes) {
  let at = 0;
  return sizes.map((size) => bytes.subarray(at, (at += size)));
}

async function read(reader, offset, length) {
  const pieces = [];
  const count = await reader.read(0, offset, length, (piece) => pieces.push(Buffer.from(piece)));
  const bytes = Buffer.concat(pieces);
  assert.equal(bytes.length, count);
  return bytes;
}

test('reads of any length find the bytes of chunks of any length', async () => {
  const bytes = randomBytes(1000);
  for (const sizes of [[1000], [1, 999], [0, 500, 0, 0, 500, 0], Array.from({ length: 100 }, () => 10)]) {
    for (const length of [1, 7, 10, 499, 500, 501, 1000]) {
      const reader = new StreamReader(streamOf(cut(bytes, sizes)).stream);
      for (let offset = 0; offset < 1000; offset += length) {
        assert.deepEqual(await read(reader, offset, length), bytes.subarray(offset, offset + length));
      }
      assert.equal((await read(reader, 1000, length)).length, 0);
    }
  }
});

test('no more is taken than is asked for, and what is at hand answers at once', async () => {
  const bytes = randomBytes(300);
  const state = streamOf(cut(bytes, [100, 100, 100]));
  const reader = new StreamReader(state.stream);
  assert.ok(reader.read(0, 0, 0, () => {}) === 0);
  await read(reader, 0, 50);
  assert.equal(state.taken, 1);
  assert.equal(reader.read(0, 50, 50, () => {}), 50);
  await read(reader, 100, 101);
  assert.equal(state.taken, 3);
});

test('fewer bytes than asked for are the end, for all reads that wait', async () => {
  const bytes = randomBytes(25);
  const reader = new StreamReader(streamOf(cut(bytes, [5, 20])).stream);
  const found = await Promise.all([0, 10, 20, 30, 40].map((offset) => read(reader, offset, 10)));
  assert.deepEqual(found.map(({ length }) => length), [10, 10, 5, 0, 0]);
  assert.deepEqual(Buffer.concat(found), bytes);
});

test('an empty stream is an empty file', async () => {
  assert.equal((await read(new StreamReader(streamOf([]).stream), 0, 10)).length, 0);
});

test('chunks may be any bytes, and nothing else', async () => {
  const { buffer } = new Uint8Array([1, 2, 3, 4]);
  const chunks = [buffer, new DataView(buffer, 1, 2), new Uint16Array(buffer, 2, 1), Buffer.from([5])];
  const reader = new StreamReader(streamOf(chunks).stream);
  assert.deepEqual([...(await read(reader, 0, 100))], [1, 2, 3, 4, 2, 3, 3, 4, 5]);
  for (const wrong of ['text', 7, null, { length: 3 }, [1, 2]]) {
    const failing = new StreamReader(streamOf([new Uint8Array(3), wrong, new Uint8Array(3)]).stream);
    const reads = [0, 3, 6].map((offset) => read(failing, offset, 3));
    await reads[0];
    await assert.rejects(reads[1], { code: 'source-failed' });
    await assert.rejects(reads[2], { code: 'source-failed' });
    await assert.rejects(read(failing, 3, 3), { code: 'source-failed' }, 'what came after is not what belongs there');
  }
});

test('a stream cannot be read twice, nor skipped', async () => {
  for (const offset of [0, 9]) {
    const reader = new StreamReader(streamOf([randomBytes(20)]).stream);
    await read(reader, 0, 5);
    await assert.rejects(read(reader, offset, 5), { code: 'source-failed' });
  }
});

test('a stream that fails says why', async () => {
  const stream = new ReadableStream({ start: (controller) => controller.error(new Error('camera gone')) });
  await assert.rejects(read(new StreamReader(stream), 0, 5), { code: 'source-failed', message: /camera gone/ });
});

test('a stream that has a reader is refused', () => {
  const stream = new ReadableStream();
  stream.getReader();
  assert.throws(() => new StreamReader(stream), { code: 'source-failed' });
});

test('closing cancels the stream, and reads that wait end', async () => {
  let cancelled = false;
  const reader = new StreamReader(new ReadableStream({ cancel: () => void (cancelled = true) }));
  const reads = [0, 5].map((offset) => read(reader, offset, 5));
  await new Promise((resolve) => setImmediate(resolve));
  reader.close();
  assert.deepEqual((await Promise.all(reads)).map(({ length }) => length), [0, 0]);
  assert.ok(cancelled);
});
