// Secrets as people hand them over: keys, codes, and codes that are burnt.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { burn, connect, createCode, createLinkKey, normalizeCode, resolveSecret, words } = await bundle(`
  export { connect, createCode, createLinkKey, normalizeCode } from './index.ts';
  export { burn, resolveSecret } from './secrets/secret.ts';
  export { words } from './secrets/words.ts';
`);

const text = (bytes) => new TextDecoder().decode(bytes);

test('a link key is base64url of 256 or 128 bits and comes back as its bytes', () => {
  const seen = new Set();
  for (const [bits, length] of [[undefined, 43], [256, 43], [128, 22]]) {
    for (let round = 0; round < 500; round += 1) {
      const key = createLinkKey(bits);
      assert.match(key, /^[A-Za-z0-9_-]+$/);
      assert.equal(key.length, length);
      const { kind, bytes } = resolveSecret(key);
      assert.equal(kind, 'key');
      assert.equal(Buffer.from(bytes).toString('base64url'), key);
      seen.add(key);
    }
  }
  assert.equal(seen.size, 1500);
});

test('a code is a number and two of 2,048 words, each equally likely', async () => {
  assert.equal(words.length, 2048);
  assert.equal(new Set(words).size, 2048);
  for (const word of words) assert.match(word, /^[a-z]{3,8}$/);
  const numbers = new Map();
  const used = new Set();
  for (let round = 0; round < 4000; round += 1) {
    const code = await createCode();
    const [, number, ...chosen] = /^(\d+)-([a-z]+)-([a-z]+)$/.exec(code);
    assert.equal(normalizeCode(code), code);
    assert.equal(resolveSecret(code).kind, 'code');
    numbers.set(Number(number), (numbers.get(Number(number)) ?? 0) + 1);
    for (const word of chosen) used.add(word);
  }
  assert.match(await createCode(71), /^71-[a-z]+-[a-z]+$/);
  for (const number of [0, -1, 1.5, NaN, '7']) await assert.rejects(createCode(number), { code: 'invalid-argument' });
  // 62.5 of each number are expected; a fair generator is outside of this once in more than a million runs.
  assert.deepEqual([...numbers.keys()].sort((a, b) => a - b), Array.from({ length: 64 }, (_, index) => index + 1));
  for (const count of numbers.values()) assert.ok(count > 20 && count < 120, String(count));
  // 2048 · (1 − e^(−8000/2048)) = 2007 different ones are expected.
  assert.ok(used.size > 1960 && used.size < 2048, String(used.size));
});

test('the way of typing a code makes no difference', () => {
  const same = [
    '7-crossover-clockwork', ' 7 Crossover CLOCKWORK ', '7–crossover—clockwork', '7 crossover  clockwork\n', '７-ｃｒｏｓｓｏｖｅｒ-clockwork',
    '7_crossover_clockwork', '7\u00a0crossover\u2212clockwork', '-7--crossover-clockwork-', '7-cross\u00adover-clock\u200bwork',
  ];
  for (const form of same) assert.equal(text(resolveSecret(form, 'code').bytes), '7-crossover-clockwork', form);
  assert.equal(normalizeCode('Stra\u00dfe 1'), normalizeCode('stra\u00dfe-1'));
  assert.equal(normalizeCode('caf\u00e9'), normalizeCode('cafe\u0301'));
  assert.notEqual(normalizeCode('7-crossover-clockwork'), normalizeCode('7-crossoverclockwork'));
});

test('keys and codes are told apart', () => {
  const key = createLinkKey(128);
  assert.equal(resolveSecret(key).kind, 'key');
  assert.equal(resolveSecret(key, 'code').kind, 'code');
  // Words joined by dashes are base64url, too.
  assert.equal(resolveSecret('42-abandoned-crossover-clockwork').kind, 'code');
  assert.equal(resolveSecret('7-crossover-clockwork').kind, 'code');
  assert.equal(resolveSecret(key.slice(1)).kind, 'code');
  assert.equal(resolveSecret('not a key, but Long Enough for one').kind, 'code');
  assert.deepEqual(resolveSecret(undefined), { kind: 'none', bytes: new Uint8Array() });
});

test('an invalid secret is an invalid-argument', () => {
  const cases = [
    ['', undefined], ['  ', 'code'], ['-', undefined], ['x'.repeat(257), 'code'], ['short', 'key'], ['A'.repeat(21), 'key'],
    ['A'.repeat(25), 'key'], [`${'A'.repeat(30)}+/`, 'key'], [undefined, 'key'], [undefined, 'code'], ['A'.repeat(22), 'pin'],
    [7, undefined], [new Uint8Array(32), 'key'], [null, undefined],
  ];
  for (const [secret, kind] of cases) assert.throws(() => resolveSecret(secret, kind), { code: 'invalid-argument' }, String(secret));
});

test('a burnt code is refused however it is typed, and others are not', async () => {
  burn(resolveSecret('9-lemon-kite'));
  for (const form of ['9-lemon-kite', '9 Lemon Kite']) {
    assert.throws(() => resolveSecret(form), { code: 'authentication-failed', message: /burnt/ });
  }
  let closed = false;
  const signaling = { send: () => assert.fail('nothing is to be said'), onmessage: null, close: () => (closed = true) };
  await assert.rejects(connect({ signaling, secret: '9-lemon-kite' }), { code: 'authentication-failed' });
  assert.ok(closed);
  assert.equal(resolveSecret('9-lemon-kit').kind, 'code');
  const key = createLinkKey();
  burn(resolveSecret(key));
  assert.equal(resolveSecret(key).kind, 'key');
});
