import type { CoreModule } from '../core.js';
import { MillraceError } from '../errors.js';

interface CoreFactory {
  default(options: { locateFile(name: string): string }): Promise<CoreModule>;
}

/**
 * Loads the WebAssembly core from beside this script. Emscripten's loader compiles it while it arrives, and from a buffer
 * where the server does not send it as `application/wasm`.
 * Errors: rejects with 'internal' when it cannot be fetched, compiled or instantiated.
 */
export async function loadCore(): Promise<CoreModule> {
  const base = import.meta.url;
  try {
    // A computed specifier: bundlers leave it alone, and the file stays one of its own.
    const specifier = new URL('./millrace_core.js', base).href;
    const module = (await import(/* @vite-ignore */ specifier)) as CoreFactory;
    return await module.default({ locateFile: (name) => new URL(`./${name}`, base).href });
  } catch (caught) {
    throw MillraceError.from(caught, 'internal');
  }
}
