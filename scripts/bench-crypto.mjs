// Our build of libsodium against npm's libsodium-wrappers, measured in turns in the same Node.js process.
//
//   node scripts/bench-crypto.mjs [--json]
//
// Each side works as its user does: ours copies the message into the WebAssembly heap, works in place and reads the result
// as a view; the wrappers take and give a Uint8Array. Figures are MB/s (10^6 bytes of message). The two take turns in many
// short rounds; the medians of the rounds count, and the ratio is the median of the ratios of neighbouring rounds, so that
// it holds while the machine's speed drifts.
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

const peerSeal = (message) => sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(message, null, null, nonce, key);
const peerOpen = (sealed) => sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, null, nonce, key);
const peerHash = (message) => sodium.crypto_generichash(32, message);

/** MB/s of one round: `work` over and over for `roundMs`, the clock read once per batch. */
function measure(work, input, size, batch) {
  let calls = 0;
  const start = performance.now();
  let elapsed = 0;
  while (elapsed < roundMs) {
    for (let i = 0; i < batch; i++) work(input);
    calls += batch;
    elapsed = performance.now() - start;
  }
  return (calls * size) / elapsed / 1000;
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const rounded = (value, digits) => Number(value.toFixed(digits));

function compare(op, size, input, our, peer) {
  // A speed counts only for the same result.
  if (Buffer.compare(our(input), peer(input)) !== 0) throw new Error(`${op}: the results differ`);
  const batch = Math.max(1, Math.floor(32_768 / size));
  const ourRates = [];
  const peerRates = [];
  for (let round = -warmUpRounds; round < rounds; round++) {
    const ourRate = measure(our, input, size, batch);
    const peerRate = measure(peer, input, size, batch);
    if (round < 0) continue; // Both are compiled by then.
    ourRates.push(ourRate);
    peerRates.push(peerRate);
  }
  const mbs = median(ourRates);
  const peerMbs = median(peerRates);
  const ratio = median(ourRates.map((rate, round) => rate / peerRates[round]));
  return {
    bench: 'crypto',
    op,
    size,
    mbs: rounded(mbs, 1),
    peer: 'libsodium-wrappers',
    peerMbs: rounded(peerMbs, 1),
    ratio: rounded(ratio, 2),
    chacha: ours._BenchHasSimdChaCha() ? 'ssse3-simd128' : 'scalar',
    libsodium: text(ours._BenchSodiumVersion()),
    peerLibsodium: sodium.sodium_version_string(),
  };
}

const json = process.argv.includes('--json');
if (!json) console.log('op                         size      ours MB/s   libsodium-wrappers MB/s   ratio');
for (const size of sizes) {
  const message = new Uint8Array(randomBytes(size));
  const sealed = peerSeal(message);
  for (const [op, input, our, peer] of [
    ['xchacha20poly1305-seal', message, seal, peerSeal],
    ['xchacha20poly1305-open', sealed, open, peerOpen],
    ['blake2b', message, hash, peerHash],
  ]) {
    const row = compare(op, size, input, our, peer);
    console.log(
      json
        ? JSON.stringify(row)
        : `${op.padEnd(24)}${String(size).padStart(7)}${row.mbs.toFixed(0).padStart(15)}${row.peerMbs.toFixed(0).padStart(26)}${row.ratio.toFixed(2).padStart(8)}`,
    );
  }
}
