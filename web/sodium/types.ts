/** The outside of `millrace/sodium`: names, arguments and results are those of npm `libsodium-wrappers`. */

/** Bytes; a string stands for its UTF-8. */
export type Message = Uint8Array | string;

/** Bytes of their own, not a view of WebAssembly memory; the default. */
export type Uint8ArrayOutputFormat = 'uint8array';
/** `base64` is the URL-safe alphabet without padding. */
export type StringOutputFormat = 'text' | 'hex' | 'base64';

/** What a streaming function goes on with. It lives in WebAssembly memory and cannot be copied. */
export interface StateAddress {
  /** Of the family that it belongs to, such as 'crypto_sign'. */
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

/** Gives a key pair. */
export type KeyPair<Arguments extends unknown[] = []> = FormattedRecord<Arguments, 'publicKey' | 'privateKey', {
  /** 'x25519', 'ed25519', 'xwing' or 'ml-kem-768'. */
  keyType: string;
}>;
/** Gives a secret and what carries it. */
export type Encapsulation<Arguments extends unknown[]> = FormattedRecord<Arguments, 'ciphertext' | 'sharedSecret'>;
/** A chunk of a stream, or false where it is not authentic. */
export type Pulled<Bytes> = 
  | {
      /** What was pushed. */
      message: Bytes;
      /** One of the constants `crypto_secretstream_xchacha20poly1305_TAG_…`. */
      tag: number;
    }
  | false;

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
  /** Opens what `crypto_aead_chacha20poly1305_ietf_encrypt` gave. `secret_nonce`: null. */
  crypto_aead_chacha20poly1305_ietf_decrypt: Formatted<AeadEncryption['decrypt']>;
  /** Opens what `crypto_aead_chacha20poly1305_ietf_encrypt_detached` gave. `secret_nonce`: null. */
  crypto_aead_chacha20poly1305_ietf_decrypt_detached: Formatted<AeadEncryption['decryptDetached']>;
  /** ChaCha20-Poly1305 of RFC 8439: ciphertext and tag. `secret_nonce`: null. A nonce may not come again under its key. */
  crypto_aead_chacha20poly1305_ietf_encrypt: Formatted<AeadEncryption['encrypt']>;
  /** `crypto_aead_chacha20poly1305_ietf_encrypt` with the tag by itself. */
  crypto_aead_chacha20poly1305_ietf_encrypt_detached: FormattedRecord<AeadEncryption['encrypt'], 'ciphertext' | 'mac'>;
  /** A new key. */
  crypto_aead_chacha20poly1305_ietf_keygen: Formatted<[]>;
  /** Opens what `crypto_aead_xchacha20poly1305_ietf_encrypt` gave. `secret_nonce`: null. */
  crypto_aead_xchacha20poly1305_ietf_decrypt: Formatted<AeadEncryption['decrypt']>;
  /** Opens what `crypto_aead_xchacha20poly1305_ietf_encrypt_detached` gave. `secret_nonce`: null. */
  crypto_aead_xchacha20poly1305_ietf_decrypt_detached: Formatted<AeadEncryption['decryptDetached']>;
  /** XChaCha20-Poly1305: ciphertext and tag. `secret_nonce`: null. A nonce may not come again under its key. */
  crypto_aead_xchacha20poly1305_ietf_encrypt: Formatted<AeadEncryption['encrypt']>;
  /** `crypto_aead_xchacha20poly1305_ietf_encrypt` with the tag by itself. */
  crypto_aead_xchacha20poly1305_ietf_encrypt_detached: FormattedRecord<AeadEncryption['encrypt'], 'ciphertext' | 'mac'>;
  /** A new key. */
  crypto_aead_xchacha20poly1305_ietf_keygen: Formatted<[]>;

