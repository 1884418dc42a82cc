// What a page needs for the checks, bundled with libsodium-wrappers into one script: e2e/sodium.spec.ts carries it there.
import peer from 'libsodium-wrappers';
import { compareErrors } from './errors.mjs';
import { familyNames, runFamily } from './run.mjs';
import { checkVectors } from './vectors.mjs';

async function load() {
  const { default: ours } = await import(/* @vite-ignore */ new URL('/dist/sodium.js', location.href).href);
  await Promise.all([ours.ready, peer.ready]);
  return ours;
}

globalThis.interop = {
  familyNames,
  /** Answers how long it took, ms. */
  async run(name, options) {
    const ours = await load();
    const start = performance.now();
    runFamily(name, ours, peer, options);
    return performance.now() - start;
  },
  compareErrors: async () => compareErrors(await load(), peer),
  checkVectors: async (file) => checkVectors(await load(), file),
};
