import { atLeast, bytes, count, exactly, optional, out, outState, state, type Output, type Parameter, type Size, type Spec } from './spec.js';
import type { SodiumFunctions } from './types.js';

const macBytes = 16;
const sealBytes = 48;
const streamBytes = 17;
const signatureBytes = 64;

/** Of X25519 and BLAKE2b, for boxes, exchanges and derivations alike. */
const keyBytes = 32;
const signatureKeyBytes = 64;

const key = exactly('key', keyBytes);
const seed = exactly('seed', keyBytes);
const publicKey = exactly('publicKey', keyBytes);
const privateKey = exactly('privateKey', keyBytes);
const signingKey = exactly('privateKey', signatureKeyBytes);
const signature = exactly('signature', signatureBytes);
const boxNonce = exactly('nonce', 24);

/** One output of `size` bytes under a name that nobody sees. */
const result = (size: Size): readonly Output[] => [out('result', size)];

const keygen: Spec = { passes: 'result', gives: result(keyBytes) };

function pairOf(keyType: string, publicBytes = keyBytes, privateBytes = keyBytes): Spec {
  return { gives: [out('publicKey', publicBytes), out('privateKey', privateBytes)], also: { keyType } };
}

const randomPair = (pair: Spec): Spec => ({ ...pair, passes: 'publicKey privateKey', fails: 'internal error' });
const seededPair = (pair: Spec, from: Parameter = seed, fails = 'invalid usage'): Spec => ({
  ...pair,
  takes: [from],
  passes: 'publicKey privateKey seed',
  fails,
});

const x25519Pair = pairOf('x25519');
const ed25519Pair = pairOf('ed25519', keyBytes, signatureKeyBytes);

function aead(nonceBytes: number): Record<'encrypt' | 'encryptDetached' | 'decrypt' | 'decryptDetached', Spec> {
  const ad = optional('additional_data');
  const secretNonce = optional('secret_nonce');
  const nonce = exactly('public_nonce', nonceBytes);
  const forged = 'ciphertext cannot be decrypted using that key';
  const context = 'additional_data #additional_data';
  return {
    encrypt: {
      takes: [bytes('message'), ad, secretNonce, nonce, key],
      passes: `ciphertext null message #message ${context} secret_nonce public_nonce key`,
      gives: [out('ciphertext', ['message', macBytes])],
    },
    encryptDetached: {
      takes: [bytes('message'), ad, secretNonce, nonce, key],
      passes: `ciphertext mac null message #message ${context} secret_nonce public_nonce key`,
      gives: [out('ciphertext', ['message', 0]), out('mac', macBytes)],
    },
    decrypt: {
      takes: [secretNonce, atLeast('ciphertext', macBytes), ad, nonce, key],
      passes: `message null secret_nonce ciphertext #ciphertext ${context} public_nonce key`,
      gives: [out('message', ['ciphertext', -macBytes])],
      fails: forged,
    },
    decryptDetached: {
      takes: [secretNonce, bytes('ciphertext'), exactly('mac', macBytes), ad, nonce, key],
      passes: `message secret_nonce ciphertext #ciphertext mac ${context} public_nonce key`,
      gives: [out('message', ['ciphertext', 0])],
      fails: forged,
    },
  };
}

const ietf = aead(12);
const xchacha = aead(24);

function kem(keyType: string, lengths: { publicKey: number; privateKey: number; ciphertext: number; seed: number; encSeed: number }) {
  const pair = pairOf(keyType, lengths.publicKey, lengths.privateKey);
  const peerKey = exactly('publicKey', lengths.publicKey);
  const gives = [out('ciphertext', lengths.ciphertext), out('sharedSecret', keyBytes)];
  // 23 KiB were seen, and at most 4 KiB with everything else.
  const stack = 65_536;
  return {
    keypair: { ...randomPair(pair), stack },
    seedKeypair: { ...seededPair(pair, exactly('seed', lengths.seed)), stack },
    enc: { takes: [peerKey], passes: 'ciphertext sharedSecret publicKey', gives, stack },
    encDeterministic: {
      takes: [peerKey, exactly('seed', lengths.encSeed)],
      passes: 'ciphertext sharedSecret publicKey seed',
      gives,
      stack,
    },
    dec: {
      takes: [exactly('ciphertext', lengths.ciphertext), exactly('privateKey', lengths.privateKey)],
      passes: 'result ciphertext privateKey',
      gives: result(keyBytes),
      stack,
    },
  } satisfies Record<string, Spec>;
}

