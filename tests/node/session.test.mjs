// Sessions of the built package in Node.js, over real connections: what callers may pass, and what becomes of the session.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { anyValues, callIdly, findTaken } from '../../e2e/pages/values.js';
import { closeAndExit, connectedPair, next } from './support/session_pair.mjs';

let peers;
before(async () => {
  peers = await connectedPair();
});
after(() => closeAndExit(peers));

const bytes = randomBytes(1_000);

/** A transfer from one peer to the other, and its offer. `args`: for `send`. */
async function offered(...args) {
  const [a, b] = peers;
  const coming = next(b, 'incoming');
  const transfer = a.send(...(args.length > 0 ? args : [bytes]));
  const { offer } = await coming;
  return { transfer, offer };
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
    await assert.rejects(ending.done, { code: 'cancelled', detail: text, byPeer: false }, name);
    await assert.rejects(other.done, { code: 'cancelled', detail: text, byPeer: true }, name);
    assert.deepEqual([transfer.state, receiving.state], ['cancelled', 'cancelled'], name);
  }
  await expectAlive();
});

test('an offer can be rejected with any value as the reason', async () => {
  for (const [name, value, text] of anyValues) {
    const { transfer, offer } = await offered();
    offer.reject(value);
    await assert.rejects(transfer.done, { code: 'rejected', detail: text, byPeer: true }, name);
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
