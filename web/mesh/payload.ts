import { describe, MillraceError } from '../api/errors.js';
import type { Json, Payload } from '../api/mesh_types.js';

export const MAX_PAYLOAD_BYTES = 64 * 1024;
/** The first byte of a payload tells what follows. */
const BYTES = 0;
const JSON_TEXT = 1;
/** Keys that reach a prototype when an application copies or merges a received value. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);
/** A text that does not match has no forbidden key: neither the words, nor an escape that could spell one. */
const SUSPICIOUS = /__proto__|constructor|prototype|\\/;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Errors: throws 'invalid-argument' for a value that is neither bytes nor JSON; 'too-large'. */
export function encodePayload(payload: Payload): Uint8Array<ArrayBuffer> {
  const isBytes = payload instanceof Uint8Array;
  const body = isBytes ? payload : encoder.encode(toJson(payload));
  if (body.length + 1 > MAX_PAYLOAD_BYTES) {
    throw new MillraceError('too-large', `a payload of ${body.length} bytes; ${MAX_PAYLOAD_BYTES - 1} are allowed`);
  }
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = isBytes ? BYTES : JSON_TEXT;
  bytes.set(body, 1);
  return bytes;
}

function toJson(value: Json): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (caught) {
    throw new MillraceError('invalid-argument', describe(caught));
  }
  if (text === undefined) throw new MillraceError('invalid-argument', 'a payload must be bytes or JSON');
  return text;
}

/** The decoded payload. Undefined for an invalid one, and for one with a key that reaches a prototype: its sender is not trusted. */
export function decodePayload(bytes: Uint8Array): Payload | undefined {
  const body = bytes.subarray(1);
  if (bytes[0] === BYTES) return body;
  if (bytes[0] !== JSON_TEXT) return undefined;
  let harmless = true;
  const check = (key: string, value: Json): Json => {
    if (FORBIDDEN_KEYS.has(key)) harmless = false;
    return value;
  };
  try {
    const text = decoder.decode(body);
    // Checking each key takes as long as all other work for a short message.
    const value = JSON.parse(text, SUSPICIOUS.test(text) ? check : undefined) as Json;
    return harmless ? value : undefined;
  } catch {
    return undefined;
  }
}
