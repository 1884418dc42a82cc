import type { CoreModule } from '../core.js';
import { MillraceError } from '../errors.js';
import { loadBeside } from '../load_beside.js';

/** Loads the WebAssembly core. Errors: rejects with 'internal' when that fails. */
export async function loadCore(): Promise<CoreModule> {
  try {
    return await loadBeside<CoreModule>('millrace_core.js');
  } catch (caught) {
    throw MillraceError.from(caught, 'internal');
  }
}
