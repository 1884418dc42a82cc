import { loadWasm } from './load.js';
import * as glue from './millrace_sodium.js';

type Wasm = (...args: (number | bigint)[]) => number | bigint | undefined;

/** libsodium as Emscripten exports it; 64-bit arguments are bigint. */
export interface SodiumModule {
  /** Replaced whenever the memory grows: read it again after each allocation. */
  readonly HEAPU8: Uint8Array;
  readonly [name: `_${string}`]: Wasm;
}

let loaded: SodiumModule | undefined;

/** The loaded module. Errors: throws before `loadSodium` has resolved. */
export function sodiumModule(): SodiumModule {
  if (loaded === undefined) throw new Error('libsodium is not ready: await sodium.ready');
  return loaded;
}

/** Calls the libsodium function of that name. Errors: throws before `ready`, and if the build does not export the function. */
export function callSodium(name: string, ...args: (number | bigint)[]): number | bigint | undefined {
  const wasm = sodiumModule()[`_${name}`];
  if (wasm === undefined) throw new Error(`${name} is not in this build of libsodium`);
  return wasm(...args);
}

/** Reads a zero-terminated ASCII string. */
export function readString(address: number): string {
  const heap = sodiumModule().HEAPU8;
  return new TextDecoder().decode(heap.slice(address, heap.indexOf(0, address)));
}

/**
 * Loads libsodium from beside this script and initialises it. Its JavaScript is loaded with this module, because service workers have no
 * `import()`. Errors: rejects if that fails.
 */
export async function loadSodium(): Promise<void> {
  const module = await loadWasm(new URL('./millrace_sodium.wasm', import.meta.url), () => Promise.resolve(glue));
  if (Number(module['_sodium_init']?.()) < 0) throw new Error('libsodium could not be initialised');
  loaded = module;
}
