// What millrace/sodium does with wrong arguments: what libsodium-wrappers does, and an error of its own where that one goes wrong.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import peer from 'libsodium-wrappers';
import ours from '../../dist/sodium.js';
import { calls } from '../interop/calls.mjs';
import { compareErrors } from '../interop/errors.mjs';
import { Random } from '../interop/random.mjs';

await Promise.all([ours.ready, peer.ready]);

const families =
  /^(crypto_(aead_x?chacha20poly1305_(ietf|IETF)|secretstream|generichash|kx|kdf|box|sign|scalarmult|kem)_?|randombytes_|SODIUM_|sodium_version)/;

test('every name of libsodium-wrappers in these families is there, with the same value', () => {
  const names = peer.symbols().filter((name) => families.test(name) || !/^(crypto|sodium|libsodium)/.test(name));
  assert.ok(names.length > 150, `${names.length} names`);
  for (const name of names) {
    assert.equal(typeof ours[name], typeof peer[name], name);
    if (typeof peer[name] !== 'function' && name !== 'ready') assert.deepEqual(ours[name], peer[name], name);
  }
  // Of libsodium-wrappers-sumo.
  const more = ours.symbols().filter((name) => !names.includes(name));
  assert.deepEqual(more, ['', '_BYTES', '_SCALARBYTES', '_base'].map((end) => `crypto_scalarmult_ristretto255${end}`).sort());
});

test('every function but those of libsodium-wrappers-sumo is in the grid', () => {
  const functions = ours.symbols().filter((name) => typeof ours[name] === 'function' && !/ristretto255|^symbols$/.test(name));
  assert.deepEqual(Object.keys(calls).sort(), functions);
});

test('right and wrong types, lengths and formats: the same result, or the same error', (t) => {
  const { compared, differences } = compareErrors(ours, peer);
  assert.deepEqual(differences, []);
  assert.ok(compared > 4000, `${compared} calls`);
  t.diagnostic(`${compared} calls compared`);
});

test('what libsodium-wrappers does not answer is an error here', () => {
  const key = new Uint8Array(32);
  for (const length of [0, 15, 65, 2 ** 31 - 1]) {
    assert.throws(() => ours.crypto_kdf_derive_from_key(length, 1, 'contexts', key), { name: 'Error', message: 'invalid usage' });
  }
  const state = ours.crypto_generichash_init(null, 32);
  for (const length of [0, 65, 2 ** 31 - 1]) {
    assert.throws(() => ours.crypto_generichash_final(state, length), { name: 'Error', message: 'invalid usage' });
  }
  assert.equal(ours.crypto_generichash_final(state, 32).length, 32);
  for (const length of [0, 1, 15]) {
    assert.throws(() => ours.crypto_box_open_easy_afternm(new Uint8Array(length), new Uint8Array(24), key), {
      name: 'TypeError',
      message: 'ciphertext is too short',
    });
  }
  for (const call of [() => ours.randombytes_buf(2 ** 31 - 1), () => ours.pad(key, 2 ** 31 - 1), () => ours.crypto_generichash_init('', 2 ** 31 - 1)]) {
    assert.throws(call, { name: 'Error' });
  }
});

test('a state is of one kind, for one sequence, and cannot be made up', () => {
  const key = new Uint8Array(32);
  const hashing = ours.crypto_generichash_init(null, 32);
  const signing = ours.crypto_sign_init();
  const wrong = { name: 'TypeError', message: 'unsupported input type for state_address' };
  for (const state of [signing, 0, 1024, -1, {}, { ...hashing }, Object.create(hashing), 'state', key, new Proxy(hashing, {})]) {
    assert.throws(() => ours.crypto_generichash_update(state, 'message'), wrong);
    assert.throws(() => ours.crypto_secretstream_xchacha20poly1305_push(state, 'message', null, 0), wrong);
  }
  ours.crypto_generichash_final(hashing, 32);
  ours.crypto_sign_final_verify(signing, new Uint8Array(64), key);
  const over = { name: 'TypeError', message: 'state_address has been used up' };
  assert.throws(() => ours.crypto_generichash_update(hashing, 'message'), over);
  assert.throws(() => ours.crypto_generichash_final(hashing, 32), over);
  assert.throws(() => ours.crypto_sign_update(signing, 'message'), over);
});

test('a Uint8Array that lies about its length is taken for what it holds', () => {
  class Liar extends Uint8Array {
    get length() {
      return 32;
    }
  }
  const nonce = new Uint8Array(24);
  for (const length of [0, 31, 33, 100_000]) {
    assert.throws(() => ours.crypto_aead_xchacha20poly1305_ietf_encrypt('', null, null, nonce, new Liar(length)), {
      name: 'TypeError',
      message: 'invalid key length',
    });
  }
  assert.deepEqual(ours.crypto_generichash(32, new Liar(100_000)), ours.crypto_generichash(32, new Uint8Array(100_000)));
  assert.throws(() => ours.crypto_generichash(32, Object.create(Uint8Array.prototype)), TypeError);
});

test('random arguments: a value, a TypeError or an Error, and everything works afterwards', () => {
  const seed = Number(process.env.SODIUM_SEED ?? randomInt(2 ** 31));
  const random = new Random(seed);
  const states = () => [ours.crypto_generichash_init(null, 32), ours.crypto_sign_init(), ours.crypto_secretstream_xchacha20poly1305_init_push(new Uint8Array(32)).state];
  const junk = () => {
    const kinds = [
      () => random.bytes(random.pick([0, 1, 8, 12, 16, 24, 31, 32, 33, 64, 1088, 1120, 1216, 2400])),
      () => random.pick([undefined, null, NaN, Infinity, -1, 0, 1, 64, 2 ** 31, 2 ** 53, 1e300, true, 7n, -7n, 2n ** 70n]),
      () => random.pick(['', 'hex', 'text', 'contexts', '\ud800', 'a'.repeat(64)]),
      () => random.pick([{}, [], () => 1, Symbol('s'), new Date(0), new Float64Array(4), new ArrayBuffer(32)]),
      () => random.pick(states()),
    ];
    return random.pick(kinds)();
  };
  // Those that take any object for one thing or another; none of them touches WebAssembly memory.
  const names = Object.keys(calls).filter((name) => !['from_string', 'to_string', 'output_formats'].includes(name));
  const counts = { values: 0, errors: 0 };
  for (let at = 0; at < 30_000; at++) {
    const name = random.pick(names);
    const { make } = calls[name];
    const args = random.below(2) ? make(ours) : [];
    for (let i = random.below(3); i >= 0; i--) args[random.below(7)] = junk();
    try {
      ours[name](...args);
      counts.values += 1;
    } catch (error) {
      assert.ok([Error, TypeError].includes(error?.constructor), `seed ${seed}, call ${at}: ${name} threw ${String(error)}`);
      counts.errors += 1;
    }
  }
  assert.ok(counts.values > 1000 && counts.errors > 1000, JSON.stringify(counts));
  for (const [name, { make, random: differs }] of Object.entries(calls)) {
    if (!differs && !/_state|_update|rekey/.test(name)) assert.deepEqual(ours[name](...make(ours)), peer[name](...make(peer)), name);
  }
});
