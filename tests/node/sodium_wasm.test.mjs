// The WebAssembly build of libsodium, with its SIMD ChaCha20, against npm's libsodium-wrappers, which has none: the same bytes
// at every length around the block sizes. (LLVM 14 once miscompiled it from 256 bytes on; see cmake/sodium_wasm_splat.h.)
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import sodium from 'libsodium-wrappers';
import loadOurs from '../../build/wasm-release/wasm/millrace_bench_crypto.js';

const binary = new URL('../../build/wasm-release/wasm/millrace_bench_crypto.wasm', import.meta.url);
const ours = await loadOurs({ wasmBinary: await readFile(binary) });
await sodium.ready;
assert.ok(ours._BenchInit() >= 0);

const largest = 300_000;
const address = { key: ours._malloc(32), nonce: ours._malloc(24), hash: ours._malloc(32), data: ours._malloc(largest + 16) };
const put = (bytes, at) => ours.HEAPU8.set(bytes, at);
const take = (at, length) => ours.HEAPU8.slice(at, at + length);
/** Every length to beyond four runs of 256 bytes (ChaCha20 does 4 blocks of 64 at once), then around records. */
const lengths = [...Array(1100).keys(), 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 262_144, 299_999];

test('the SIMD path is compiled in', () => assert.equal(ours._BenchHasSimdChaCha(), 1));

test('seals and opens as libsodium-wrappers does, at every length', () => {
  for (const length of lengths) {
    const key = new Uint8Array(randomBytes(32));
    const nonce = new Uint8Array(randomBytes(24));
    const message = new Uint8Array(randomBytes(length));
    put(key, address.key);
    put(nonce, address.nonce);
    put(message, address.data);
    assert.equal(ours._BenchSeal(address.data, length, address.nonce, address.key), 0);
    const sealed = take(address.data, length + 16);
    const expected = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(message, null, null, nonce, key);
    assert.ok(Buffer.from(sealed).equals(expected), `${length} bytes sealed`);
    assert.equal(ours._BenchOpen(address.data, length + 16, address.nonce, address.key), 0);
    assert.ok(Buffer.from(take(address.data, length)).equals(message), `${length} bytes opened`);
  }
});

test('refuses a message with any one bit changed', () => {
  const length = 600;
  const key = new Uint8Array(randomBytes(32));
  const nonce = new Uint8Array(randomBytes(24));
  const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(new Uint8Array(length), null, null, nonce, key);
  put(key, address.key);
  put(nonce, address.nonce);
  for (let at = 0; at < sealed.length; at++) {
    const forged = sealed.slice();
    forged[at] ^= 1 << (at & 7);
    put(forged, address.data);
    assert.notEqual(ours._BenchOpen(address.data, forged.length, address.nonce, address.key), 0, `byte ${at}`);
  }
});

test('hashes as libsodium-wrappers does, at every length', () => {
  for (const length of lengths) {
    const message = new Uint8Array(randomBytes(length));
    put(message, address.data);
    assert.equal(ours._BenchHash(address.hash, address.data, length), 0);
    assert.ok(Buffer.from(take(address.hash, 32)).equals(sodium.crypto_generichash(32, message)), `${length} bytes`);
  }
});
