// What a page downloads, bytes: each file of dist/ that the package loads, plain and with gzip at its best level.
//
//   node scripts/bench-size.mjs [--json]
import { readFile, readdir } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url);
const json = process.argv.includes('--json');
// The server and the demo are no part of what a page of somebody else's loads; the MQTT client is only where it is asked for.
const others = ['server.js', 'mqtt_client.js'];
const files = (await readdir(dist)).filter((name) => /\.(js|wasm)$/.test(name) && !others.includes(name)).sort();
if (!json) console.log(`${'file'.padEnd(24)}${'raw'.padStart(10)}${'gzip'.padStart(10)}`);

let raw = 0;
let gzip = 0;
const print = (row) =>
  console.log(json ? JSON.stringify(row) : `${row.file.padEnd(24)}${String(row.raw).padStart(10)}${String(row.gzip).padStart(10)}`);
for (const file of files) {
  const bytes = await readFile(new URL(file, dist));
  const row = { bench: 'size', file, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
  raw += row.raw;
  gzip += row.gzip;
  print(row);
}
print({ bench: 'size', file: 'total', raw, gzip });