const mlkem768 = kem('ml-kem-768', { publicKey: 1184, privateKey: 2400, ciphertext: 1088, seed: 64, encSeed: 32 });
const xwing = kem('xwing', { publicKey: 1216, privateKey: 32, ciphertext: 1120, seed: 32, encSeed: 64 });

function sessionKeys(own: string, peer: string): Spec {
  const names = [`${own}PublicKey`, `${own}SecretKey`, `${peer}PublicKey`];
  return {
    takes: names.map((name) => exactly(name, keyBytes)),
    passes: `sharedRx sharedTx ${names.join(' ')}`,
    gives: [out('sharedRx', keyBytes), out('sharedTx', keyBytes)],
  };
}

const wrongPair = 'incorrect key pair for the given ciphertext';
const hashLength = count('hash_length', 1, 64);
const secretstream = 'crypto_secretstream_xchacha20poly1305';

/** Every function and what it does with libsodium's function of the same name. */
export const functionTable: { readonly [Name in keyof SodiumFunctions]: Spec } = {
  crypto_aead_chacha20poly1305_ietf_decrypt: ietf.decrypt,
  crypto_aead_chacha20poly1305_ietf_decrypt_detached: ietf.decryptDetached,
  crypto_aead_chacha20poly1305_ietf_encrypt: ietf.encrypt,
  crypto_aead_chacha20poly1305_ietf_encrypt_detached: ietf.encryptDetached,
  crypto_aead_chacha20poly1305_ietf_keygen: keygen,
  crypto_aead_xchacha20poly1305_ietf_decrypt: xchacha.decrypt,
  crypto_aead_xchacha20poly1305_ietf_decrypt_detached: xchacha.decryptDetached,
  crypto_aead_xchacha20poly1305_ietf_encrypt: xchacha.encrypt,
  crypto_aead_xchacha20poly1305_ietf_encrypt_detached: xchacha.encryptDetached,
  crypto_aead_xchacha20poly1305_ietf_keygen: keygen,

  crypto_box_beforenm: { takes: [publicKey, privateKey], passes: 'result publicKey privateKey', gives: result(keyBytes) },
  crypto_box_detached: {
    takes: [bytes('message'), boxNonce, publicKey, privateKey],
    passes: 'ciphertext mac message #message nonce publicKey privateKey',
    gives: [out('ciphertext', ['message', 0]), out('mac', macBytes)],
  },
  crypto_box_easy: {
    takes: [bytes('message'), boxNonce, publicKey, privateKey],
    passes: 'result message #message nonce publicKey privateKey',
    gives: result(['message', macBytes]),
  },
  crypto_box_easy_afternm: {
    takes: [bytes('message'), boxNonce, exactly('sharedKey', keyBytes)],
    passes: 'result message #message nonce sharedKey',
    gives: result(['message', macBytes]),
  },
  crypto_box_keypair: randomPair(x25519Pair),
  crypto_box_open_detached: {
    takes: [bytes('ciphertext'), exactly('mac', macBytes), boxNonce, publicKey, privateKey],
    passes: 'result ciphertext mac #ciphertext nonce publicKey privateKey',
    gives: result(['ciphertext', 0]),
    fails: wrongPair,
  },
  crypto_box_open_easy: {
    takes: [atLeast('ciphertext', macBytes), boxNonce, publicKey, privateKey],
    passes: 'result ciphertext #ciphertext nonce publicKey privateKey',
    gives: result(['ciphertext', -macBytes]),
    fails: wrongPair,
  },
  crypto_box_open_easy_afternm: {
    takes: [atLeast('ciphertext', macBytes), boxNonce, exactly('sharedKey', keyBytes)],
    passes: 'result ciphertext #ciphertext nonce sharedKey',
    gives: result(['ciphertext', -macBytes]),
    fails: 'incorrect secret key for the given ciphertext',
  },
  crypto_box_seal: {
    takes: [bytes('message'), publicKey],
    passes: 'result message #message publicKey',
    gives: result(['message', sealBytes]),
  },
  crypto_box_seal_open: {
    takes: [atLeast('ciphertext', sealBytes), publicKey, privateKey],
    passes: 'result ciphertext #ciphertext publicKey privateKey',
    gives: result(['ciphertext', -sealBytes]),
    fails: wrongPair,
  },
  crypto_box_seed_keypair: seededPair(x25519Pair),

  crypto_generichash: {
    takes: [hashLength, bytes('message'), optional('key')],
    passes: 'result $hash_length message #message key $key',
    gives: result(['hash_length', 0]),
  },
  crypto_generichash_final: {
    takes: [state('crypto_generichash', true), hashLength],
    passes: 'state_address result $hash_length',
    gives: result(['hash_length', 0]),
  },
  crypto_generichash_init: {
    takes: [optional('key'), hashLength],
    passes: 'state key $key $hash_length',
    gives: [outState('crypto_generichash')],
  },
  crypto_generichash_keygen: keygen,
  crypto_generichash_update: {
    takes: [state('crypto_generichash'), bytes('message_chunk')],
    passes: 'state_address message_chunk #message_chunk',
  },

  crypto_kdf_derive_from_key: {
    takes: [count('subkey_len', 16, 64), { kind: 'number64', name: 'subkey_id' }, { kind: 'text', name: 'ctx', length: 8 }, key],
    passes: 'result $subkey_len subkey_id ctx key',
    gives: result(['subkey_len', 0]),
  },
  crypto_kdf_keygen: keygen,

  crypto_kem_dec: xwing.dec,
  crypto_kem_enc: xwing.enc,
  crypto_kem_keypair: xwing.keypair,
  crypto_kem_mlkem768_dec: mlkem768.dec,
  crypto_kem_mlkem768_enc: mlkem768.enc,
  crypto_kem_mlkem768_enc_deterministic: mlkem768.encDeterministic,
  crypto_kem_mlkem768_keypair: mlkem768.keypair,
  crypto_kem_mlkem768_seed_keypair: mlkem768.seedKeypair,
  crypto_kem_primitive: { answers: 'string', ignoresFormat: true },
  crypto_kem_seed_keypair: xwing.seedKeypair,
  crypto_kem_xwing_dec: xwing.dec,
  crypto_kem_xwing_enc: xwing.enc,
  crypto_kem_xwing_enc_deterministic: xwing.encDeterministic,
  crypto_kem_xwing_keypair: xwing.keypair,
  crypto_kem_xwing_seed_keypair: xwing.seedKeypair,

  crypto_kx_client_session_keys: sessionKeys('client', 'server'),
  crypto_kx_keypair: randomPair(x25519Pair),
  crypto_kx_seed_keypair: seededPair(x25519Pair, seed, 'internal error'),
  crypto_kx_server_session_keys: sessionKeys('server', 'client'),

  crypto_scalarmult: {
    takes: [privateKey, publicKey],
    passes: 'result privateKey publicKey',
    gives: result(keyBytes),
    fails: 'weak public key',
  },
  crypto_scalarmult_base: { takes: [privateKey], passes: 'result privateKey', gives: result(keyBytes), fails: 'unknown error' },
  crypto_scalarmult_ristretto255: {
    takes: [exactly('scalar', keyBytes), exactly('element', keyBytes)],
    passes: 'result scalar element',
    gives: result(keyBytes),
    fails: 'result is identity element',
  },
  crypto_scalarmult_ristretto255_base: {
    takes: [exactly('scalar', keyBytes)],
    passes: 'result scalar',
    gives: result(keyBytes),
    fails: 'scalar is 0',
  },

  crypto_secretstream_xchacha20poly1305_init_pull: {
    takes: [exactly('header', 24), key],
    passes: 'state header key',
    gives: [outState(secretstream)],
  },
  crypto_secretstream_xchacha20poly1305_init_push: {
    takes: [key],
    passes: 'state header key',
    gives: [outState(secretstream), out('header', 24)],
  },
  crypto_secretstream_xchacha20poly1305_keygen: keygen,
  crypto_secretstream_xchacha20poly1305_pull: {
    takes: [state(secretstream), atLeast('cipher', streamBytes), optional('ad')],
    passes: 'state_address message null tag cipher #cipher ad #ad',
    gives: [{ kind: 'byte', name: 'tag' }, out('message', ['cipher', -streamBytes])],
    fails: false,
  },
  crypto_secretstream_xchacha20poly1305_push: {
    takes: [state(secretstream), bytes('message_chunk'), optional('ad'), count('tag')],
    passes: 'state_address result null message_chunk #message_chunk ad #ad tag',
    gives: result(['message_chunk', streamBytes]),
  },
  crypto_secretstream_xchacha20poly1305_rekey: { takes: [state(secretstream)], passes: 'state_address', answers: true },

  crypto_sign: {
    takes: [bytes('message'), signingKey],
    passes: 'result null message #message privateKey',
    gives: result(['message', signatureBytes]),
  },
  crypto_sign_detached: {
    takes: [bytes('message'), signingKey],
    passes: 'result null message #message privateKey',
    gives: result(signatureBytes),
  },
  crypto_sign_ed25519_pk_to_curve25519: {
    takes: [exactly('edPk', keyBytes)],
    passes: 'result edPk',
    gives: result(keyBytes),
    fails: 'invalid key',
  },
  crypto_sign_ed25519_sk_to_curve25519: {
    takes: [exactly('edSk', signatureKeyBytes)],
    passes: 'result edSk',
    gives: result(keyBytes),
    fails: 'invalid key',
  },
  crypto_sign_final_create: {
    takes: [state('crypto_sign', true), signingKey],
    passes: 'state_address result null privateKey',
    gives: result(signatureBytes),
  },
  crypto_sign_final_verify: {
    takes: [state('crypto_sign', true), signature, publicKey],
    passes: 'state_address signature publicKey',
    answers: true,
    fails: false,
  },
  crypto_sign_init: { passes: 'state', gives: [outState('crypto_sign')], fails: 'internal error' },
  crypto_sign_keypair: randomPair(ed25519Pair),
  crypto_sign_open: {
    takes: [atLeast('signedMessage', signatureBytes), publicKey],
    passes: 'result null signedMessage #signedMessage publicKey',
    gives: result(['signedMessage', -signatureBytes]),
    fails: 'incorrect signature for the given public key',
  },
  crypto_sign_seed_keypair: seededPair(ed25519Pair),
  crypto_sign_update: { takes: [state('crypto_sign'), bytes('message_chunk')], passes: 'state_address message_chunk #message_chunk' },
  crypto_sign_verify_detached: {
    takes: [signature, bytes('message'), publicKey],
    passes: 'signature message #message publicKey',
    answers: true,
    fails: false,
    ignoresFormat: true,
  },

  randombytes_buf: { takes: [count('length')], passes: 'result $length', gives: result(['length', 0]) },
  randombytes_buf_deterministic: { takes: [count('length'), seed], passes: 'result $length seed', gives: result(['length', 0]) },
  randombytes_close: {},
  randombytes_random: { answers: 'number' },
  randombytes_stir: {},
  randombytes_uniform: { takes: [count('upper_bound')], passes: 'upper_bound', answers: 'number' },
  sodium_version_string: { answers: 'string', ignoresFormat: true },
};
