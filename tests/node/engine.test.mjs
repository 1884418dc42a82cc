// The engine with the real core in Node.js: what ends a session, and what is left of it afterwards.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { addControlConnection, closePair, connectedPair, EngineSide, held } from './support/engine_pair.mjs';

test('a file crosses, and nothing is left running after the end', async () => {
  const before = held();
  const sides = await connectedPair();
  const bytes = randomBytes(3_000_000);
  sides[0].send('send-1', bytes);
  const { id } = await sides[1].until('offer');
  sides[1].post({ type: 'accept', id, sink: 'memory' });
  const [, received] = await Promise.all([sides[0].until('done'), sides[1].until('done')]);
  assert.deepEqual(Buffer.from(await received.files[0].blob.arrayBuffer()), bytes);
  await closePair(sides);
  for (const side of sides) {
    assert.deepEqual([side.all('closed').length, side.all('released').length], [1, 1]);
    for (const channel of side.channels.values()) assert.equal(channel.readyState, 'closed');
  }
  await wait(50);
  assert.equal(held(), before);
});

test('an exception in a turn ends the session once, on both sides, and nothing runs afterwards', async () => {
  const before = held();
  const sides = await connectedPair();
  let turns = 0;
  Object.defineProperty(sides[0].channels.get(1), 'bufferedAmount', {
    get: () => {
      turns += 1;
      throw new RangeError('no buffer');
    },
  });
  sides[0].post({ type: 'check' });
  const closed = await sides[0].until('closed');
  assert.equal(closed.code, 'internal');
  assert.match(closed.detail, /no buffer/);
  assert.match(closed.stack, /RangeError: no buffer\n.*engine\.test\.mjs/);
  await Promise.all(sides.map((side) => side.until('released')));
  // The core was sound: the other side hears the reason.
  assert.equal((await sides[1].until('closed')).code, 'internal');
  await wait(50);
  assert.deepEqual([turns, sides[0].all('closed').length, sides[0].all('released').length, held()], [1, 1, 1, before]);
});

test('an exception before the core has loaded ends the session too', async () => {
  const before = held();
  const side = new EngineSide(0);
  side.start({ secretKind: 5 });
  assert.equal((await side.until('closed')).code, 'internal');
  await side.until('released');
  await wait(50);
  assert.equal(held(), before);
});

test('a close while the core is being loaded ends the session at once', async () => {
  const sides = [new EngineSide(0), new EngineSide(1)];
  for (const side of sides) side.start();
  addControlConnection(sides);
  await closePair(sides);
  for (const side of sides) assert.equal((await side.until('closed')).code, 'closed');
});

test('a call with values that the core does not take fails its own transfer, and the session lives', async () => {
  const sides = await connectedPair();
  const [a, b] = sides;
  let count = 0;
  /** Offers a file of its own name. `changes`: of the message. */
  const offer = (changes = {}, file = {}) => {
    const id = `send-${(count += 1)}`;
    const files = [{ name: id, path: id, size: 4, type: '', lastModified: 0, ...file }];
    a.post({ type: 'send', id, secret: randomBytes(16), files, bodies: [new Blob(['text'])], ...changes });
    return id;
  };
  const failure = (id) => a.until('failed', (message) => message.id === id);
  const received = (id) => b.until('offer', ({ files }) => files[0].path === id);

  for (const value of [5, null, {}, Symbol('s'), new Error('x'), undefined]) {
    for (const call of [{ type: 'fail', code: value, detail: '' }, { type: 'fail', code: 'cancelled', detail: value }]) {
      const id = offer();
      a.post({ ...call, id });
      assert.equal((await failure(id)).code, 'internal');
    }
    for (const call of [{ type: 'reject', reason: value }, { type: 'accept', sink: value }]) {
      const id = offer();
      b.post({ ...call, id: (await received(id)).id });
      assert.match((await failure(id)).code, /^(internal|sink-failed)$/);
    }
    for (const field of ['path', 'type', 'size', 'lastModified']) {
      if (field === 'size' && value === null) continue;
      const id = offer({}, { [field]: typeof value === 'number' && field !== 'path' && field !== 'type' ? 'text' : value });
      assert.equal((await failure(id)).code, 'invalid-argument');
    }
    for (const changes of [{ secret: value }, { bodies: [value] }, { files: value }]) await failure(offer(changes));
    a.post({ type: 'signal', message: value });
    a.post({ type: 'messages', messages: [value] });
  }
  const id = offer();
  b.post({ type: 'accept', id: (await received(id)).id, sink: 'memory' });
  await Promise.all([a.until('done'), b.until('done')]);
  for (const side of sides) assert.equal(side.all('closed').length, 0);
  await closePair(sides);
});
