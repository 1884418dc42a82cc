import { PageError } from './errors.js';
import { siteUrl } from './room.js';

/**
 * The package, loaded as by any other page: from the site's own files, not bundled into the demo. Its worker and WebAssembly
 * file are found next to it.
 */
type Millrace = typeof import('../index.js');
type Signaling = typeof import('../signaling.js');
export type Package = Millrace & Signaling;

let loading: Promise<Package> | undefined;

/** Errors: rejects with 'not-loaded' where the files cannot be loaded; the next call tries again. */
export function loadPackage(): Promise<Package> {
  loading ??= load().catch(() => {
    loading = undefined;
    throw new PageError('not-loaded');
  });
  return loading;
}

async function load(): Promise<Package> {
  // Resolved at run time: the bundler must not follow these imports.
  const address = (file: string): string => siteUrl(`dist/${file}`);
  const [millrace, signaling] = await Promise.all([
    import(address('millrace.js')) as Promise<Millrace>,
    import(address('signaling.js')) as Promise<Signaling>,
  ]);
  return { ...millrace, ...signaling };
}
