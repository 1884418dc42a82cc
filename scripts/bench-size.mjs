// The bytes that a page downloads: each file of dist/ that the package loads, plain and with gzip at its best level; and the engine's
// total with its budget.
//
//   node scripts/bench-size.mjs [--json]
import { budget, measureSizes, target } from './lib/sizes.mjs';

const json = process.argv.includes('--json');
if (!json) console.log(`${'file'.padEnd(26)}${'raw'.padStart(10)}${'gzip'.padStart(10)}`);

const print = (row) =>
  console.log(json ? JSON.stringify({ bench: 'size', ...row }) : `${row.file.padEnd(26)}${String(row.raw).padStart(10)}${String(row.gzip).padStart(10)}`);

for (const { name, files, raw, gzip } of await measureSizes()) {
  for (const file of files) print(file);
  const isEngine = name === 'engine';
  if (files.length > 1) print({ file: `total of ${name}`, raw, gzip, ...(isEngine ? { budget, target } : {}) });
  if (isEngine && !json) console.log(`${'  its budget, its target'.padEnd(26)}${String(budget).padStart(10)}${String(target).padStart(10)}`);
}
