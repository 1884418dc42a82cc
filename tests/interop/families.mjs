// Two implementations of libsodium's interface against each other. `a` makes, `b` opens; the caller swaps them.
import { bothRefuse, equal, flipped, holds, outcomeOf, same } from './compare.mjs';

/** One message in sixteen also goes through forms that cost more or matter less. */
const now = (random) => random.below(16) === 0;

function aead(name, nonceBytes) {
  return (a, b, random) => {
    const [message, ad, nonce, key] = [random.message(), random.maybe(), random.bytes(nonceBytes), random.bytes(32)];
    const sealed = a[`${name}_encrypt`](message, ad, null, nonce, key);
    same(b[`${name}_encrypt`](message, ad, null, nonce, key), sealed, 'sealed');
    same(b[`${name}_decrypt`](null, sealed, ad, nonce, key), message, 'opened');
    if (!now(random)) return;
    const { ciphertext, mac } = a[`${name}_encrypt_detached`](message, ad, null, nonce, key);
    same(sealed, new Uint8Array([...ciphertext, ...mac]), 'detached');
    same(b[`${name}_decrypt_detached`](null, ciphertext, mac, ad, nonce, key), message, 'opened detached');
    const forged = flipped(sealed, random);
    bothRefuse([a, b].map((each) => () => each[`${name}_decrypt`](null, forged, ad, nonce, key)), 'a forged message');
    const forgedMac = flipped(mac, random);
    bothRefuse([a, b].map((each) => () => each[`${name}_decrypt_detached`](null, ciphertext, forgedMac, ad, nonce, key)), 'a forged tag');
  };
}

/** One message of a stream; a new stream every 25. */
function secretstream() {
  const name = 'crypto_secretstream_xchacha20poly1305';
  const streams = new Map();
  const begin = (a, b, random) => {
    const key = random.bytes(32);
    const { state, header } = a[`${name}_init_push`](key);
    const stream = { push: state, pull: b[`${name}_init_pull`](header, key), left: 25 };
    streams.set(a, stream);
    return stream;
  };
  return (a, b, random) => {
    let stream = streams.get(a);
    if (stream === undefined || stream.left === 0) stream = begin(a, b, random);
    stream.left -= 1;
    const [message, ad] = [random.message(), random.maybe()];
    const tag = stream.left === 0 ? a[`${name}_TAG_FINAL`] : random.below(3);
    const sealed = a[`${name}_push`](stream.push, message, ad, tag);
    if (now(random)) same(b[`${name}_pull`](stream.pull, flipped(sealed, random), ad), false, 'a forged message');
    same(b[`${name}_pull`](stream.pull, sealed, ad), { message, tag }, 'pulled');
    if (now(random)) {
      same(a[`${name}_rekey`](stream.push), true, 'rekey');
      b[`${name}_rekey`](stream.pull);
    }
  };
}

function generichash(a, b, random) {
  const [message, length, key] = [random.message(), 1 + random.below(64), random.maybe(random.below(65))];
  const hash = a.crypto_generichash(length, message, key);
  same(b.crypto_generichash(length, message, key), hash, 'hash');
  const state = b.crypto_generichash_init(key, length);
  const cut = random.below(message.length + 1);
  b.crypto_generichash_update(state, message.subarray(0, cut));
  b.crypto_generichash_update(state, message.subarray(cut));
  same(b.crypto_generichash_final(state, length), hash, 'hash of pieces');
}

function kx(a, b, random) {
  const seed = random.bytes(32);
  const client = a.crypto_kx_seed_keypair(seed);
  if (now(random)) same(b.crypto_kx_seed_keypair(seed), client, 'key pair');
  const server = b.crypto_kx_keypair();
  const own = a.crypto_kx_client_session_keys(client.publicKey, client.privateKey, server.publicKey);
  const others = b.crypto_kx_server_session_keys(server.publicKey, server.privateKey, client.publicKey);
  same({ sharedRx: own.sharedTx, sharedTx: own.sharedRx }, others, 'session keys');
}

function kdf(a, b, random) {
  const id = now(random) ? (BigInt(random.word()) << 32n) | BigInt(random.word()) : random.word() >>> 1;
  const context = String.fromCharCode(...random.bytes(8).map((byte) => byte & 127));
  const parameters = [16 + random.below(49), id, context, random.bytes(32)];
  same(a.crypto_kdf_derive_from_key(...parameters), b.crypto_kdf_derive_from_key(...parameters), 'subkey');
}

