/** The outside of `millrace/sodium`: names, arguments and results are those of npm `libsodium-wrappers`. */

/** Bytes; a string stands for its UTF-8. */
export type Message = Uint8Array | string;

export type Uint8ArrayOutputFormat = 'uint8array';
/** `base64` is the URL-safe alphabet without padding. */
export type StringOutputFormat = 'text' | 'hex' | 'base64';

/** What a streaming function goes on with. It lives in WebAssembly memory and cannot be copied. */
export interface StateAddress {
  readonly name: string;
}

/** A function whose last argument chooses what its bytes come as: a Uint8Array of its own, or a string. */
export interface Formatted<Arguments extends unknown[], Bytes = Uint8Array, Text = string> {
  (...args: [...given: Arguments, outputFormat?: Uint8ArrayOutputFormat | null]): Bytes;
  (...args: [...given: Arguments, outputFormat: StringOutputFormat]): Text;
}

/** The same for several byte strings by name. `More` is there in every format. */
export type FormattedRecord<Arguments extends unknown[], Names extends string, More = unknown> = Formatted<
  Arguments,
  Record<Names, Uint8Array> & More,
  Record<Names, string> & More
>;

type KeyPair<Arguments extends unknown[] = []> = FormattedRecord<Arguments, 'publicKey' | 'privateKey', { keyType: string }>;
type Encapsulation<Arguments extends unknown[]> = FormattedRecord<Arguments, 'ciphertext' | 'sharedSecret'>;
type Pulled<Bytes> = { message: Bytes; tag: number } | false;

interface AeadEncryption {
  encrypt: [message: Message, additional_data: Message | null, secret_nonce: Message | null, public_nonce: Uint8Array, key: Uint8Array];
  decrypt: [secret_nonce: Message | null, ciphertext: Uint8Array, additional_data: Message | null, public_nonce: Uint8Array, key: Uint8Array];
  decryptDetached: [
    secret_nonce: Message | null,
    ciphertext: Message,
    mac: Uint8Array,
    additional_data: Message | null,
    public_nonce: Uint8Array,
    key: Uint8Array,
  ];
}

/**
 * Every function that runs libsodium. Shapes: as libsodium's documentation has them; the `…BYTES` constants are the lengths.
 *
 * Errors: before anything is computed, a `TypeError` for an argument of the wrong type or length, an `Error` for an unknown
 * output format; an `Error` when what was to be opened or verified is not authentic, except where `false` is the answer
 * (`crypto_sign_verify_detached`, `crypto_sign_final_verify`, `crypto_secretstream_xchacha20poly1305_pull`). Nothing is
 * changed by a call that throws. Before `ready` every one of them throws.
 * Cost: one copy of each argument into WebAssembly memory and of each result out of it; that memory is cleared at the end.
 */
export interface SodiumFunctions {
  crypto_aead_chacha20poly1305_ietf_decrypt: Formatted<AeadEncryption['decrypt']>;
  crypto_aead_chacha20poly1305_ietf_decrypt_detached: Formatted<AeadEncryption['decryptDetached']>;
  crypto_aead_chacha20poly1305_ietf_encrypt: Formatted<AeadEncryption['encrypt']>;
  crypto_aead_chacha20poly1305_ietf_encrypt_detached: FormattedRecord<AeadEncryption['encrypt'], 'ciphertext' | 'mac'>;
  crypto_aead_chacha20poly1305_ietf_keygen: Formatted<[]>;
  crypto_aead_xchacha20poly1305_ietf_decrypt: Formatted<AeadEncryption['decrypt']>;
  crypto_aead_xchacha20poly1305_ietf_decrypt_detached: Formatted<AeadEncryption['decryptDetached']>;
  crypto_aead_xchacha20poly1305_ietf_encrypt: Formatted<AeadEncryption['encrypt']>;
  crypto_aead_xchacha20poly1305_ietf_encrypt_detached: FormattedRecord<AeadEncryption['encrypt'], 'ciphertext' | 'mac'>;
  crypto_aead_xchacha20poly1305_ietf_keygen: Formatted<[]>;

  crypto_box_beforenm: Formatted<[publicKey: Uint8Array, privateKey: Uint8Array]>;
  crypto_box_detached: FormattedRecord<
    [message: Message, nonce: Uint8Array, publicKey: Uint8Array, privateKey: Uint8Array],
    'ciphertext' | 'mac'
  >;
  crypto_box_easy: Formatted<[message: Message, nonce: Uint8Array, publicKey: Uint8Array, privateKey: Uint8Array]>;
  crypto_box_easy_afternm: Formatted<[message: Message, nonce: Uint8Array, sharedKey: Uint8Array]>;
  crypto_box_keypair: KeyPair;
  crypto_box_open_detached: Formatted<
    [ciphertext: Message, mac: Uint8Array, nonce: Uint8Array, publicKey: Uint8Array, privateKey: Uint8Array]
  >;
  crypto_box_open_easy: Formatted<[ciphertext: Uint8Array, nonce: Uint8Array, publicKey: Uint8Array, privateKey: Uint8Array]>;
  crypto_box_open_easy_afternm: Formatted<[ciphertext: Message, nonce: Uint8Array, sharedKey: Uint8Array]>;
  crypto_box_seal: Formatted<[message: Message, publicKey: Uint8Array]>;
  crypto_box_seal_open: Formatted<[ciphertext: Uint8Array, publicKey: Uint8Array, privateKey: Uint8Array]>;
  crypto_box_seed_keypair: KeyPair<[seed: Uint8Array]>;

