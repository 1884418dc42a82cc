// Our build of libsodium compared with npm's libsodium-wrappers, measured in turns in the same Node.js process.
//
//   node scripts/bench-crypto.mjs [--json]
//
// Each side works as its user does. Ours copies the message into the WebAssembly heap, works in place and reads the result as a view; the
// wrappers take and return a Uint8Array. Figures are MB/s (10^6 bytes of message). The two take turns in many short rounds, and the
// medians of the rounds count. The ratio is the median of the ratios of neighbouring rounds, so it holds while the machine's speed
// drifts.
import { readFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import sodium from 'libsodium-wrappers';
import loadOurs from '../build/wasm-release/wasm/millrace_bench_crypto.js';

const sizes = [1024, 16_384, 65_536, 262_144];
const rounds = 200;
const roundMs = 3;
const warmUpRounds = 40;
const tagBytes = 16;

const wasm = new URL('../build/wasm-release/wasm/millrace_bench_crypto.wasm', import.meta.url);
const ours = await loadOurs({ wasmBinary: await readFile(wasm) });
await sodium.ready;
if (ours._BenchInit() < 0) throw new Error('sodium_init failed');

const text = (address) => {
  let string = '';
  for (let at = address; ours.HEAPU8[at] !== 0; at++) string += String.fromCharCode(ours.HEAPU8[at]);
  return string;
};

const key = new Uint8Array(randomBytes(32));
const nonce = new Uint8Array(randomBytes(24));
const keyAt = ours._malloc(32);
const nonceAt = ours._malloc(24);
const hashAt = ours._malloc(32);
const bufferAt = ours._malloc(Math.max(...sizes) + tagBytes);
ours.HEAPU8.set(key, keyAt);
ours.HEAPU8.set(nonce, nonceAt);

function seal(message) {
  ours.HEAPU8.set(message, bufferAt);
  if (ours._BenchSeal(bufferAt, message.length, nonceAt, keyAt) !== 0) throw new Error('seal failed');
  return ours.HEAPU8.subarray(bufferAt, bufferAt + message.length + tagBytes);
}

function open(sealed) {
  ours.HEAPU8.set(sealed, bufferAt);
  if (ours._BenchOpen(bufferAt, sealed.length, nonceAt, keyAt) !== 0) throw new Error('open failed');
  return ours.HEAPU8.subarray(bufferAt, bufferAt + sealed.length - tagBytes);
}

function hash(message) {
  ours.HEAPU8.set(message, bufferAt);
  if (ours._BenchHash(hashAt, bufferAt, message.length) !== 0) throw new Error('hash failed');
  return ours.HEAPU8.subarray(hashAt, hashAt + 32);
}

function hashTree(message) {
  ours.HEAPU8.set(message, bufferAt);
  ours._BenchHashTree(hashAt, bufferAt, message.length);
  return ours.HEAPU8.subarray(hashAt, hashAt + 32);
}

const peerSeal = (message) => sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(message, null, null, nonce, key);
const peerOpen = (sealed) => sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, null, nonce, key);
const peerHash = (message) => sodium.crypto_generichash(32, message);