function box(a, b, random) {
  const [message, nonce] = [random.message(), random.bytes(24)];
  const sender = a.crypto_box_seed_keypair(random.bytes(32));
  const receiver = b.crypto_box_keypair();
  const sealed = a.crypto_box_easy(message, nonce, receiver.publicKey, sender.privateKey);
  same(b.crypto_box_open_easy(sealed, nonce, sender.publicKey, receiver.privateKey), message, 'opened');
  if (!now(random)) return;
  const shared = a.crypto_box_beforenm(receiver.publicKey, sender.privateKey);
  same(b.crypto_box_beforenm(sender.publicKey, receiver.privateKey), shared, 'shared key');
  same(b.crypto_box_easy_afternm(message, nonce, shared), sealed, 'sealed with it');
  same(a.crypto_box_open_easy_afternm(sealed, nonce, shared), message, 'opened with it');
  const { ciphertext, mac } = a.crypto_box_detached(message, nonce, receiver.publicKey, sender.privateKey);
  same(new Uint8Array([...mac, ...ciphertext]), sealed, 'detached');
  same(b.crypto_box_open_detached(ciphertext, mac, nonce, sender.publicKey, receiver.privateKey), message, 'opened detached');
  const anonymous = a.crypto_box_seal(message, receiver.publicKey);
  same(b.crypto_box_seal_open(anonymous, receiver.publicKey, receiver.privateKey), message, 'opened anonymous');
  const forged = flipped(sealed, random);
  bothRefuse([a, b].map((each) => () => each.crypto_box_open_easy(forged, nonce, sender.publicKey, receiver.privateKey)), 'a forged box');
  bothRefuse([a, b].map((each) => () => each.crypto_box_open_easy_afternm(forged, nonce, shared)), 'a forged box, afternm');
}

function sign(a, b, random) {
  const [message, seed] = [random.message(), random.bytes(32)];
  const { publicKey, privateKey } = a.crypto_sign_seed_keypair(seed);
  const signature = a.crypto_sign_detached(message, privateKey);
  same(b.crypto_sign_verify_detached(signature, message, publicKey), true, 'signature verified');
  if (!now(random)) return;
  same(b.crypto_sign_seed_keypair(seed).publicKey, publicKey, 'public key');
  same(b.crypto_sign_detached(message, privateKey), signature, 'signature');
  const signed = a.crypto_sign(message, privateKey);
  same(b.crypto_sign_open(signed, publicKey), message, 'signed message');
  const forged = flipped(signed, random);
  bothRefuse([a, b].map((each) => () => each.crypto_sign_open(forged, publicKey)), 'a forged message');
  same(b.crypto_sign_verify_detached(flipped(signature, random), message, publicKey), false, 'a forged signature');
  for (const convert of ['crypto_sign_ed25519_pk_to_curve25519', 'crypto_sign_ed25519_sk_to_curve25519']) {
    const key = convert.includes('_pk_') ? publicKey : privateKey;
    same(a[convert](key), b[convert](key), convert);
  }
  const hashed = (each) => {
    const state = each.crypto_sign_init();
    each.crypto_sign_update(state, message);
    each.crypto_sign_update(state, seed);
    return state;
  };
  const ofPieces = a.crypto_sign_final_create(hashed(a), privateKey);
  same(b.crypto_sign_final_create(hashed(b), privateKey), ofPieces, 'signature of pieces');
  same(b.crypto_sign_final_verify(hashed(b), ofPieces, publicKey), true, 'signature of pieces verified');
  same(b.crypto_sign_final_verify(hashed(b), signature, publicKey), false, 'a signature of something else');
}

function scalarmult(a, b, random) {
  const [one, other] = [random.bytes(32), random.bytes(32)];
  const ofOne = a.crypto_scalarmult_base(one);
  const ofOther = b.crypto_scalarmult_base(other);
  same(a.crypto_scalarmult(one, ofOther), b.crypto_scalarmult(other, ofOne), 'shared point');
}

