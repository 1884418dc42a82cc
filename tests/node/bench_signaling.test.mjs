// The load test of the signalling server, smaller than scripts/bench.sh runs it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('../../scripts/bench-signaling.mjs', import.meta.url));

test('400 rooms with 2,000 sockets, and guessing held to the stated rate', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--json', '--rooms', '400', '--seconds', '1'], { timeout: 60_000 });
  const row = JSON.parse(stdout);
  assert.deepEqual([row.bench, row.rooms, row.sockets, row.failed, row.ok], ['signaling', 400, 2000, 0, true]);
  // Everybody had their three, and none more.
  assert.deepEqual([row.guessesLookedAt, row.guessesAllowed], [60, 60]);
  assert.ok(row.guesses > 200, stdout);
  assert.ok(row.rssMb < 200 && row.latencyMsP95 < 500, stdout);
});
