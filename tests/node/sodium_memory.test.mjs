// What millrace/sodium leaves in WebAssembly memory: nothing of a call, and of a state only what is needed until it is used up.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';

// The package does not show its memory: it is caught on the way in.
let memory;
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = async (...args) => {
  const result = await instantiate(...args);
  memory = Object.values((result.instance ?? result).exports).find((each) => each instanceof WebAssembly.Memory);
  return result;
};
const { default: sodium } = await import('../../dist/sodium.js');
await sodium.ready;
WebAssembly.instantiate = instantiate;

/** Whether any eight bytes in a row of `secret` lie anywhere in memory. */
function isInMemory(secret) {
  const heap = Buffer.from(memory.buffer);
  for (let at = 0; at + 8 <= secret.length; at++) if (heap.includes(secret.subarray(at, at + 8))) return true;
  return false;
}

const random = (length) => new Uint8Array(randomBytes(length));

test('the scan finds what is there', () => {
  const heap = new Uint8Array(memory.buffer);
  const secret = random(32);
  const at = heap.length - 40;
  const before = heap.slice(at, at + 32);
  heap.set(secret, at);
  assert.ok(isInMemory(secret));
  heap.set(before, at);
  assert.ok(!isInMemory(secret));
});

test('no argument and no result of a call stays', () => {
  const [key, nonce, message] = [random(32), random(24), random(1000)];
  const box = sodium.crypto_box_keypair();
  const peer = sodium.crypto_box_keypair();
  const sign = sodium.crypto_sign_keypair();
  const kem = sodium.crypto_kem_keypair();
  const enc = sodium.crypto_kem_enc(kem.publicKey);
  const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(message, null, null, nonce, key);
  const forged = sealed.slice();
  forged[0] ^= 1;
  assert.deepEqual(sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, null, nonce, key), message);
  assert.throws(() => sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, forged, null, nonce, key));
  assert.throws(() => sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, null, nonce, key, 'text'));
  const boxed = sodium.crypto_box_easy(message, nonce, peer.publicKey, box.privateKey);
  sodium.crypto_box_open_easy(boxed, nonce, box.publicKey, peer.privateKey);
  const secrets = {
    key,
    message,
    boxKey: box.privateKey,
    peerKey: peer.privateKey,
    signingKey: sign.privateKey.subarray(0, 32),
    kemKey: kem.privateKey,
    sharedSecret: enc.sharedSecret,
    decapsulated: sodium.crypto_kem_dec(enc.ciphertext, kem.privateKey),
    beforenm: sodium.crypto_box_beforenm(peer.publicKey, box.privateKey),
    point: sodium.crypto_scalarmult(box.privateKey, peer.publicKey),
    subkey: sodium.crypto_kdf_derive_from_key(64, 1, 'contexts', key),
    hash: sodium.crypto_generichash(64, message, key),
    randomBytes: sodium.randombytes_buf(64),
    fromHex: sodium.from_hex(sodium.to_hex(message)),
    ...sodium.crypto_kx_client_session_keys(box.publicKey, box.privateKey, peer.publicKey),
  };
  sodium.crypto_sign_detached(message, sign.privateKey);
  sodium.unpad(sodium.pad(message, 64), 64);
  sodium.from_base64(sodium.to_base64(message));
  for (const [name, secret] of Object.entries(secrets)) assert.ok(!isInMemory(secret), `${name} is still in memory`);
});

test('a state is gone once it is used up', () => {
  const key = random(64);
  const piece = random(100);
  const state = sodium.crypto_generichash_init(key, 32);
  sodium.crypto_generichash_update(state, piece);
  assert.ok(isInMemory(piece), 'BLAKE2b keeps a block until it is full');
  sodium.crypto_generichash_final(state, 32);
  assert.ok(!isInMemory(piece));
  assert.ok(!isInMemory(key));
});

test('a state that is forgotten is cleared by the garbage collector', async () => {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  const key = random(32);
  const header = random(24);
  const subkey = (() => {
    const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(header, key);
    assert.ok(state);
    // What the state holds: the last 8 bytes of the header are part of its nonce.
    return header.subarray(16);
  })();
  assert.ok(isInMemory(subkey));
  for (let at = 0; at < 50 && isInMemory(subkey); at++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.ok(!isInMemory(subkey));
});

test('results are the caller’s own', () => {
  const first = sodium.randombytes_buf(32);
  const copy = first.slice();
  for (let at = 0; at < 100; at++) sodium.crypto_generichash(32, random(500));
  assert.deepEqual(first, copy);
  assert.notEqual(first.buffer, memory.buffer);
  assert.equal(first.buffer.byteLength, 32);
});

test('a long run of calls does not make memory grow', () => {
  const message = random(10_000);
  const run = () => {
    for (let at = 0; at < 2000; at++) {
      const state = sodium.crypto_generichash_init(null, 32);
      sodium.crypto_generichash_update(state, message);
      sodium.crypto_generichash_final(state, 32);
      assert.throws(() => sodium.crypto_sign_open(message, message.subarray(0, 32)));
    }
  };
  run();
  const before = memory.buffer.byteLength;
  run();
  assert.equal(memory.buffer.byteLength, before);
});
