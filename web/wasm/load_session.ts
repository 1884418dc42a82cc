import { adoptWasm, compileWasm, loadWasm } from './load.js';
import type { CoreModule } from './session.js';

/** A new instance of the session's core, from beside this script. Errors and cost: as `loadWasm`. */
export function loadCore(): Promise<CoreModule> {
  return loadWasm(coreFile(), () => import('./millrace_core.js'));
}

/** The compiled core, for the engines of this page, from `folder` or from beside this script. Errors and cost: as `compileWasm`. */
export async function compileCore(folder?: URL): Promise<WebAssembly.Module> {
  return compileWasm(folder ? new URL('millrace_core.wasm', folder) : coreFile());
}

/** Uses a core that another script has compiled with `compileCore`. */
export function adoptCore(module: WebAssembly.Module): void {
  adoptWasm(coreFile(), module);
}

function coreFile(): URL {
  return new URL('./millrace_core.wasm', import.meta.url);
}
