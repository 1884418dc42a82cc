import { MillraceError } from '../api/errors.js';
import { fromBase64Url, toBase64Url } from '../base/bytes.js';
import { isRecord } from '../base/is_record.js';

/** Exists on https pages and on this machine's own; every browser has this algorithm there. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
const KEY_BYTES = 65;
const SIGNATURE_BYTES = 64;
/** 128 bits: finding another key with the same id takes 2^128 steps. */
const ID_BYTES = 16;
const STORAGE_PREFIX = 'millrace-room-';

/** A member of a room in the eyes of the others: a key pair, whose public half makes the id. */
export interface Identity {
  readonly id: string;
  /** As base64url. */
  readonly publicKey: string;
  /** Of two pages with a copy of it, the one with the larger number draws another: the one that was loaded later. */
  readonly rank: number;
  /** As base64url. */
  sign(text: string): Promise<string>;
}

/** Identities of this page, by room, for pages without a session storage. */
const known = new Map<string, JsonWebKey>();
/** Ids of the rooms that this page is in: a room that it enters twice has two identities. */
const inUse = new Set<string>();

/**
 * The identity of this tab in a room, until `releaseIdentity`. It is kept in `sessionStorage`, so a page that is loaded again is
 * the same member. `fresh`: draws another one.
 * Errors: rejects with 'not-supported' where there is no `crypto.subtle`.
 */
export async function claimIdentity(room: string, fresh = false): Promise<Identity> {
  if (typeof globalThis.crypto?.subtle === 'undefined') {
    throw new MillraceError('not-supported', 'a room needs a secure page: https://, or localhost');
  }
  const kept = fresh ? undefined : load(room);
  const restored = kept && (await fromJwk(kept));
  const identity = restored && !inUse.has(restored.id) ? restored : await draw(room);
  inUse.add(identity.id);
  return identity;
}

/** The room was left: the identity can be used again. */
export function releaseIdentity({ id }: Identity): void {
  inUse.delete(id);
}

/** A new identity, which is kept unless the kept one is in use. */
async function draw(room: string): Promise<Identity> {
  const pair = (await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']));
  const jwk = await crypto.subtle.exportKey('jwk', pair.privateKey);
  store(room, jwk);
  return make(pair.privateKey, new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)));
}

/** The id that belongs to a public key; undefined for a text that is none. */
export async function idOf(publicKey: string): Promise<string | undefined> {
  const bytes = fromBase64Url(publicKey);
  return bytes?.length === KEY_BYTES ? hashId(bytes) : undefined;
}

/** Whether the owner of the key signed the text. False also for an invalid key or signature. */
export async function isSignedBy(publicKey: string, text: string, signature: string): Promise<boolean> {
  const [key, bytes] = [fromBase64Url(publicKey), fromBase64Url(signature)];
  if (key?.length !== KEY_BYTES || bytes?.length !== SIGNATURE_BYTES) return false;
  try {
    const imported = await crypto.subtle.importKey('raw', key, ALGORITHM, false, ['verify']);
    return await crypto.subtle.verify(SIGNATURE, imported, bytes, new TextEncoder().encode(text));
  } catch {
    return false;
  }
}

async function make(key: CryptoKey, publicKey: Uint8Array<ArrayBuffer>): Promise<Identity> {
  return {
    id: await hashId(publicKey),
    publicKey: toBase64Url(publicKey),
    rank: Date.now() + Math.random(),
    sign: async (text) => toBase64Url(new Uint8Array(await crypto.subtle.sign(SIGNATURE, key, new TextEncoder().encode(text)))),
  };
}

async function hashId(publicKey: Uint8Array<ArrayBuffer>): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', publicKey)).subarray(0, ID_BYTES));
}

/** Undefined for anything but a private key of this kind. */
async function fromJwk(jwk: JsonWebKey): Promise<Identity | undefined> {
  try {
    const [x, y] = [fromBase64Url(jwk.x ?? ''), fromBase64Url(jwk.y ?? '')];
    const key = await crypto.subtle.importKey('jwk', jwk, ALGORITHM, true, ['sign']);
    const publicKey = Uint8Array.of(4, ...x!, ...y!);
    return publicKey.length === KEY_BYTES ? await make(key, publicKey) : undefined;
  } catch {
    return undefined;
  }
}

function load(room: string): JsonWebKey | undefined {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(STORAGE_PREFIX + room) ?? 'null');
    if (isRecord(kept)) return kept;
  } catch {
    // No storage, or somebody else wrote there.
  }
  return known.get(room);
}

function store(room: string, jwk: JsonWebKey): void {
  known.set(room, jwk);
  try {
    sessionStorage.setItem(STORAGE_PREFIX + room, JSON.stringify(jwk));
  } catch {
    // Then it lives as long as the page.
  }
}
