import { MillraceError } from '../api/errors.js';

/** Node.js 20.16 and later; written so that no bundler for pages looks for it. */
interface NodeProcess {
  getBuiltinModule?(name: 'node:fs/promises'): { readFile(file: URL): Promise<Uint8Array<ArrayBuffer>> };
}

type Imports = WebAssembly.Imports;

/** The file that Emscripten writes beside each `.wasm` file. */
export interface Glue<Module> {
  readonly default: (options: {
    instantiateWasm: (imports: Imports, receive: (instance: WebAssembly.Instance) => void) => object;
  }) => Promise<Module>;
}

/** Compiled modules, and those being compiled, by the address of their file. A failure is not kept. */
const compiled = new Map<string, Promise<WebAssembly.Module>>();

/**
 * Makes a new instance of the module at `url`. `glue` imports its JavaScript. Callers write `new URL('./NAME.wasm',
 * import.meta.url)` and `import('./NAME.js')` out in full, because bundlers find both files by that.
 * Errors: rejects when one of the files cannot be loaded or is invalid, or when there is no memory for the instance, and with
 * 'not-supported' without WebAssembly SIMD; the next call tries again. Cost: compiles once for each address; each instance has its own memory.
 */
export async function loadWasm<Module>(url: URL, glue: () => Promise<Glue<Module>>): Promise<Module> {
  const [module, { default: start }] = await Promise.all([compileWasm(url), glue()]);
  return new Promise((resolve, reject) => {
    const instantiateWasm = (imports: Imports, receive: (instance: WebAssembly.Instance) => void): object => {
      WebAssembly.instantiate(module, imports).then(receive).catch(reject);
      return {};
    };
    start({ instantiateWasm }).then(resolve, reject);
  });
}

/** The compiled module at `url`, without an instance. Errors: as `loadWasm`. */
export function compileWasm(url: URL): Promise<WebAssembly.Module> {
  const known = compiled.get(url.href);
  if (known) return known;
  const compiling = compile(url);
  compiled.set(url.href, compiling);
  compiling.catch(() => {
    if (compiled.get(url.href) === compiling) compiled.delete(url.href);
  });
  return compiling;
}

/** Uses a module that was compiled elsewhere, such as in the window for its worker, in place of the file at `url`. */
export function adoptWasm(url: URL, module: WebAssembly.Module): void {
  compiled.set(url.href, Promise.resolve(module));
}

/** A module with one SIMD instruction: a function that returns `i8x16.splat(0)`. */
const SIMD_PROBE = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11);

/** Errors: throws 'not-supported'. The package needs SIMD: Chrome 91, Firefox 89, Safari 16.4, and a processor with SSE4.1 or Neon. */
function requireSimd(): void {
  if (typeof WebAssembly !== 'undefined' && WebAssembly.validate(SIMD_PROBE)) return;
  throw new MillraceError('not-supported', 'this browser or its processor has no WebAssembly SIMD');
}

/** A page compiles while the file arrives, or afterwards if the server does not send it as `application/wasm`. */
async function compile(url: URL): Promise<WebAssembly.Module> {
  requireSimd();
  const { process } = globalThis as { process?: NodeProcess };
  // Node.js does not fetch files.
  const files = url.protocol === 'file:' ? process?.getBuiltinModule?.('node:fs/promises') : undefined;
  if (files) return WebAssembly.compile(await files.readFile(url));
  const response = await fetch(url, { credentials: 'same-origin' });
  if (!response.ok) throw new Error(`${url.href} cannot be loaded: status ${response.status}`);
  const type = response.headers.get('Content-Type')?.trim().toLowerCase();
  if (type === 'application/wasm') return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}
