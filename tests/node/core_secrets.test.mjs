// What must not stay in memory: the whole memory of the WebAssembly core, its stack included, is searched for what went into a
// handshake, and for what a session is known to have held.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { connectedPair, makePair, now, openControl, run } from './support/core_pair.mjs';

/** The parts of a handshake's randomness that the other side never sees (src/crypto/handshake.cpp). */
function secretParts(entropy) {
  return {
    'X25519 key': entropy.subarray(0, 32),
    // The last byte loses its upper bits.
    'CPace scalar': entropy.subarray(96, 127),
    'X-Wing seed': entropy.subarray(128, 192),
  };
}

/** The names of those secrets of which eight bytes in a row are anywhere in the core's memory. */
function found({ core }, secrets) {
  const memory = Buffer.from(core.HEAPU8.buffer);
  return Object.entries(secrets)
    .filter(([, secret]) => {
      for (let at = 0; at + 8 <= secret.length; at += 8) if (memory.includes(secret.subarray(at, at + 8))) return true;
      return false;
    })
    .map(([name]) => name);
}

const secretKinds = {
  none: () => new Uint8Array(0),
  key: () => new Uint8Array(randomBytes(32)),
  code: () => new TextEncoder().encode('7-crossover-clockwork'),
};

for (const [secretKind, makeSecret] of Object.entries(secretKinds)) {
  test(`secret ${secretKind}: nothing of it stays longer than it is needed`, async () => {
    const secret = makeSecret();
    const entropy = new Uint8Array(randomBytes(192));
    const secrets = { secret, ...secretParts(entropy) };
    const sides = await makePair({ entropy, secretKind, secret }, { secretKind, secret });
    const [side] = sides;
    // The search finds what is there: before the handshake ends, its keys are.
    assert.ok(found(side, secrets).includes('X25519 key'));
    assert.deepEqual(found(side, { secret }), []);

    run(sides, () => sides.every((one) => one.event('established')));
    assert.deepEqual(found(side, secrets), []);
    for (const { session } of sides) session.openLane(1, 262_144, true, now());
    side.offer(randomBytes(200_000));
    run(sides, () => sides.every((one) => one.event('done')));

    for (const { session } of sides) session.closeLane(0, now());
    run(sides, () => sides.every((one) => one.event('disconnected')));
    const again = new Uint8Array(randomBytes(192));
    for (const { session } of sides) session.reconnect(session === side.session ? again : new Uint8Array(randomBytes(192)), now());
    openControl(sides);
    run(sides, () => sides.every((one) => one.event('reconnected')));
    assert.deepEqual(found(side, { ...secrets, ...secretParts(again) }), []);

    side.session.close('closed', '', now());
    run(sides, () => sides[1].event('closed'));
    side.session.delete();
    assert.deepEqual(found(side, { ...secrets, ...secretParts(again) }), []);
  });
}

test('nothing stays of a handshake that failed, or that never was', async () => {
  const secret = secretKinds.code();
  const entropy = new Uint8Array(randomBytes(192));
  const secrets = { secret, ...secretParts(entropy) };
  const sides = await makePair({ entropy, secretKind: 'code', secret }, { secretKind: 'code', secret: secretKinds.key() });
  run(sides, () => sides.every((side) => side.event('closed')));
  assert.deepEqual(found(sides[0], secrets), []);

  const [unused] = await makePair({ entropy, secretKind: 'code', secret });
  unused.session.close('aborted', '', now());
  assert.deepEqual(found(unused, secrets), []);
  unused.session.delete();
  assert.deepEqual(found(unused, secrets), []);
});

test('the secret that names transfers goes as soon as it has', async () => {
  const [side] = await connectedPair();
  const secret = new Uint8Array(randomBytes(32));
  side.session.offer([{ name: 'f', path: 'f', size: 1, type: '', lastModified: 0 }], secret, now());
  assert.deepEqual(found(side, { secret }), []);
});
