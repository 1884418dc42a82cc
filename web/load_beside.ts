interface Factory<Module> {
  default(options: object): Promise<Module>;
}

/**
 * Loads an Emscripten module from beside this script. Emscripten's loader compiles it while it arrives, and from a buffer
 * where the server does not send it as `application/wasm`.
 * Errors: rejects when it cannot be fetched, compiled or instantiated.
 */
export async function loadBeside<Module>(name: string, options: object = {}): Promise<Module> {
  const base = import.meta.url;
  // A computed specifier: bundlers leave it alone, and the file stays one of its own.
  const specifier = new URL(`./${name}`, base).href;
  const factory = (await import(/* @vite-ignore */ specifier)) as Factory<Module>;
  return factory.default({ locateFile: (file: string) => new URL(`./${file}`, base).href, ...options });
}
