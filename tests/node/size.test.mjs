// The engine stays within what a page is asked to download for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budget, measureSizes } from '../../scripts/lib/sizes.mjs';

test(`engine, worker and core are at most ${budget} bytes with gzip`, async () => {
  const [engine] = await measureSizes();
  assert.equal(engine.name, 'engine');
  assert.equal(engine.files.length, 5);
  const each = engine.files.map(({ file, gzip }) => `${file} ${gzip}`).join(', ');
  assert.ok(engine.gzip <= budget, `${engine.gzip} bytes: ${each}`);
});
