// What pages download of dist/, in groups: plain bytes, and with gzip at its best level.
import { readFile, readdir } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

const dist = new URL('../../dist/', import.meta.url);

/** What the engine is to be one day, and the most that it may be now, gzip, bytes. */
export const target = 90_000;
export const budget = 224_000;

/** All that one page needs to move a file, whether its engine runs in a worker or not. */
const engine = ['millrace.js', 'engine.js', 'worker.js', 'millrace_core.js', 'millrace_core.wasm'];

/** Loaded by those alone who ask for it; by the beginning of the name. */
const groups = { signaling: ['signaling.js'], words: ['words.js'], mqtt: ['mqtt_client.js'] };
for (const entry of ['parts', 'sodium', 'mesh']) groups[entry] = [`${entry}.js`, `millrace_${entry}.js`, `millrace_${entry}.wasm`];

async function measure(file) {
  const bytes = await readFile(new URL(file, dist));
  return { file, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
}

/** `[{ name, files: [{ file, raw, gzip }], raw, gzip }]`, bytes; the engine first. A group that is not in dist/ is left out. */
export async function measureSizes() {
  const present = new Set(await readdir(dist));
  const sizes = [];
  for (const [name, names] of Object.entries({ engine, ...groups })) {
    const files = await Promise.all(names.filter((file) => name === 'engine' || present.has(file)).map(measure));
    if (files.length === 0) continue;
    const sum = (key) => files.reduce((total, file) => total + file[key], 0);
    sizes.push({ name, files, raw: sum('raw'), gzip: sum('gzip') });
  }
  return sizes;
}