  /** The key that the two sides of a box share. */
  crypto_box_beforenm: Formatted<[publicKey: Uint8Array, privateKey: Uint8Array]>;
  /** `crypto_box_easy` with the tag by itself. */
  crypto_box_detached: FormattedRecord<
    [message: Message, nonce: Uint8Array, publicKey: Uint8Array, privateKey: Uint8Array],
    'ciphertext' | 'mac'
  >;
  /** Encrypts for a public key and authenticates with a private one: X25519, XSalsa20-Poly1305. */
  crypto_box_easy: Formatted<[message: Message, nonce: Uint8Array, publicKey: Uint8Array, privateKey: Uint8Array]>;
  /** `crypto_box_easy` with a key of `crypto_box_beforenm`. */
  crypto_box_easy_afternm: Formatted<[message: Message, nonce: Uint8Array, sharedKey: Uint8Array]>;
  /** A new X25519 key pair. */
  crypto_box_keypair: KeyPair;
  /** Opens what `crypto_box_detached` gave. */
  crypto_box_open_detached: Formatted<
    [ciphertext: Message, mac: Uint8Array, nonce: Uint8Array, publicKey: Uint8Array, privateKey: Uint8Array]
  >;
  /** Opens what `crypto_box_easy` gave. */
  crypto_box_open_easy: Formatted<[ciphertext: Uint8Array, nonce: Uint8Array, publicKey: Uint8Array, privateKey: Uint8Array]>;
  /** Opens what `crypto_box_easy_afternm` gave. */
  crypto_box_open_easy_afternm: Formatted<[ciphertext: Message, nonce: Uint8Array, sharedKey: Uint8Array]>;
  /** Encrypts for a public key, without telling from whom. */
  crypto_box_seal: Formatted<[message: Message, publicKey: Uint8Array]>;
  /** Opens what `crypto_box_seal` gave. */
  crypto_box_seal_open: Formatted<[ciphertext: Uint8Array, publicKey: Uint8Array, privateKey: Uint8Array]>;
  /** The X25519 key pair of a seed. */
  crypto_box_seed_keypair: KeyPair<[seed: Uint8Array]>;

  /** BLAKE2b: a hash of 1 to 64 bytes, with a key or without. */
  crypto_generichash: Formatted<[hash_length: number, message: Message, key?: Message | null]>;
  /** The hash of all chunks; the state is used up. */
  crypto_generichash_final: Formatted<[state_address: StateAddress, hash_length: number]>;
  /** Begins a hash of several chunks. */
  crypto_generichash_init(key: Message | null, hash_length: number): StateAddress;
  /** A new key. */
  crypto_generichash_keygen: Formatted<[]>;
  /** Takes the next chunk. */
  crypto_generichash_update(state_address: StateAddress, message_chunk: Message): void;

  /** Another key of a key. `subkey_id` from 0 to 2^31 − 1 as a number, to 2^64 − 1 as a bigint; `ctx`: 8 bytes of UTF-8. */
  crypto_kdf_derive_from_key: Formatted<[subkey_len: number, subkey_id: number | bigint, ctx: string, key: Uint8Array]>;
  /** A new key to derive others from. */
  crypto_kdf_keygen: Formatted<[]>;

  /** X-Wing: the secret that a ciphertext carries. */
  crypto_kem_dec: Formatted<[ciphertext: Uint8Array, privateKey: Uint8Array]>;
  /** X-Wing: a new secret, and the ciphertext that carries it to who has the private key. */
  crypto_kem_enc: Encapsulation<[publicKey: Uint8Array]>;
  /** X-Wing: a new key pair. */
  crypto_kem_keypair: KeyPair;
  /** ML-KEM-768: the secret that a ciphertext carries. */
  crypto_kem_mlkem768_dec: Formatted<[ciphertext: Uint8Array, privateKey: Uint8Array]>;
  /** ML-KEM-768: a new secret, and the ciphertext that carries it. */
  crypto_kem_mlkem768_enc: Encapsulation<[publicKey: Uint8Array]>;
  /** ML-KEM-768: the same for the same seed. */
  crypto_kem_mlkem768_enc_deterministic: Encapsulation<[publicKey: Uint8Array, seed: Uint8Array]>;
  /** ML-KEM-768: a new key pair. */
  crypto_kem_mlkem768_keypair: KeyPair;
  /** ML-KEM-768: the key pair of a seed. */
  crypto_kem_mlkem768_seed_keypair: KeyPair<[seed: Uint8Array]>;
  /** 'xwing'. */
  crypto_kem_primitive(): string;
  /** X-Wing: the key pair of a seed. */
  crypto_kem_seed_keypair: KeyPair<[seed: Uint8Array]>;
  /** As `crypto_kem_dec`. */
  crypto_kem_xwing_dec: Formatted<[ciphertext: Uint8Array, privateKey: Uint8Array]>;
  /** As `crypto_kem_enc`. */
  crypto_kem_xwing_enc: Encapsulation<[publicKey: Uint8Array]>;
  /** As `crypto_kem_enc`, the same for the same seed. */
  crypto_kem_xwing_enc_deterministic: Encapsulation<[publicKey: Uint8Array, seed: Uint8Array]>;
  /** As `crypto_kem_keypair`. */
  crypto_kem_xwing_keypair: KeyPair;
  /** As `crypto_kem_seed_keypair`. */
  crypto_kem_xwing_seed_keypair: KeyPair<[seed: Uint8Array]>;

