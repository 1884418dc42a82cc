/** Node.js 20.16 and later. An import of `node:fs` would confuse bundlers for pages. */
interface NodeProcess {
  getBuiltinModule?(name: 'node:fs/promises'): { readFile(file: URL): Promise<Uint8Array> };
}

/**
 * Options for an Emscripten module whose `.wasm` is at `url`. A page compiles it while it arrives, or from a buffer where the
 * server does not send it as `application/wasm`. Node.js does not fetch files, so the file is read there. The caller writes
 * `new URL('./NAME.wasm', import.meta.url)` and `import('./NAME.js')` in full: bundlers find both files by these expressions.
 * Errors: rejects when the file cannot be read.
 */
export async function wasmFile(url: URL): Promise<object> {
  const { process } = globalThis as { process?: NodeProcess };
  const files = url.protocol === 'file:' ? process?.getBuiltinModule?.('node:fs/promises') : undefined;
  return files ? { wasmBinary: await files.readFile(url) } : { locateFile: () => url.href };
}
