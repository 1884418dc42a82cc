import { aligned, copyIn, copyOut, readSize, withMemory } from './memory.js';
import { byteLength, readBytes } from './input.js';
import { callSodium } from '../wasm/sodium.js';
import type { Message } from './types.js';
import { to_string } from './utf8.js';

/** Alphabets of base64, with padding or without. */
export const base64_variants = {
  /** `+` and `/`, padded. */
  ORIGINAL: 1,
  /** `+` and `/`. */
  ORIGINAL_NO_PADDING: 3,
  /** `-` and `_`, padded. */
  URLSAFE: 5,
  /** `-` and `_`. */
  URLSAFE_NO_PADDING: 7,
} as const;
/** One of the numbers of that name. */
export type base64_variants = number;

const noPadding = 2;

function readVariant(value: unknown): number {
  if (value === undefined) return base64_variants.URLSAFE_NO_PADDING;
  const known = Object.values(base64_variants).find((variant) => variant === value);
  if (known === undefined) throw new Error('unsupported base64 variant');
  return known;
}

/** Bytes as base64. `variant`: URL-safe without padding, unless said. Errors: TypeError for what is neither bytes nor a string. */
export function to_base64(input: Message, variant?: base64_variants): string {
  const chosen = readVariant(variant);
  const bytes = readBytes(input, 'input');
  const length = byteLength(bytes);
  const rest = length % 3;
  const lastGroup = rest === 0 ? 0 : chosen & noPadding ? rest + 1 : 4;
  const textLength = Math.floor(length / 3) * 4 + lastGroup;
  const textAt = aligned(length);
  return withMemory(textAt + textLength + 1, (address) => {
    copyIn(bytes, address);
    const written = callSodium('sodium_bin2base64', address + textAt, textLength + 1, address, length, chosen);
    if (written === 0) throw new Error('conversion failed');
    return to_string(copyOut(address + textAt, textLength));
  });
}

/** The bytes that base64 stands for. Errors: Error for text that is not all of that variant. */
export function from_base64(input: Message, variant?: base64_variants): Uint8Array {
  const chosen = readVariant(variant);
  const text = readBytes(input, 'input');
  const length = byteLength(text);
  const most = Math.floor((length * 3) / 4);
  const endAt = 8;
  const textAt = 16;
  const bytesAt = textAt + aligned(length);
  return withMemory(bytesAt + most, (lengthAt) => {
    const from = lengthAt + textAt;
    const to = lengthAt + bytesAt;
    copyIn(text, from);
    if (callSodium('sodium_base642bin', to, most, from, length, 0, lengthAt, lengthAt + endAt, chosen) !== 0) {
      throw new Error('invalid input');
    }
    if (readSize(lengthAt + endAt) - from !== length) throw new Error('incomplete input');
    return copyOut(to, readSize(lengthAt));
  });
}