/** Key pairs are kept for a hundred messages; the two mechanisms take turns. */
function kem() {
  const kept = new Map();
  const lengths = { crypto_kem_xwing: 64, crypto_kem_mlkem768: 32 };
  const pairFor = (a, b, name, random) => {
    const seed = random.bytes(a[`${name}_SEEDBYTES`]);
    const pair = b[`${name}_seed_keypair`](seed);
    if (now(random)) same(a[`${name}_seed_keypair`](seed), pair, 'key pair');
    return { ...pair, left: 100 };
  };
  return (a, b, random) => {
    const name = random.pick(Object.keys(lengths));
    const pairs = kept.get(b) ?? {};
    kept.set(b, pairs);
    const pair = pairs[name]?.left > 0 ? pairs[name] : (pairs[name] = pairFor(a, b, name, random));
    pair.left -= 1;
    const { ciphertext, sharedSecret } = a[`${name}_enc`](pair.publicKey);
    same(b[`${name}_dec`](ciphertext, pair.privateKey), sharedSecret, `${name}: shared secret`);
    if (!now(random)) return;
    const seed = random.bytes(lengths[name]);
    same(a[`${name}_enc_deterministic`](pair.publicKey, seed), b[`${name}_enc_deterministic`](pair.publicKey, seed), `${name}, seeded`);
    const forged = flipped(ciphertext, random);
    const other = a[`${name}_dec`](forged, pair.privateKey);
    same(b[`${name}_dec`](forged, pair.privateKey), other, `${name}: the secret of a forged ciphertext`);
    holds(!equal(other, sharedSecret), 'a forged ciphertext has another secret');
    if (name === 'crypto_kem_xwing') same(b.crypto_kem_dec(a.crypto_kem_enc(pair.publicKey).ciphertext, pair.privateKey).length, 32, 'crypto_kem');
  };
}

function randombytes(a, b, random) {
  const [length, seed] = [random.message().length, random.bytes(32)];
  same(a.randombytes_buf_deterministic(length, seed), b.randombytes_buf_deterministic(length, seed), 'bytes from a seed');
  if (!now(random)) return;
  holds(a.randombytes_buf(length).length === length, 'as many random bytes as asked for');
  const bound = random.below(1000);
  holds(a.randombytes_uniform(bound) < Math.max(bound, 1), 'a number below its bound');
}

function codecs(a, b, random) {
  const bytes = random.message();
  const hex = a.to_hex(bytes);
  same(b.to_hex(bytes), hex, 'hex');
  same(b.from_hex(random.below(2) ? hex : hex.toUpperCase()), bytes, 'bytes from hex');
  const variant = random.pick(Object.values(a.base64_variants));
  const base64 = a.to_base64(bytes, variant);
  same(b.to_base64(bytes, variant), base64, 'base64');
  same(b.from_base64(base64, variant), bytes, 'bytes from base64');
  const block = 1 + random.below(70);
  const padded = a.pad(bytes, block);
  same(b.pad(bytes, block), padded, 'padded');
  same(b.unpad(padded, block), bytes, 'unpadded');
  if (!now(random)) return;
  const letters = String.fromCodePoint(...random.bytes(20).map((byte) => byte & 127), 0xe9, 0x1f600);
  same(a.from_string(letters), b.from_string(letters), 'UTF-8');
  same(b.to_string(a.from_string(letters)), letters, 'text');
  const spoiled = [...(random.below(2) ? hex : base64)];
  spoiled.splice(random.below(spoiled.length + 1), random.below(3), random.pick(['=', '-', ' ', 'g', 'A', '+', '==', '\u00e9']));
  for (const read of ['from_hex', 'from_base64']) {
    const [one, other] = [a, b].map((each) => outcomeOf(() => each[read](spoiled.join(''), ...(read === 'from_base64' ? [variant] : []))));
    same(one, other, `${read} of ${JSON.stringify(spoiled.join(''))}`);
  }
  const [unpadded, otherwise] = [a, b].map((each) => outcomeOf(() => each.unpad(bytes, block)));
  same(unpadded, otherwise, 'unpadding what has no padding');
  const numbers = [bytes, random.below(2) ? bytes.slice() : random.bytes(bytes.length)];
  for (const name of ['memcmp', 'compare']) same(a[name](...numbers), b[name](...numbers), name);
  for (const name of ['increment', 'add', 'memzero']) {
    const [one, other] = [a, b].map((each) => {
      const own = numbers.map((number) => number.slice());
      each[name](...own);
      return { ...own };
    });
    same(one, other, name);
  }
  same(a.is_zero(bytes), b.is_zero(bytes), 'is_zero');
}

export const families = () => ({
  crypto_aead_xchacha20poly1305_ietf: aead('crypto_aead_xchacha20poly1305_ietf', 24),
  crypto_aead_chacha20poly1305_ietf: aead('crypto_aead_chacha20poly1305_ietf', 12),
  crypto_secretstream: secretstream(),
  crypto_generichash: generichash,
  crypto_kx: kx,
  crypto_kdf: kdf,
  crypto_box: box,
  crypto_sign: sign,
  crypto_scalarmult: scalarmult,
  crypto_kem: kem(),
  randombytes,
  codecs,
});
