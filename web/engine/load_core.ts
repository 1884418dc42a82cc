import type { CoreModule } from '../core.js';
import { MillraceError } from '../errors.js';
import { wasmFile } from '../wasm_file.js';

/** Loads the WebAssembly core from beside this script. Errors: rejects with 'internal' when that fails. */
export async function loadCore(): Promise<CoreModule> {
  try {
    const { default: load } = await import('./millrace_core.js');
    return await load(await wasmFile(new URL('./millrace_core.wasm', import.meta.url)));
  } catch (caught) {
    throw MillraceError.from(caught, 'internal');
  }
}
