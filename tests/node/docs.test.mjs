// What the documents point at is there.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const documents = ['README.md', 'examples/README.md', 'src/README.md', 'src/PROTOCOL.md', 'tests/emulator/README.md'];
for (const name of await readdir(join(root, 'docs'), { recursive: true })) if (name.endsWith('.md')) documents.push(join('docs', name));

/** The headings of a document, as links name them. */
function anchorsOf(text) {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading);
  return headings.map((heading) => heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
}

for (const document of documents) {
  test(`${document} points at what is there`, async () => {
    const text = await readFile(join(root, document), 'utf8');
    for (const [, target, anchor] of text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)) {
      const path = target === '' ? join(root, document) : join(root, dirname(document), target);
      assert.ok(existsSync(path), target);
      if (anchor) assert.ok(anchorsOf(await readFile(path, 'utf8')).includes(anchor), `${target}#${anchor}`);
    }
    for (const [, path] of text.matchAll(/`(?:node )?((?:src|web|wasm|tests|e2e|scripts|docs|examples|cmake)\/[\w./-]*)/g)) {
      // A name that goes on with something else than a name stands for several.
      if (!text.includes(`${path}*`)) assert.ok(existsSync(join(root, path)), path);
    }
  });
}

test('the benchmarks that documents name are there', async () => {
  const bench = await readFile(join(root, 'scripts/bench.sh'), 'utf8');
  for (const document of documents) {
    const text = await readFile(join(root, document), 'utf8');
    for (const [, name] of text.matchAll(/`scripts\/bench\.sh (\w+)/g)) assert.match(bench, new RegExp(`\\b${name}\\b`), `${document}: ${name}`);
  }
});
