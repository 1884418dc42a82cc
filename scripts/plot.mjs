#!/usr/bin/env node
// Draws the log of a transfer (docs/trace.md) as a picture.
//
//   node scripts/plot.mjs FILE [OUT.svg]      FILE: the text of `Transfer.log()`; default of OUT: FILE.svg beside it
import { readFile, writeFile } from 'node:fs/promises';
import { drawLog } from './lib/log_svg.mjs';

const [file, out = file?.replace(/(\.jsonl)?$/, '.svg')] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('usage: node scripts/plot.mjs FILE [OUT.svg]\n');
  process.exit(2);
}
try {
  await writeFile(out, drawLog(await readFile(file, 'utf8')));
  process.stdout.write(`${out}\n`);
} catch (error) {
  process.stderr.write(`plot.mjs: ${file}: ${error.message}\n`);
  process.exitCode = 1;
}
