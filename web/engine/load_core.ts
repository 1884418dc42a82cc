import type { CoreModule } from '../core.js';
import { MillraceError } from '../errors.js';

interface WasmFactory<Module> {
  default(options: { locateFile(name: string): string }): Promise<Module>;
}

/**
 * Loads a WebAssembly module from beside this script. Emscripten's loader compiles it while it arrives, and from a buffer
 * where the server does not send it as `application/wasm`.
 * Errors: rejects with 'internal' when it cannot be fetched, compiled or instantiated.
 */
export async function loadWasm<Module>(name: string): Promise<Module> {
  const base = import.meta.url;
  try {
    // A computed specifier: bundlers leave it alone, and the file stays one of its own.
    const specifier = new URL(`./${name}.js`, base).href;
    const module = (await import(/* @vite-ignore */ specifier)) as WasmFactory<Module>;
    return await module.default({ locateFile: (file) => new URL(`./${file}`, base).href });
  } catch (caught) {
    throw MillraceError.from(caught, 'internal');
  }
}

/** The core of a session. Errors: as `loadWasm`. */
export function loadCore(): Promise<CoreModule> {
  return loadWasm<CoreModule>('millrace_core');
}
