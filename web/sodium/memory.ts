import { sodiumModule } from '../wasm/sodium.js';

/** Every address that is handed out is a multiple of this. */
const alignment = 16;
const mostBytes = 0x7ff00000;

/** `size` with what keeps the next address aligned. */
export function aligned(size: number): number {
  return Math.ceil(size / alignment) * alignment;
}

/** `size` bytes of WebAssembly memory. Errors: throws where there is no room. */
export function allocate(size: number): number {
  const address = size <= mostBytes ? Number(sodiumModule()['_malloc']?.(Math.max(size, 1))) >>> 0 : 0;
  if (address === 0) throw new Error(`no memory for ${size} bytes`);
  return address;
}

/** Clears what `allocate` gave, and gives it back. */
export function wipe(address: number, size: number): void {
  const module = sodiumModule();
  module.HEAPU8.fill(0, address, address + size);
  module['_free']?.(address);
}

/** Lends `size` bytes for one call. Whatever comes of it, they are clear and free afterwards. */
export function withMemory<Result>(size: number, work: (address: number) => Result): Result {
  const address = allocate(size);
  try {
    return work(address);
  } finally {
    wipe(address, size);
  }
}

/** A copy, so that no result shows the memory of a later call. */
export function copyOut(address: number, length: number): Uint8Array {
  return sodiumModule().HEAPU8.slice(address, address + length);
}

export function copyIn(bytes: Uint8Array, address: number): void {
  sodiumModule().HEAPU8.set(bytes, address);
}

/** The size_t at `address`. */
export function readSize(address: number): number {
  return new DataView(sodiumModule().HEAPU8.buffer).getUint32(address, true);
}

/**
 * Clears what a call has left on C's stack, down to `depth` bytes: libsodium wipes what it holds as a secret, but not all
 * that it computes with. Between calls nothing there is in use.
 */
export function clearStack(depth: number): void {
  const module = sodiumModule();
  const top = Number(module['_emscripten_stack_get_current']?.());
  module.HEAPU8.fill(0, top - depth, top);
}
