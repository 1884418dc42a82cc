// One good call of every function, as arguments: what the checks of errors and formats start from.

const text = (string) => new TextEncoder().encode(string);
const filled = (length, byte) => new Uint8Array(length).fill(byte);

/** `make`: the arguments, made anew for each call, since some calls use them up. `random`: two calls give different bytes. */
const good = (make, more = {}) => ({ make, ...more });
const keygen = good(() => [], { random: true });

function aead(name, nonceBytes) {
  const [ad, nonce, key] = [text('ad'), filled(nonceBytes, 1), filled(32, 2)];
  const sealed = (s) => s[`${name}_encrypt`](text('message'), ad, null, nonce, key);
  return {
    [`${name}_encrypt`]: good(() => [text('message'), ad, null, nonce, key]),
    [`${name}_encrypt_detached`]: good(() => [text('message'), ad, null, nonce, key]),
    [`${name}_decrypt`]: good((s) => [null, sealed(s), ad, nonce, key]),
    [`${name}_decrypt_detached`]: good((s) => [null, sealed(s).slice(0, -16), sealed(s).slice(-16), ad, nonce, key]),
    [`${name}_keygen`]: keygen,
  };
}

function kem(name, primitive) {
  const seedBytes = primitive === 'mlkem768' ? 64 : 32;
  const pair = (s) => s[`crypto_kem_${primitive}_seed_keypair`](filled(seedBytes, 3));
  return {
    [`${name}_keypair`]: keygen,
    [`${name}_seed_keypair`]: good(() => [filled(seedBytes, 3)]),
    [`${name}_enc`]: good((s) => [pair(s).publicKey], { random: true }),
    [`${name}_dec`]: good((s) => {
      const { publicKey, privateKey } = pair(s);
      return [s[`crypto_kem_${primitive}_enc_deterministic`](publicKey, filled(primitive === 'mlkem768' ? 32 : 64, 4)).ciphertext, privateKey];
    }),
    ...(name === 'crypto_kem' ? {} : { [`${name}_enc_deterministic`]: good((s) => [pair(s).publicKey, filled(primitive === 'mlkem768' ? 32 : 64, 4)]) }),
  };
}

const boxPair = (s, byte = 5) => s.crypto_box_seed_keypair(filled(32, byte));
const signPair = (s) => s.crypto_sign_seed_keypair(filled(32, 6));
const boxNonce = filled(24, 7);
const sealedBox = (s) => s.crypto_box_easy(text('message'), boxNonce, boxPair(s, 8).publicKey, boxPair(s).privateKey);
const sharedKey = (s) => s.crypto_box_beforenm(boxPair(s, 8).publicKey, boxPair(s).privateKey);
const hashing = (s) => s.crypto_generichash_init(text('a key of sixteen'), 32);
const signing = (s) => {
  const state = s.crypto_sign_init();
  s.crypto_sign_update(state, 'message');
  return state;
};

const stream = 'crypto_secretstream_xchacha20poly1305';
const streamKey = filled(32, 9);
const pulling = (s) => s[`${stream}_init_pull`](filled(24, 10), streamKey);

