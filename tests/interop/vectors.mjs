// Published test vectors (tests/vectors/*.json) through an implementation of libsodium's interface.
import { bothRefuse, holds, same } from './compare.mjs';

const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (digits) => parseInt(digits, 16));

/** In the files a string is hexadecimal, and text says that it is. */
function read(value) {
  if (typeof value === 'string') return fromHex(value);
  if (value === null || typeof value !== 'object') return value;
  if ('text' in value) return value.text;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, read(each)]));
}

function checkEnds(bytes, vector, name) {
  const { [`${name}Begins`]: begins, [`${name}Ends`]: ends } = vector;
  if (begins !== undefined) same(bytes.slice(0, begins.length), begins, `${name} begins`);
  if (ends !== undefined) same(bytes.slice(-ends.length), ends, `${name} ends`);
}

const kinds = {
  calls(sodium, { call, arguments: args, result }) {
    const given = sodium[call](...args.map(read));
    for (const [name, value] of Object.entries(result instanceof Uint8Array ? {} : result)) same(given[name], value, name);
    if (result instanceof Uint8Array) same(given, result, call);
  },

  aead(sodium, { key, nonce, additionalData, message, ciphertext, mac }, { family }) {
    const sealed = new Uint8Array([...ciphertext, ...mac]);
    same(sodium[`${family}_encrypt`](message, additionalData, null, nonce, key), sealed, 'sealed');
    same(sodium[`${family}_encrypt_detached`](message, additionalData, null, nonce, key), { ciphertext, mac }, 'detached');
    same(sodium[`${family}_decrypt`](null, sealed, additionalData, nonce, key), message, 'opened');
    same(sodium[`${family}_decrypt_detached`](null, ciphertext, mac, additionalData, nonce, key), message, 'opened detached');
    sealed.forEach((_byte, at) => {
      const forged = sealed.slice();
      forged[at] ^= 1;
      const open = () => sodium[`${family}_decrypt`](null, forged, additionalData, nonce, key);
      bothRefuse([open, open], `a change of byte ${at}`);
    });
  },

  hash(sodium, { key, message, hash }) {
    same(sodium.crypto_generichash(hash.length, message, key), hash, 'hash');
    const state = sodium.crypto_generichash_init(key, hash.length);
    for (const byte of message) sodium.crypto_generichash_update(state, Uint8Array.of(byte));
    same(sodium.crypto_generichash_final(state, hash.length), hash, 'hash byte by byte');
  },

  signature(sodium, { prehashed, seed, publicKey, message, signature }) {
    const pair = sodium.crypto_sign_seed_keypair(seed);
    same(pair.publicKey, publicKey, 'public key');
    if (prehashed) {
      const hashed = () => {
        const state = sodium.crypto_sign_init();
        sodium.crypto_sign_update(state, message);
        return state;
      };
      same(sodium.crypto_sign_final_create(hashed(), pair.privateKey), signature, 'signature');
      same(sodium.crypto_sign_final_verify(hashed(), signature, publicKey), true, 'verified');
      return;
    }
    same(sodium.crypto_sign_detached(message, pair.privateKey), signature, 'signature');
    same(sodium.crypto_sign_verify_detached(signature, message, publicKey), true, 'verified');
    same(sodium.crypto_sign_open(new Uint8Array([...signature, ...message]), publicKey), message, 'opened');
    same(sodium.crypto_sign_verify_detached(signature, new Uint8Array([...message, 0]), publicKey), false, 'another message verified');
  },

  kem(sodium, vector, { family }) {
    const pair = sodium[`${family}_seed_keypair`](vector.seed);
    checkEnds(pair.publicKey, vector, 'publicKey');
    const { ciphertext, sharedSecret } = sodium[`${family}_enc_deterministic`](pair.publicKey, vector.encapsulationSeed);
    checkEnds(ciphertext, vector, 'ciphertext');
    same(sharedSecret, vector.sharedSecret, 'shared secret');
    same(sodium[`${family}_dec`](ciphertext, pair.privateKey), vector.sharedSecret, 'decapsulated');
  },
};

/** `file`: one of tests/vectors. Answers how many vectors there were. Errors: throws at the first that does not hold. */
export function checkVectors(sodium, file) {
  holds(file.vectors.length > 0 && file.source.length > 0, 'a file of vectors with a source');
  for (const { name, ...vector } of file.vectors) {
    const values = Object.fromEntries(
      Object.entries(vector).map(([field, value]) => [field, field === 'call' || field === 'arguments' ? value : read(value)]),
    );
    try {
      kinds[file.kind](sodium, values, file);
    } catch (error) {
      throw new Error(`${file.source}: ${name}: ${error.message}`, { cause: error });
    }
  }
  return file.vectors.length;
}
