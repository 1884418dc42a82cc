import { aligned, copyIn, copyOut, readSize, withMemory } from './memory.js';
import { byteLength, readBytes } from './input.js';
import { callSodium } from '../wasm/sodium.js';
import type { Message } from './types.js';

/** The digit's character without a look-up, whose time could tell it. */
function digit(nibble: number): number {
  const lettersOffset = 39; // From after '9' to before 'a'.
  return 48 + nibble + (((9 - nibble) >> 8) & lettersOffset);
}

/** Bytes as hexadecimal digits, in lower case. Errors: TypeError for what is neither bytes nor a string. */
export function to_hex(input: Message): string {
  let text = '';
  for (const byte of readBytes(input, 'input')) text += String.fromCharCode(digit(byte >> 4), digit(byte & 15));
  return text;
}

/** The bytes that hexadecimal digits of either case stand for. Errors: Error for an odd number of digits and for any other character. */
export function from_hex(input: Message): Uint8Array {
  const text = readBytes(input, 'input');
  const length = byteLength(text);
  const most = length >> 1;
  const textAt = 16;
  const bytesAt = textAt + aligned(length);
  return withMemory(bytesAt + most, (endAt) => {
    const from = endAt + textAt;
    copyIn(text, from);
    if (callSodium('sodium_hex2bin', endAt + bytesAt, most, from, length, 0, 0, endAt) !== 0) throw new Error('invalid input');
    if (readSize(endAt) - from !== length) throw new Error('incomplete input');
    return copyOut(endAt + bytesAt, most);
  });
}
