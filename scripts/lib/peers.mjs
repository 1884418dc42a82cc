// Other libraries in the pages: what e2e/peers holds, bundled and carried there.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Over any of the links, and on a busy machine. */
const connectSeconds = 60;

export const peerNames = ['simple-peer', 'peerjs', 'trystero', 'webtorrent'];

/** The script that makes `globalThis.peer` of a page. */
export async function bundlePeers() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../e2e/peers/main.js', import.meta.url))],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

/**
 * Connects two pages with the script through the library `name`, signalled through this process.
 * Errors: rejects where it takes longer than `connectSeconds`.
 */
export async function connectPeers(sender, receiver, name) {
  const pages = [sender, receiver];
  await Promise.all(pages.map((page, index) =>
    page.exposeBinding('signalOther', (_source, message) => pages[1 - index].evaluate((text) => globalThis.peer.onsignal(text), message))));
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} did not connect in ${connectSeconds} s`)), connectSeconds * 1000);
  });
  const connected = pages.map((page) => page.evaluate(([library, initiator]) => globalThis.peer.connect(library, initiator), [name, page === sender]));
  try {
    await Promise.race([Promise.all(connected), late]);
  } finally {
    clearTimeout(timer);
  }
}