  /** The client's two session keys: to receive and to send. */
  crypto_kx_client_session_keys: FormattedRecord<
    [clientPublicKey: Uint8Array, clientSecretKey: Uint8Array, serverPublicKey: Uint8Array],
    'sharedRx' | 'sharedTx'
  >;
  /** A new X25519 key pair. */
  crypto_kx_keypair: KeyPair;
  /** The X25519 key pair of a seed. */
  crypto_kx_seed_keypair: KeyPair<[seed: Uint8Array]>;
  /** The server's two session keys: to receive and to send. */
  crypto_kx_server_session_keys: FormattedRecord<
    [serverPublicKey: Uint8Array, serverSecretKey: Uint8Array, clientPublicKey: Uint8Array],
    'sharedRx' | 'sharedTx'
  >;

  /** X25519. */
  crypto_scalarmult: Formatted<[privateKey: Uint8Array, publicKey: Uint8Array]>;
  /** The public key of an X25519 private key. */
  crypto_scalarmult_base: Formatted<[privateKey: Uint8Array]>;
  /** A multiple of an element of ristretto255. */
  crypto_scalarmult_ristretto255: Formatted<[scalar: Uint8Array, element: Uint8Array]>;
  /** A multiple of the generator of ristretto255. */
  crypto_scalarmult_ristretto255_base: Formatted<[scalar: Uint8Array]>;

  /** Begins to open a stream, of which `header` is the beginning. */
  crypto_secretstream_xchacha20poly1305_init_pull(header: Uint8Array, key: Uint8Array): StateAddress;
  /** Begins a stream; its header goes to the other side. */
  crypto_secretstream_xchacha20poly1305_init_push: FormattedRecord<[key: Uint8Array], 'header', {
    /** For `push`. */
    state: StateAddress;
  }>;
  /** A new key. */
  crypto_secretstream_xchacha20poly1305_keygen: Formatted<[]>;
  /** Opens the next chunk; false where it is not authentic. */
  crypto_secretstream_xchacha20poly1305_pull: Formatted<
    [state_address: StateAddress, cipher: Uint8Array, ad?: Message | null],
    Pulled<Uint8Array>,
    Pulled<string>
  >;
  /** Seals the next chunk under a tag. */
  crypto_secretstream_xchacha20poly1305_push: Formatted<
    [state_address: StateAddress, message_chunk: Message, ad: Message | null, tag: number]
  >;
  /** Goes on under another key, as both sides have to. */
  crypto_secretstream_xchacha20poly1305_rekey(state_address: StateAddress): true;

  /** Ed25519: signature and message. */
  crypto_sign: Formatted<[message: Message, privateKey: Uint8Array]>;
  /** Ed25519: the signature. */
  crypto_sign_detached: Formatted<[message: Message, privateKey: Uint8Array]>;
  /** The X25519 public key of an Ed25519 one. */
  crypto_sign_ed25519_pk_to_curve25519: Formatted<[edPk: Uint8Array]>;
  /** The X25519 private key of an Ed25519 one. */
  crypto_sign_ed25519_sk_to_curve25519: Formatted<[edSk: Uint8Array]>;
  /** Ed25519ph: the signature of all chunks; the state is used up. */
  crypto_sign_final_create: Formatted<[state_address: StateAddress, privateKey: Uint8Array]>;
  /** Ed25519ph: whether the signature of all chunks is right; the state is used up. */
  crypto_sign_final_verify(state_address: StateAddress, signature: Uint8Array, publicKey: Uint8Array): boolean;
  /** Begins a signature of several chunks, Ed25519ph. */
  crypto_sign_init(): StateAddress;
  /** A new Ed25519 key pair. */
  crypto_sign_keypair: KeyPair;
  /** The message of `crypto_sign`. */
  crypto_sign_open: Formatted<[signedMessage: Uint8Array, publicKey: Uint8Array]>;
  /** The Ed25519 key pair of a seed. */
  crypto_sign_seed_keypair: KeyPair<[seed: Uint8Array]>;
  /** Takes the next chunk. */
  crypto_sign_update(state_address: StateAddress, message_chunk: Message): void;
  /** Whether a signature is right. */
  crypto_sign_verify_detached(signature: Uint8Array, message: Message, publicKey: Uint8Array): boolean;

  /** Random bytes. */
  randombytes_buf: Formatted<[length: number]>;
  /** The same bytes for the same seed of 32. */
  randombytes_buf_deterministic: Formatted<[length: number, seed: Uint8Array]>;
  /** There because `libsodium-wrappers` has it: the browser's generator needs no closing. */
  randombytes_close(): void;
  /** A random number from 0 to 2^32 − 1. */
  randombytes_random(): number;
  /** There because `libsodium-wrappers` has it: the browser's generator needs no stirring. */
  randombytes_stir(): void;
  /** A random number from 0 to `upper_bound` − 1, each as likely; 0 where `upper_bound` is below 2. */
  randombytes_uniform(upper_bound: number): number;
  /** Such as '1.0.22'. */
  sodium_version_string(): string;
}
