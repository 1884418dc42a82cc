// A goodbye must not overtake what was said before it, over real connections.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { connectedPair, next } from './support/session_pair.mjs';

after(() => setImmediate(() => process.exit()));

/** Sends files; the receiver leaves as soon as its transfer is done. Returns what the sender's transfer came to. */
async function sendToOneWhoLeaves(source) {
  const [a, b] = await connectedPair();
  const coming = next(b, 'incoming');
  const transfer = a.send(source);
  const { offer } = await coming;
  const receiving = offer.accept({ sink: 'memory' });
  const left = receiving.done.then(() => b.close());
  const outcome = await transfer.done.then(
    (receipt) => receipt.files.length,
    (error) => `${error.code}: ${error.explanation}`,
  );
  await Promise.all([left, a.close()]);
  return outcome;
}

test('a sender gets its receipt although the receiver leaves at once', async () => {
  const sources = [
    () => new Blob([]),
    () => randomBytes(1),
    () => randomBytes(2),
    () => randomBytes(300_000),
    () => [randomBytes(1), randomBytes(5_000), new Blob([])],
  ];
  for (let round = 0; round < 6; ++round) {
    for (const source of sources) {
      const made = source();
      assert.equal(await sendToOneWhoLeaves(made), Array.isArray(made) ? made.length : 1);
    }
  }
});

test('a transfer that is not done when the other side leaves fails with its reason', async () => {
  const [a, b] = await connectedPair();
  const coming = next(b, 'incoming');
  const transfer = a.send(new Blob([randomBytes(20_000_000)]));
  const { offer } = await coming;
  const receiving = offer.accept({ sink: () => new WritableStream({ write: () => b.close() }) });
  await Promise.all([
    assert.rejects(receiving.done, { code: 'closed', byPeer: false }),
    assert.rejects(transfer.done, { byPeer: true }),
  ]);
  await Promise.all([a.close(), b.close()]);
});
