// Published test vectors against dist/sodium.js and its .wasm, as they are shipped.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import ours from '../../dist/sodium.js';
import { checkVectors } from '../interop/vectors.mjs';

await ours.ready;

const folder = new URL('../vectors/', import.meta.url);
const files = Object.fromEntries(
  ['blake2b', 'chacha20poly1305', 'ed25519', 'libsodium', 'mlkem768', 'ristretto255', 'x25519', 'xchacha20poly1305', 'xwing'].map((name) => [
    name,
    JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')),
  ]),
);

for (const [name, file] of Object.entries(files)) {
  test(`${name}: ${file.vectors.length} vectors of ${file.source}`, () => assert.equal(checkVectors(ours, file), file.vectors.length));
}

test('X25519 a thousand times over (RFC 7748, section 5.2)', () => {
  let [k, u] = [new Uint8Array(32), new Uint8Array(32)];
  k[0] = u[0] = 9;
  for (let at = 0; at < 1000; at++) [k, u] = [ours.crypto_scalarmult(k, u), k];
  assert.equal(ours.to_hex(k), '684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51');
});

test('a vector that is wrong is noticed', () => {
  for (const file of Object.values(files)) {
    // The last hexadecimal digit of what is expected.
    const last = JSON.stringify(file).replace(/([0-9a-f])("\}*\]\})$/, (_match, digit, end) => `${digit === '0' ? '1' : '0'}${end}`);
    assert.throws(() => checkVectors(ours, JSON.parse(last)), { message: /is not/ }, file.source);
  }
});
