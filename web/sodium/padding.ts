import { aligned, copyIn, copyOut, readSize, withMemory } from './memory.js';
import { byteLength } from './input.js';
import { callSodium } from '../wasm/sodium.js';

const bytesAt = 16;

function readBlockSize(buffer: unknown, blockSize: number): number {
  if (!(buffer instanceof Uint8Array)) throw new TypeError('buffer must be a Uint8Array');
  const size = blockSize | 0;
  if (size <= 0) throw new Error('block size must be > 0');
  return size;
}

/**
 * A copy with 0x80 and zeros up to the next multiple of `blocksize`; always at least one byte more.
 * Errors: TypeError for what is no Uint8Array, Error for a block size below 1.
 */
export function pad(buf: Uint8Array, blocksize: number): Uint8Array {
  const block = readBlockSize(buf, blocksize);
  const length = byteLength(buf);
  const most = length + block;
  return withMemory(bytesAt + aligned(most), (address) => {
    copyIn(buf, address + bytesAt);
    if (callSodium('sodium_pad', address, address + bytesAt, length, block, most) !== 0) throw new Error('internal error');
    return copyOut(address + bytesAt, readSize(address));
  });
}

/** A copy without what `pad` added. Errors: as `pad`, and Error where there is no such padding. */
export function unpad(buf: Uint8Array, blocksize: number): Uint8Array {
  const block = readBlockSize(buf, blocksize);
  const length = byteLength(buf);
  return withMemory(bytesAt + aligned(length), (address) => {
    copyIn(buf, address + bytesAt);
    if (callSodium('sodium_unpad', address, address + bytesAt, length, block) !== 0) throw new Error('unsupported/invalid padding');
    return copyOut(address + bytesAt, readSize(address));
  });
}