  crypto_generichash: Formatted<[hash_length: number, message: Message, key?: Message | null]>;
  crypto_generichash_final: Formatted<[state_address: StateAddress, hash_length: number]>;
  crypto_generichash_init(key: Message | null, hash_length: number): StateAddress;
  crypto_generichash_keygen: Formatted<[]>;
  crypto_generichash_update(state_address: StateAddress, message_chunk: Message): void;

  /** `subkey_id` from 0 to 2^31 − 1 as a number, to 2^64 − 1 as a bigint; `ctx`: 8 bytes of UTF-8. */
  crypto_kdf_derive_from_key: Formatted<[subkey_len: number, subkey_id: number | bigint, ctx: string, key: Uint8Array]>;
  crypto_kdf_keygen: Formatted<[]>;

  crypto_kem_dec: Formatted<[ciphertext: Uint8Array, privateKey: Uint8Array]>;
  crypto_kem_enc: Encapsulation<[publicKey: Uint8Array]>;
  crypto_kem_keypair: KeyPair;
  crypto_kem_mlkem768_dec: Formatted<[ciphertext: Uint8Array, privateKey: Uint8Array]>;
  crypto_kem_mlkem768_enc: Encapsulation<[publicKey: Uint8Array]>;
  crypto_kem_mlkem768_enc_deterministic: Encapsulation<[publicKey: Uint8Array, seed: Uint8Array]>;
  crypto_kem_mlkem768_keypair: KeyPair;
  crypto_kem_mlkem768_seed_keypair: KeyPair<[seed: Uint8Array]>;
  crypto_kem_primitive(): string;
  crypto_kem_seed_keypair: KeyPair<[seed: Uint8Array]>;
  crypto_kem_xwing_dec: Formatted<[ciphertext: Uint8Array, privateKey: Uint8Array]>;
  crypto_kem_xwing_enc: Encapsulation<[publicKey: Uint8Array]>;
  crypto_kem_xwing_enc_deterministic: Encapsulation<[publicKey: Uint8Array, seed: Uint8Array]>;
  crypto_kem_xwing_keypair: KeyPair;
  crypto_kem_xwing_seed_keypair: KeyPair<[seed: Uint8Array]>;

  crypto_kx_client_session_keys: FormattedRecord<
    [clientPublicKey: Uint8Array, clientSecretKey: Uint8Array, serverPublicKey: Uint8Array],
    'sharedRx' | 'sharedTx'
  >;
  crypto_kx_keypair: KeyPair;
  crypto_kx_seed_keypair: KeyPair<[seed: Uint8Array]>;
  crypto_kx_server_session_keys: FormattedRecord<
    [serverPublicKey: Uint8Array, serverSecretKey: Uint8Array, clientPublicKey: Uint8Array],
    'sharedRx' | 'sharedTx'
  >;

  crypto_scalarmult: Formatted<[privateKey: Uint8Array, publicKey: Uint8Array]>;
  crypto_scalarmult_base: Formatted<[privateKey: Uint8Array]>;
  crypto_scalarmult_ristretto255: Formatted<[scalar: Uint8Array, element: Uint8Array]>;
  crypto_scalarmult_ristretto255_base: Formatted<[scalar: Uint8Array]>;

  crypto_secretstream_xchacha20poly1305_init_pull(header: Uint8Array, key: Uint8Array): StateAddress;
  crypto_secretstream_xchacha20poly1305_init_push: FormattedRecord<[key: Uint8Array], 'header', { state: StateAddress }>;
  crypto_secretstream_xchacha20poly1305_keygen: Formatted<[]>;
  crypto_secretstream_xchacha20poly1305_pull: Formatted<
    [state_address: StateAddress, cipher: Uint8Array, ad?: Message | null],
    Pulled<Uint8Array>,
    Pulled<string>
  >;
  crypto_secretstream_xchacha20poly1305_push: Formatted<
    [state_address: StateAddress, message_chunk: Message, ad: Message | null, tag: number]
  >;
  crypto_secretstream_xchacha20poly1305_rekey(state_address: StateAddress): true;

  crypto_sign: Formatted<[message: Message, privateKey: Uint8Array]>;
  crypto_sign_detached: Formatted<[message: Message, privateKey: Uint8Array]>;
  crypto_sign_ed25519_pk_to_curve25519: Formatted<[edPk: Uint8Array]>;
  crypto_sign_ed25519_sk_to_curve25519: Formatted<[edSk: Uint8Array]>;
  crypto_sign_final_create: Formatted<[state_address: StateAddress, privateKey: Uint8Array]>;
  crypto_sign_final_verify(state_address: StateAddress, signature: Uint8Array, publicKey: Uint8Array): boolean;
  crypto_sign_init(): StateAddress;
  crypto_sign_keypair: KeyPair;
  crypto_sign_open: Formatted<[signedMessage: Uint8Array, publicKey: Uint8Array]>;
  crypto_sign_seed_keypair: KeyPair<[seed: Uint8Array]>;
  crypto_sign_update(state_address: StateAddress, message_chunk: Message): void;
  crypto_sign_verify_detached(signature: Uint8Array, message: Message, publicKey: Uint8Array): boolean;

  randombytes_buf: Formatted<[length: number]>;
  /** The same bytes for the same 32-byte seed. */
  randombytes_buf_deterministic: Formatted<[length: number, seed: Uint8Array]>;
  randombytes_close(): void;
  /** From 0 to 2^32 − 1. */
  randombytes_random(): number;
  randombytes_stir(): void;
  /** From 0 to `upper_bound` − 1, each as likely; 0 where `upper_bound` is below 2. */
  randombytes_uniform(upper_bound: number): number;
  sodium_version_string(): string;
}
