import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { Incoming, StreamStore } = await bundle(`
  export { Incoming } from './engine/incoming.ts';
  export { StreamStore } from './sinks/stream.ts';
`);

function info(id, size = null) {
  return { id, name: `f${id}`, path: `f${id}`, size, type: '', lastModified: 0 };
}

/** A stream that takes a chunk whenever the test says so, or at once. */
function slowStream({ atOnce = false } = {}) {
  const state = { chunks: [], waiting: [], closed: false, aborted: undefined };
  state.take = () => state.waiting.shift()();
  state.stream = new WritableStream({
    write: (chunk) => {
      state.chunks.push(chunk);
      if (!atOnce) return new Promise((resolve) => state.waiting.push(resolve));
    },
    close: () => void (state.closed = true),
    abort: (reason) => void (state.aborted = reason),
  });
  return state;
}

function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Whether a promise is settled now. */
async function isSettled(promise) {
  let done = false;
  promise.then(() => (done = true), () => (done = true));
  await settled();
  return done;
}

async function open(state) {
  const store = new StreamStore(() => state.stream);
  return { store, writer: await store.open(info(0)) };
}

test('bytes go out in order, whatever order they come in', async () => {
  const state = slowStream({ atOnce: true });
  const { store, writer } = await open(state);
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  const writes = [60, 20, 80, 0, 40].map((offset) => writer.write(offset, bytes.subarray(offset, offset + 20)));
  await Promise.all(writes);
  await writer.close(100);
  assert.deepEqual(Buffer.concat(state.chunks), Buffer.from(bytes));
  assert.ok(state.closed);
  await store.finish();
  assert.deepEqual([store.existing, store.readExisting(0, 0, new Uint8Array(1))], [[], 0]);
});

test('what comes too early waits, and what waits is not copied before its turn', async () => {
  const state = slowStream({ atOnce: true });
  const { writer } = await open(state);
  const early = new Uint8Array([3, 4]);
  const waiting = writer.write(2, early);
  assert.equal(await isSettled(waiting), false);
  assert.deepEqual(state.chunks, []);
  await writer.write(0, new Uint8Array([1, 2]));
  await waiting;
  early.fill(9);
  assert.deepEqual(Buffer.concat(state.chunks), Buffer.from([1, 2, 3, 4]), 'the stream has a copy of its own');
});

test('a write is answered when the stream wants more', async () => {
  const state = slowStream();
  const { writer } = await open(state);
  const writes = [0, 1, 2].map((offset) => writer.write(offset, new Uint8Array([offset])));
  assert.equal(await isSettled(writes[0]), false);
  assert.equal(state.chunks.length, 1, 'the next one waits outside');
  state.take();
  await writes[0];
  assert.equal(await isSettled(writes[1]), false);
  assert.equal(state.chunks.length, 2);
  state.take();
  await writes[1];
  const closing = writes[2].then(() => writer.close(3));
  await settled();
  state.take();
  await closing;
  assert.ok(state.closed);
});

test('a stream that fails rejects the writes that wait, those after, and the end', async () => {
  const stream = new WritableStream({ write: () => Promise.reject(new Error('full')) });
  const { writer } = await open({ stream });
  const writes = [1, 0, 5].map((offset) => writer.write(offset, new Uint8Array(1)));
  for (const write of writes) await assert.rejects(write, /full/);
  await assert.rejects(writer.write(2, new Uint8Array(1)), /full/);
  await assert.rejects(writer.close(3), /full/);
});

test('a stream that fails while nothing is written rejects the next write', async () => {
  let fail;
  const stream = new WritableStream({ start: (controller) => void (fail = () => controller.error(new Error('gone'))) });
  const { writer } = await open({ stream });
  const waiting = writer.write(1, new Uint8Array(1));
  fail();
  await assert.rejects(waiting, /gone/);
  await assert.rejects(writer.write(0, new Uint8Array(1)), /gone/);
});

test('a file with a gap is not closed', async () => {
  const state = slowStream({ atOnce: true });
  const { writer } = await open(state);
  await writer.write(0, new Uint8Array(3));
  await assert.rejects(writer.close(4), { code: 'internal' });
  assert.equal(state.closed, false);
});

test('an early end aborts open streams and lets nobody wait', async () => {
  const states = [slowStream(), slowStream({ atOnce: true }), slowStream()];
  let openLast;
  const last = new Promise((resolve) => (openLast = () => resolve(states[2].stream)));
  const store = new StreamStore(({ id }) => (id === 2 ? last : states[id].stream));
  const writer = await store.open(info(0));
  const writes = [writer.write(0, new Uint8Array(1)), writer.write(5, new Uint8Array(1))];
  const finished = await store.open(info(1));
  await finished.close(0);
  const opening = store.open(info(2));
  const aborted = store.abort(true);
  openLast();
  for (const write of writes) await assert.rejects(write, { code: 'cancelled' });
  await assert.rejects(opening, { code: 'cancelled' });
  states[0].take(); // An abort waits for the chunk that the stream is busy with.
  await aborted;
  assert.equal(states[0].aborted.code, 'cancelled');
  assert.deepEqual([states[1].closed, states[1].aborted], [true, undefined]);
  assert.equal(states[2].aborted.code, 'cancelled');
});

test('a function that fails, or a stream that somebody writes to, fails the file', async () => {
  const failing = new StreamStore(() => {
    throw new Error('no picker');
  });
  await assert.rejects(failing.open(info(0)), /no picker/);
  const stream = new WritableStream();
  stream.getWriter();
  await assert.rejects(new StreamStore(() => stream).open(info(0)), TypeError);
});

test('a stream is asked for when its first bytes are there, at most two files ahead, and in order', async () => {
  const asked = [];
  const states = Array.from({ length: 6 }, () => slowStream({ atOnce: true }));
  const store = new StreamStore(({ id }) => {
    asked.push(id);
    return states[id].stream;
  });
  const infos = states.map((_, id) => info(id, id === 3 ? 0 : 1));
  const incoming = new Incoming(store, infos);
  await incoming.readExisting(() => assert.fail('nothing is there'), () => false);
  await settled();
  assert.deepEqual(asked, [], 'not before its bytes are there');
  // All at once, as small files come, the first one last.
  const writes = [1, 2, 4, 5, 0].map((id) => incoming.write(id, 0, new Uint8Array([id])));
  const empty = incoming.finish(3, 0);
  await settled();
  assert.deepEqual(asked.sort(), [0, 1, 2]);
  // A file that is finished before the first one makes no room.
  await incoming.finish(1, 1);
  await settled();
  assert.deepEqual(asked.length, 3);
  await incoming.finish(0, 1);
  await empty;
  await settled();
  assert.deepEqual(asked.slice(3).sort(), [3, 4], 'the second one is finished as well');
  await incoming.finish(2, 1);
  await Promise.all(writes);
  assert.deepEqual(asked.at(-1), 5);
  assert.deepEqual(states.map(({ chunks }) => chunks.flatMap((chunk) => [...chunk])), [[0], [1], [2], [], [4], [5]]);
});

test('an early end lets no file wait for its turn', async () => {
  const store = new StreamStore(() => new WritableStream());
  const opening = store.open(info(3));
  const outcome = assert.rejects(opening, { code: 'cancelled' });
  await store.abort();
  await outcome;
});
