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
if (!json) console.log(`${'file'.padEnd(26)}${'raw'.padStart(10)}${'gzip'.padStart(10)}`);

const print = (row) =>
  console.log(json ? JSON.stringify(row) : `${row.file.padEnd(26)}${String(row.raw).padStart(10)}${String(row.gzip).padStart(10)}`);

/** A row for each file, and one for all of them under `name`. */
async function printGroup(name, group) {
  const total = { bench: 'size', file: name, raw: 0, gzip: 0 };
  for (const file of group) {
    const bytes = await readFile(new URL(file, dist));
    const row = { bench: 'size', file, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
    total.raw += row.raw;
    total.gzip += row.gzip;
    print(row);
  }
  print(total);
}

// millrace/parts and millrace/sodium are for pages that ask for them: nothing else loads them.
const entryOf = (file) => /(?:^|_)(parts|sodium)\./.exec(file)?.[1];
await printGroup('total', files.filter((file) => entryOf(file) === undefined));
for (const entry of ['parts', 'sodium']) await printGroup(`total of millrace/${entry}`, files.filter((file) => entryOf(file) === entry));
