// Transfers in the engine with the real core: what a call can break, and what becomes of sinks whose transfer has ended.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { closePair, connectedPair } from './support/engine_pair.mjs';

/** A stream that notes how it ends. */
function notingStream() {
  const ended = { aborted: undefined, closed: false };
  ended.stream = new WritableStream({
    abort: (reason) => void (ended.aborted = reason),
    close: () => void (ended.closed = true),
  });
  return ended;
}

/** An offer that the second side accepts into streams, and that has asked for its stream. */
async function waitForStream(sides) {
  sides[0].send('send-1', randomBytes(100_000));
  const { id } = await sides[1].until('offer');
  sides[1].post({ type: 'accept', id, sink: 'stream' });
  const { file } = await sides[1].until('openStream');
  return { id, file: file.id };
}

test('a stream that opens after its transfer was cancelled is aborted', async () => {
  for (const canceller of [0, 1]) {
    const sides = await connectedPair();
    const { id, file } = await waitForStream(sides);
    sides[canceller].post({ type: 'fail', id: canceller === 0 ? 'send-1' : id, code: 'cancelled', detail: 'enough' });
    await sides[1].until('failed');
    const late = notingStream();
    sides[1].post({ type: 'stream', id, file, stream: late.stream });
    await wait(0);
    assert.equal(late.aborted?.code, 'cancelled');
    await closePair(sides);
  }
});

test('a stream that opens after the session has ended is aborted', async () => {
  const sides = await connectedPair();
  const { id, file } = await waitForStream(sides);
  await closePair(sides);
  const late = notingStream();
  sides[1].post({ type: 'stream', id, file, stream: late.stream });
  await wait(0);
  assert.equal(late.aborted?.code, 'cancelled');
});

test('a stream that nobody asked for is aborted', async () => {
  const sides = await connectedPair();
  const stray = notingStream();
  sides[1].post({ type: 'stream', id: 'receive-7', file: 0, stream: stray.stream });
  await wait(0);
  assert.equal(stray.aborted?.code, 'cancelled');
  await closePair(sides);
});

test('values that the core does not take fail their transfer, not the session', async () => {
  const sides = await connectedPair();
  sides[0].send('send-1', randomBytes(1_000));
  const { id } = await sides[1].until('offer');
  sides[1].post({ type: 'fail', id, code: 'cancelled', detail: 42 });
  assert.equal((await sides[1].until('failed')).id, id);
  assert.equal((await sides[0].until('failed')).byPeer, true);

  sides[0].post({ type: 'send', id: 'send-2', secret: new Uint8Array(16), files: [{ name: 5 }], bodies: [new Blob(['x'])] });
  assert.equal((await sides[0].until('failed', (failed) => failed.id === 'send-2')).code, 'invalid-argument');

  sides[0].send('send-3', randomBytes(1_000));
  const offer = await sides[1].until('offer', (found) => found.id !== id);
  sides[1].post({ type: 'reject', id: offer.id, reason: new Error('no') });
  assert.equal((await sides[0].until('failed', (failed) => failed.id === 'send-3')).byPeer, true);

  // The session still works.
  sides[0].send('send-4', randomBytes(1_000));
  const last = await sides[1].until('offer', (found) => found.id === 'receive-3');
  sides[1].post({ type: 'accept', id: last.id, sink: 'memory' });
  await sides[0].until('done');
  for (const side of sides) assert.equal(side.all('closed').length, 0);
  await closePair(sides);
});

test('each side knows which of them ended a transfer, and the session', async () => {
  const sides = await connectedPair();
  sides[0].send('send-1', randomBytes(1_000));
  const { id } = await sides[1].until('offer');
  sides[1].post({ type: 'reject', id, reason: 'not now' });
  const { code, detail, byPeer } = await sides[0].until('failed');
  assert.deepEqual([code, detail, byPeer], ['rejected', 'not now', true]);

  sides[0].send('send-2', randomBytes(1_000));
  await sides[1].until('offer', (offer) => offer.id === 'receive-2');
  sides[0].post({ type: 'fail', id: 'send-2', code: 'cancelled', detail: 'mine' });
  assert.equal((await sides[0].until('failed', (failed) => failed.id === 'send-2')).byPeer, false);
  assert.equal((await sides[1].until('failed', (failed) => failed.id === 'receive-2')).byPeer, true);

  sides[0].post({ type: 'close', code: 'aborted', detail: 'enough' });
  const [here, there] = await Promise.all(sides.map((side) => side.until('closed')));
  assert.deepEqual([here.byPeer, there.byPeer, there.code, there.detail], [false, true, 'aborted', 'enough']);
  await Promise.all(sides.map((side) => side.until('released')));
});
