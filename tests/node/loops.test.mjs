// The loops behind `offers()` and `messages()` of sessions and rooms (web/base/async_loop.ts, merged_loop.ts, session/incoming_offers.ts).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { AsyncLoop, IncomingOffers, MergedLoop, MillraceError } = await bundle(`
  export { MillraceError } from './api/errors.ts';
  export { AsyncLoop } from './base/async_loop.ts';
  export { MergedLoop } from './base/merged_loop.ts';
  export { IncomingOffers } from './session/incoming_offers.ts';
`);

/** A loop over an array that the test fills. */
class ArrayLoop extends AsyncLoop {
  values = [];
  closed = 0;
  take() {
    return this.values.length > 0 ? { value: this.values.shift() } : undefined;
  }
  onclose() {
    this.closed += 1;
  }
  push(...values) {
    this.values.push(...values);
    this.wake();
  }
}

/** An offer as far as `IncomingOffers` knows it. */
class FakeOffer extends EventTarget {
  state = 'open';
  become(state) {
    this.state = state;
    this.dispatchEvent(new Event('statechange'));
  }
}

const done = { done: true, value: undefined };
const got = (value) => ({ done: false, value });
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('a loop gives each value once and in order, whether the reader or the value comes first', async () => {
  const loop = new ArrayLoop();
  loop.push(1);
  const reads = [loop.next(), loop.next(), loop.next()];
  loop.push(2, 3);
  assert.deepEqual(await Promise.all(reads), [1, 2, 3].map(got));
});

test('a loop that ends gives what is left first, then throws once or just ends', async () => {
  for (const error of [undefined, new Error('gone')]) {
    const loop = new ArrayLoop();
    loop.push('last');
    loop.end(error);
    assert.deepEqual(await loop.next(), got('last'));
    if (error) await assert.rejects(loop.next(), error);
    assert.deepEqual(await loop.next(), done);
    assert.equal(loop.closed, 1);
  }
});

test('a loop that is left lets nobody wait, and is closed once', async () => {
  const loop = new ArrayLoop();
  const waiting = loop.next();
  assert.deepEqual(await loop.return(), done);
  assert.deepEqual([await waiting, await loop.next(), await loop.return()], [done, done, done]);
  assert.equal(loop.closed, 1);
});

test('a merged loop has the values of all loops, reads one ahead of each, and outlives those that end or throw', async () => {
  let closed = 0;
  const merged = new MergedLoop(() => (closed += 1));
  const [a, b] = [new ArrayLoop(), new ArrayLoop()];
  merged.add(a, (value) => `a${value}`);
  merged.add(b, (value) => `b${value}`);
  a.push(1, 2, 3);
  await settle();
  assert.deepEqual(a.values, [2, 3], 'the others wait where they are');
  assert.deepEqual([await merged.next(), await merged.next()], [got('a1'), got('a2')]);
  a.end(new Error('gone'));
  b.push(1);
  const rest = [await merged.next(), await merged.next()];
  assert.deepEqual(rest.map(({ value }) => value).sort(), ['a3', 'b1']);
  const waiting = merged.next();
  merged.endSoon();
  b.push(2);
  assert.deepEqual(await waiting, got('b2'), 'a loop that goes on is heard to its end');
  const last = merged.next();
  b.end();
  assert.deepEqual(await last, done);
  assert.equal(closed, 1);
});

test('leaving a merged loop leaves all its loops', async () => {
  const merged = new MergedLoop(() => {});
  const loops = [new ArrayLoop(), new ArrayLoop()];
  for (const loop of loops) merged.add(loop, (value) => value);
  for await (const value of (loops[1].push('only'), merged)) {
    assert.equal(value, 'only');
    break;
  }
  assert.deepEqual(loops.map(({ closed }) => closed), [1, 1]);
});

test('offers wait for a listener or a loop; each loop has those that are still open when it gets there', async () => {
  const fired = [];
  const offers = new IncomingOffers((offer) => fired.push(offer));
  const [early, withdrawn, answered, left] = Array.from({ length: 4 }, () => new FakeOffer());
  offers.add(early);
  offers.add(withdrawn);
  withdrawn.become('withdrawn');
  const loop = offers.open();
  const other = offers.open();
  assert.deepEqual(fired, [early], 'the one that was withdrawn is not delivered');
  assert.deepEqual(await loop.next(), got(early));
  offers.add(answered);
  offers.add(left);
  answered.become('rejected');
  assert.deepEqual([await loop.next(), await other.next()], [got(left), got(left)]);
  const waiting = loop.next();
  offers.end(new MillraceError('closed'));
  assert.deepEqual([await waiting, await offers.open().next()], [done, done]);
});

test('a loop over offers throws the error of a session that did not end in an orderly way', async () => {
  const offers = new IncomingOffers(() => {});
  const loop = offers.open();
  const waiting = loop.next();
  offers.end(new MillraceError('connection-lost'));
  await assert.rejects(waiting, { code: 'connection-lost' });
  await assert.rejects(offers.open().next(), { code: 'connection-lost' });
});

test('offers that are withdrawn before anybody listens make room for others', () => {
  const offers = new IncomingOffers(() => {});
  for (let round = 0; round < 3; round += 1) {
    const waiting = Array.from({ length: 64 }, () => new FakeOffer());
    for (const offer of waiting) assert.equal(offers.add(offer), true);
    assert.equal(offers.add(new FakeOffer()), false);
    for (const offer of waiting) offer.become('withdrawn');
  }
});
