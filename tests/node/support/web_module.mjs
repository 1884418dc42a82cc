// Imports a TypeScript module of the package as Node.js would see it, bundled in memory.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** `source`: TypeScript that re-exports what the test needs, with paths relative to `web/`. */
export async function bundle(source) {
  const result = await build({
    stdin: { contents: source, resolveDir: `${root}/web`, loader: 'ts' },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    platform: 'node',
    write: false,
    // They lie in dist/ only.
    external: ['./millrace_*.js'],
    logLevel: 'warning',
    sourcemap: 'inline',
  });
  return import(`data:text/javascript;base64,${Buffer.from(result.outputFiles[0].contents).toString('base64')}`);
}
