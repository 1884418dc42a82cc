// Every pair of clients connects by the best path that there is, or both sides fail in time and say so. MILLRACE_NAT=all runs the
// whole matrix instead of one pair for each way through.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Lab } from './lab/lab.mjs';
import { allRows, expectedOf, fastRows, MatrixRunner, nameOf } from './lab/matrix.mjs';
import { LIMIT_MS } from './lab/pair.mjs';

/** @type {Lab} */
let lab;
/** @type {MatrixRunner} */
let runner;

before(async () => {
  lab = await Lab.create();
  runner = await MatrixRunner.start(lab);
});
after(() => lab?.close());

for (const row of process.env.MILLRACE_NAT === 'all' ? allRows() : fastRows()) {
  const { path, protocol, why } = expectedOf(row);
  test(`${nameOf(row)}: ${path === 'relay' ? `relay over ${protocol}` : path} (${why})`, async () => {
    const { got, protocol: over, seconds, errors } = await runner.run(row);
    const said = errors.map((error) => error?.message ?? '').join(' | ');
    assert.equal(got, path, said);
    assert.equal(over, protocol);
    if (path === 'none') {
      assert.ok(seconds * 1000 <= LIMIT_MS, `${seconds} s`);
      assert.deepEqual(errors.map((error) => error?.code), ['connection-failed', 'connection-failed'], said);
    }
  });
}
