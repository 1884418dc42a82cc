// Sessions of the built package in Node.js, over real connections: what callers may pass, and what becomes of the session.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { anyValues, callIdly, findTaken } from '../../e2e/pages/values.js';
import { closeAll, connectedPair, next } from './support/session_pair.mjs';

let peers;
before(async () => {
  peers = await connectedPair();
});
after(() => closeAll(peers));

const bytes = randomBytes(1_000);

/** A transfer from one peer to the other, and its offer. `args`: for `send`. */
async function offered(...args) {
  const [a, b] = peers;
  const coming = next(b, 'incoming');
  const transfer = a.send(...(args.length > 0 ? args : [bytes]));
  const { offer } = await coming;
  return { transfer, offer };
}

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

/** Both sessions live: a file crosses. */
async function expectAlive() {
  const { transfer, offer } = await offered();
  const [sent, received] = await Promise.all([transfer.done, offer.accept({ sink: 'memory' }).done]);
  assert.equal(sent.files[0].root, received.files[0].root);
  for (const peer of peers) assert.equal(peer.state, 'connected');
}

test('a transfer can be cancelled with any value as its reason, and only that transfer ends', async () => {
  for (const [name, value, text] of [...anyValues, ['undefined', undefined, ''], ['a long text', 'x'.repeat(10_000_000), 'x'.repeat(1_024)]]) {
    const { transfer, offer } = await offered();
    const receiving = offer.accept({ sink: 'memory' });
    // By both sides in turn.
    const [ending, other] = text.length % 2 === 0 ? [transfer, receiving] : [receiving, transfer];
    ending.cancel(value);
    await assert.rejects(ending.done, { code: 'cancelled', explanation: text, byPeer: false }, name);
    await assert.rejects(other.done, { code: 'cancelled', explanation: text, byPeer: true }, name);
    assert.deepEqual([transfer.state, receiving.state], ['cancelled', 'cancelled'], name);
  }
  await expectAlive();
});

test('an offer can be rejected with any value as the reason', async () => {
  for (const [name, value, text] of anyValues) {
    const { transfer, offer } = await offered();
    offer.reject(value);
    await assert.rejects(transfer.done, { code: 'rejected', explanation: text, byPeer: true }, name);
  }
  await expectAlive();
});

test('an invalid source, or an option of a wrong type, is an invalid-argument that names it', async () => {
  const { offer } = await offered();
  assert.deepEqual(findTaken(peers[0], offer), []);
  // None of that has answered the offer.
  offer.reject();
  await expectAlive();
});

test('an offer tells how it was answered, and that it was withdrawn', async () => {
  const [a, b] = peers;
  const states = [];
  const watch = (offer) => offer.addEventListener('statechange', ({ target }) => states.push(target.state));
  const { transfer, offer } = await offered();
  assert.equal(offer.peer, b);
  for (const end of ['accepted', 'rejected', 'withdrawn']) {
    const { transfer, offer } = await offered();
    assert.equal(offer.state, 'open');
    watch(offer);
    const changed = next(offer, 'statechange');
    if (end === 'accepted') offer.accept({ sink: 'memory' });
    else if (end === 'rejected') offer.reject();
    else transfer.cancel('not now');
    await changed;
    assert.equal(offer.state, end);
    if (end !== 'withdrawn') assert.throws(() => offer.accept(), { code: 'invalid-argument' });
    else await assert.rejects(offer.accept().done, { code: 'cancelled', explanation: 'not now', byPeer: true });
    await transfer.done.catch(() => {});
    assert.equal(offer.state, end, 'that is final');
  }
  assert.deepEqual(states, ['accepted', 'rejected', 'withdrawn']);
  watch(offer);
  await transfer.cancel();
  await next(offer, 'statechange');
  assert.equal(a.state, 'connected');
});

test('loops over offers get those that wait and those that come', async () => {
  const [a, b] = await connectedPair();
  const transfers = [a.send(bytes, { name: 'first' }), a.send(bytes, { name: 'withdrawn' })];
  transfers[1].cancel();
  await assert.rejects(transfers[1].done, { code: 'cancelled' });
  const names = [];
  for await (const offer of b.offers()) {
    names.push(offer.files[0].name);
    const receiving = offer.accept({ sink: 'memory' });
    if (names.length === 1) transfers.push(a.send(bytes, { name: 'second' }));
    await receiving.done;
    if (names.length === 2) break;
  }
  assert.deepEqual(names, ['first', 'second']);
  const loop = b.offers();
  const waiting = loop.next();
  await a.close();
  assert.deepEqual(await waiting, { done: true, value: undefined });
  await b.close();
});

test('a signal ends a transfer that was accepted with it, and an aborted one accepts nothing', async () => {
  const { transfer, offer } = await offered();
  const { signal, abort } = abortable();
  assert.throws(() => offer.accept({ signal: AbortSignal.abort() }), { code: 'aborted' });
  assert.equal(offer.state, 'open');
  const receiving = offer.accept({ sink: () => new WritableStream({ write: () => new Promise(() => {}) }), signal });
  abort();
  await assert.rejects(receiving.done, { code: 'aborted', byPeer: false });
  await assert.rejects(transfer.done, { byPeer: true });
  await expectAlive();
});

test('a sink function that gives anything but a stream fails its transfer only', async () => {
  for (const [name, value] of anyValues) {
    const { transfer, offer } = await offered();
    const receiving = offer.accept({ sink: () => value });
    await assert.rejects(receiving.done, { code: 'sink-failed', byPeer: false }, name);
    await assert.rejects(transfer.done, { code: 'sink-failed', byPeer: true }, name);
  }
  await expectAlive();
});

test('arguments that a method does not take, and listeners that are none, do no harm', async () => {
  const { transfer, offer } = await offered();
  const receiving = offer.accept({ sink: 'memory' });
  callIdly(peers[0], transfer);
  callIdly(peers[1], receiving);
  await Promise.all([transfer.done, receiving.done]);
  await expectAlive();
});

test('a transfer that ends with its session tells which side closed the session', async () => {
  const [a, b] = await connectedPair();
  const coming = next(b, 'incoming');
  const sending = a.send(bytes);
  const { offer } = await coming;
  const closed = next(b, 'statechange');
  await a.close();
  await closed;
  await assert.rejects(sending.done, { code: 'closed', byPeer: false });
  await assert.rejects(offer.accept().done, { code: 'closed', byPeer: true });
  await b.close();
});
