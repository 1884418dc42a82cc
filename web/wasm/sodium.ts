import { loadWasm } from './load.js';

type Wasm = (...args: (number | bigint)[]) => number | bigint | undefined;

/** libsodium as Emscripten shows it; 64-bit arguments are bigint. */
export interface SodiumModule {
  /** Replaced whenever the memory grows: ask again after each allocation. */
  readonly HEAPU8: Uint8Array;
  readonly [name: `_${string}`]: Wasm;
}

let loaded: SodiumModule | undefined;

/** Errors: throws where libsodium is not there yet. */
export function sodiumModule(): SodiumModule {
  if (loaded === undefined) throw new Error('libsodium is not ready: await sodium.ready');
  return loaded;
}

/** Calls libsodium's function of that name. Errors: throws before `ready`, and where the build does not export it. */
export function callSodium(name: string, ...args: (number | bigint)[]): number | bigint | undefined {
  const wasm = sodiumModule()[`_${name}`];
  if (wasm === undefined) throw new Error(`${name} is not in this build of libsodium`);
  return wasm(...args);
}

/** A string of C, ASCII. */
export function readString(address: number): string {
  const heap = sodiumModule().HEAPU8;
  return new TextDecoder().decode(heap.slice(address, heap.indexOf(0, address)));
}

/** Loads libsodium from beside this script and sets it up. Errors: rejects where that fails. */
export async function loadSodium(): Promise<void> {
  const module = await loadWasm(new URL('./millrace_sodium.wasm', import.meta.url), () => import('./millrace_sodium.js'));
  if (Number(module['_sodium_init']?.()) < 0) throw new Error('libsodium could not be initialised');
  loaded = module;
}
