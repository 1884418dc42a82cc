// The documents point at things that exist, in the repository and in the installed package.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const documents = ['README.md', 'CHANGELOG.md', 'examples/README.md', 'src/README.md', 'src/PROTOCOL.md', 'tests/emulator/README.md'];
for (const name of ['web/README.md', 'e2e/README.md', 'tests/README.md']) if (existsSync(join(root, name))) documents.push(name);
for (const name of await readdir(join(root, 'docs'), { recursive: true })) if (name.endsWith('.md')) documents.push(join('docs', name));

/** `[path, anchor]` of each relative link of a document; the path is relative to the root of the repository. */
function linksOf(document, text) {
  const links = text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g);
  return [...links].map(([, target, anchor]) => [target === '' ? document : join(dirname(document), target), anchor]);
}

/** The headings of a document, as links name them. */
function anchorsOf(text) {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading);
  return headings.map((heading) => heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
}

for (const document of documents) {
  test(`${document}: every link and path exists`, async () => {
    const text = await readFile(join(root, document), 'utf8');
    for (const [path, anchor] of linksOf(document, text)) {
      assert.ok(existsSync(join(root, path)), path);
      if (anchor) assert.ok(anchorsOf(await readFile(join(root, path), 'utf8')).includes(anchor), `${path}#${anchor}`);
    }
    for (const [, path] of text.matchAll(/`(?:node )?((?:src|web|wasm|tests|e2e|scripts|docs|examples|cmake)\/[\w./-]*)/g)) {
      // A name that is followed by '*' stands for several.
      if (!text.includes(`${path}*`)) assert.ok(existsSync(join(root, path)), path);
    }
  });
}

test('every benchmark that a document names exists', async () => {
  const bench = await readFile(join(root, 'scripts/bench.sh'), 'utf8');
  for (const document of documents) {
    const text = await readFile(join(root, document), 'utf8');
    for (const [, name] of text.matchAll(/`scripts\/bench\.sh (\w+)/g)) assert.match(bench, new RegExp(`\\b${name}\\b`), `${document}: ${name}`);
  }
});

test('the documents in the package link only to files in the package', async () => {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, maxBuffer: 1 << 24 });
  const files = JSON.parse(stdout)[0].files.map(({ path }) => path);
  const packed = documents.filter((document) => files.includes(document));
  assert.ok(packed.includes('README.md') && packed.includes('docs/guide.md'), packed.join(' '));
  for (const document of packed) {
    for (const [path] of linksOf(document, await readFile(join(root, document), 'utf8'))) {
      // A link to a folder needs something in it.
      const isThere = files.some((file) => file === path || file.startsWith(path.endsWith('/') ? path : `${path}/`));
      assert.ok(isThere, `${document}: ${path}`);
    }
  }
});

test('every test that docs/security.md names for a promise exists', async () => {
  const promises = (await readFile(join(root, 'docs/security.md'), 'utf8')).split('## Promises')[1].split('\n## ')[0];
  const sources = [];
  for (const folder of ['e2e', 'tests']) {
    for (const name of await readdir(join(root, folder), { recursive: true })) {
      if (/\.(spec\.ts|test\.mjs|cpp)$/.test(name)) sources.push(await readFile(join(root, folder, name), 'utf8'));
    }
  }
  // A name may be shortened with '…' at either end. A string in C++ may go on in the next line.
  const text = sources.join('\n').replaceAll(/"\s*\n\s*"/g, '');
  const names = [...promises.matchAll(/\*([^*\n]+)\*/g)].map(([, name]) => name.replaceAll('…', ''));
  assert.ok(names.length >= 10, String(names.length));
  for (const name of names) assert.ok(text.includes(name), name);
});
