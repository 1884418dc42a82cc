import { MillraceError } from '../api/errors.js';
import { wasmFile } from '../base/wasm_file.js';
import type { CoreModule } from './session.js';

/** Loads the WebAssembly core from beside this script. Errors: rejects with 'internal' when that fails. */
export async function loadCore(): Promise<CoreModule> {
  try {
    const { default: load } = await import('./millrace_core.js');
    return await load(await wasmFile(new URL('./millrace_core.wasm', import.meta.url)));
  } catch (caught) {
    throw MillraceError.from(caught, 'internal');
  }
}