/** Calls per second of one round: `work` over and over for `roundMs`, the clock read once per batch. */
function measure(work, batch) {
  let calls = 0;
  const start = performance.now();
  let elapsed = 0;
  while (elapsed < roundMs) {
    for (let i = 0; i < batch; i++) work();
    calls += batch;
    elapsed = performance.now() - start;
  }
  return (calls * 1000) / elapsed;
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const rounded = (value, digits) => Number(value.toFixed(digits));

/** Calls per second of ours and, where there is one, of the peer, and the ratio. */
function compare(batch, our, peer) {
  const ourRates = [];
  const peerRates = [];
  for (let round = -warmUpRounds; round < rounds; round++) {
    const ourRate = measure(our, batch);
    const peerRate = peer ? measure(peer, batch) : NaN;
    if (round < 0) continue; // Both are compiled by then.
    ourRates.push(ourRate);
    peerRates.push(peerRate);
  }
  if (!peer) return { ours: median(ourRates), peers: null, ratio: null };
  return {
    ours: median(ourRates),
    peers: median(peerRates),
    ratio: rounded(median(ourRates.map((rate, round) => rate / peerRates[round])), 2),
  };
}

const builds = {
  chacha: ours._BenchHasSimdChaCha() ? 'ssse3-simd128' : 'scalar',
  libsodium: text(ours._BenchSodiumVersion()),
  peerLibsodium: sodium.sodium_version_string(),
};

/** A speed counts only for the same result. */
function checkEqual(op, our, peer) {
  if (Buffer.compare(our, peer) !== 0) throw new Error(`${op}: the results differ`);
}

/** What takes a message: MB/s. */
function compareBytes(op, size, input, our, peer) {
  if (peer) checkEqual(op, our(input), peer(input));
  const { ours: rate, peers, ratio } = compare(Math.max(1, Math.floor(32_768 / size)), () => our(input), peer && (() => peer(input)));
  const mbs = (perSecond) => rounded((perSecond * size) / 1e6, 1);
  const peerRate = peers === null ? null : mbs(peers);
  return { bench: 'crypto', op, size, mbs: mbs(rate), peer: peer ? 'libsodium-wrappers' : null, peerMbs: peerRate, ratio, ...builds };
}

/** What does not: operations per second. */
function compareCalls(op, our, peer) {
  if (peer) checkEqual(op, our(), peer());
  const { ours: rate, peers, ratio } = compare(1, our, peer);
  const opsPerSecond = rounded(rate, 0);
  const peerRate = peers === null ? null : rounded(peers, 0);
  return {
    bench: 'crypto',
    op,
    opsPerSecond,
    ms: rounded(1000 / rate, 3),
    peer: peer ? 'libsodium-wrappers' : null,
    peerOpsPerSecond: peerRate,
    ratio,
    ...builds,
  };
}

// X-Wing, deterministic, so that results can be compared.
const kemSeed = new Uint8Array(randomBytes(32));
const kemCoins = new Uint8Array(randomBytes(64));
const kemPair = sodium.crypto_kem_xwing_seed_keypair(kemSeed);
const kemSealed = sodium.crypto_kem_xwing_enc_deterministic(kemPair.publicKey, kemCoins);
const at = { publicKey: ours._malloc(1216), secretKey: ours._malloc(32), seed: ours._malloc(64), ciphertext: ours._malloc(1120), secret: ours._malloc(32) };

function call(name, status) {
  if (status !== 0) throw new Error(`${name} failed`);
}
const take = (address, length) => ours.HEAPU8.slice(address, address + length);

function kemKeypair() {
  ours.HEAPU8.set(kemSeed, at.seed);
  call('keypair', ours._BenchKemKeypair(at.publicKey, at.secretKey, at.seed));
  return take(at.publicKey, 1216);
}

function kemEncapsulate() {
  ours.HEAPU8.set(kemPair.publicKey, at.publicKey);
  ours.HEAPU8.set(kemCoins, at.seed);
  call('encapsulation', ours._BenchKemEncapsulate(at.ciphertext, at.secret, at.publicKey, at.seed));
  return take(at.ciphertext, 1120);
}

function kemDecapsulate() {
  ours.HEAPU8.set(kemSealed.ciphertext, at.ciphertext);
  ours.HEAPU8.set(kemPair.privateKey, at.secretKey);
  call('decapsulation', ours._BenchKemDecapsulate(at.secret, at.ciphertext, at.secretKey));
  return take(at.secret, 32);
}

function* rows() {
  for (const size of sizes) {
    const message = new Uint8Array(randomBytes(size));
    const sealed = peerSeal(message);
    yield compareBytes('xchacha20poly1305-seal', size, message, seal, peerSeal);
    yield compareBytes('xchacha20poly1305-open', size, sealed, open, peerOpen);
    yield compareBytes('blake2b', size, message, hash, peerHash);
    yield compareBytes('blake2b-tree', size, message, hashTree, null);
  }
  yield compareCalls('xwing-keypair', kemKeypair, () => sodium.crypto_kem_xwing_seed_keypair(kemSeed).publicKey);
  yield compareCalls('xwing-encapsulate', kemEncapsulate, () => sodium.crypto_kem_xwing_enc_deterministic(kemPair.publicKey, kemCoins).ciphertext);
  yield compareCalls('xwing-decapsulate', kemDecapsulate, () => sodium.crypto_kem_xwing_dec(kemSealed.ciphertext, kemPair.privateKey));
  yield compareCalls('cpace', () => call('cpace', ours._BenchCpace()), null);
  // Both sides of it.
  yield compareCalls('handshake', () => call('handshake', ours._BenchHandshake(0)), null);
  yield compareCalls('handshake-code', () => call('handshake', ours._BenchHandshake(1)), null);
}

const json = process.argv.includes('--json');
if (!json) console.log('op                         size                 ours   libsodium-wrappers   ratio');
for (const row of rows()) {
  const [ourRate, peerRate, unit] = row.size ? [row.mbs, row.peerMbs, 'MB/s'] : [row.opsPerSecond, row.peerOpsPerSecond, ' 1/s'];
  const rate = (value) => (value === null ? 'none' : `${value.toFixed(0)} ${unit}`);
  console.log(
    json
      ? JSON.stringify(row)
      : `${row.op.padEnd(24)}${String(row.size ?? '').padStart(7)}${rate(ourRate).padStart(21)}${rate(peerRate).padStart(21)}${(row.ratio?.toFixed(2) ?? '').padStart(8)}`,
  );
}