export const calls = {
  ...aead('crypto_aead_chacha20poly1305_ietf', 12),
  ...aead('crypto_aead_xchacha20poly1305_ietf', 24),

  crypto_box_beforenm: good((s) => [boxPair(s).publicKey, boxPair(s).privateKey]),
  crypto_box_detached: good((s) => [text('message'), boxNonce, boxPair(s, 8).publicKey, boxPair(s).privateKey]),
  crypto_box_easy: good((s) => [text('message'), boxNonce, boxPair(s, 8).publicKey, boxPair(s).privateKey]),
  crypto_box_easy_afternm: good((s) => [text('message'), boxNonce, sharedKey(s)]),
  crypto_box_keypair: keygen,
  crypto_box_open_detached: good((s) => [sealedBox(s).slice(16), sealedBox(s).slice(0, 16), boxNonce, boxPair(s).publicKey, boxPair(s, 8).privateKey]),
  crypto_box_open_easy: good((s) => [sealedBox(s), boxNonce, boxPair(s).publicKey, boxPair(s, 8).privateKey]),
  crypto_box_open_easy_afternm: good((s) => [sealedBox(s), boxNonce, sharedKey(s)]),
  crypto_box_seal: good((s) => [text('message'), boxPair(s).publicKey], { random: true }),
  crypto_box_seal_open: good((s) => {
    const { publicKey, privateKey } = boxPair(s);
    return [s.crypto_box_seal('message', publicKey), publicKey, privateKey];
  }),
  crypto_box_seed_keypair: good(() => [filled(32, 5)]),

  crypto_generichash: good(() => [32, text('message'), text('key')]),
  crypto_generichash_final: good((s) => [hashing(s), 32]),
  crypto_generichash_init: good(() => [text('key'), 32], { random: true }),
  crypto_generichash_keygen: keygen,
  crypto_generichash_update: good((s) => [hashing(s), text('message')]),

  crypto_kdf_derive_from_key: good(() => [32, 7, 'contexts', filled(32, 11)]),
  crypto_kdf_keygen: keygen,

  ...kem('crypto_kem', 'xwing'),
  ...kem('crypto_kem_xwing', 'xwing'),
  ...kem('crypto_kem_mlkem768', 'mlkem768'),
  crypto_kem_primitive: good(() => []),

  crypto_kx_client_session_keys: good((s) => [boxPair(s).publicKey, boxPair(s).privateKey, boxPair(s, 8).publicKey]),
  crypto_kx_keypair: keygen,
  crypto_kx_seed_keypair: good(() => [filled(32, 5)]),
  crypto_kx_server_session_keys: good((s) => [boxPair(s).publicKey, boxPair(s).privateKey, boxPair(s, 8).publicKey]),

  crypto_scalarmult: good((s) => [filled(32, 12), boxPair(s).publicKey]),
  crypto_scalarmult_base: good(() => [filled(32, 12)]),

  [`${stream}_init_pull`]: good(() => [filled(24, 10), streamKey], { random: true }),
  [`${stream}_init_push`]: good(() => [streamKey], { random: true }),
  [`${stream}_keygen`]: keygen,
  [`${stream}_pull`]: good((s) => {
    const { state, header } = s[`${stream}_init_push`](streamKey);
    return [s[`${stream}_init_pull`](header, streamKey), s[`${stream}_push`](state, 'message', 'ad', 1), text('ad')];
  }),
  // From a fixed header, so that both give the same.
  [`${stream}_push`]: good((s) => [pulling(s), text('message'), text('ad'), 2]),
  [`${stream}_rekey`]: good((s) => [pulling(s)]),

  crypto_sign: good((s) => [text('message'), signPair(s).privateKey]),
  crypto_sign_detached: good((s) => [text('message'), signPair(s).privateKey]),
  crypto_sign_ed25519_pk_to_curve25519: good((s) => [signPair(s).publicKey]),
  crypto_sign_ed25519_sk_to_curve25519: good((s) => [signPair(s).privateKey]),
  crypto_sign_final_create: good((s) => [signing(s), signPair(s).privateKey]),
  crypto_sign_final_verify: good((s) => [signing(s), s.crypto_sign_final_create(signing(s), signPair(s).privateKey), signPair(s).publicKey]),
  crypto_sign_init: good(() => [], { random: true }),
  crypto_sign_keypair: keygen,
  crypto_sign_open: good((s) => [s.crypto_sign('message', signPair(s).privateKey), signPair(s).publicKey]),
  crypto_sign_seed_keypair: good(() => [filled(32, 6)]),
  crypto_sign_update: good((s) => [signing(s), text('message')]),
  crypto_sign_verify_detached: good((s) => [s.crypto_sign_detached('message', signPair(s).privateKey), text('message'), signPair(s).publicKey]),

  randombytes_buf: good(() => [16], { random: true }),
  randombytes_buf_deterministic: good(() => [16, filled(32, 13)]),
  randombytes_close: good(() => []),
  randombytes_random: good(() => [], { random: true }),
  randombytes_stir: good(() => []),
  randombytes_uniform: good(() => [1], { random: true }),
  sodium_version_string: good(() => []),

  add: good(() => [filled(9, 200), filled(9, 100)]),
  compare: good(() => [filled(9, 1), filled(9, 2)]),
  from_base64: good((s) => ['aGVsbG8_', s.base64_variants.URLSAFE]),
  from_hex: good(() => ['00ff10']),
  from_string: good(() => ['h\u00e9']),
  increment: good(() => [filled(3, 255)]),
  is_zero: good(() => [filled(3, 0)]),
  memcmp: good(() => [filled(9, 1), filled(9, 1)]),
  memzero: good(() => [filled(3, 1)]),
  output_formats: good(() => []),
  pad: good(() => [filled(9, 1), 16]),
  to_base64: good((s) => [filled(9, 250), s.base64_variants.ORIGINAL]),
  to_hex: good(() => [filled(9, 250)]),
  to_string: good(() => [text('h\u00e9')]),
  unpad: good((s) => [s.pad(filled(9, 1), 16), 16]),
};
