// The load tests of the signalling server, smaller than scripts/bench.sh runs them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('../../scripts/bench-signaling.mjs', import.meta.url));
const slowScript = fileURLToPath(new URL('../../scripts/bench-signaling-slow.mjs', import.meta.url));

test('400 rooms with 2,000 sockets, and guessing held to the stated rate', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--json', '--rooms', '400', '--seconds', '1'], { timeout: 60_000 });
  const row = JSON.parse(stdout);
  assert.deepEqual([row.bench, row.rooms, row.sockets, row.failed, row.ok], ['signaling', 400, 2000, 0, true]);
  // Everybody had their three, and none more.
  assert.deepEqual([row.guessesLookedAt, row.guessesAllowed], [60, 60]);
  assert.ok(row.guesses > 200, stdout);
  assert.ok(row.rssMb < 200 && row.latencyMsP95 < 500, stdout);
});

test('1,000 sockets of 300 addresses, half of which do not read: the slowest are closed, memory stays, the others do not notice', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [slowScript, '--json', '--sockets', '1000', '--seconds', '12', '--interval', '400'], { timeout: 90_000 })
    // It exits with 1 where a busy machine misses the figures for a quiet one.
    .catch((error) => error);
  const row = JSON.parse(stdout);
  assert.deepEqual([row.sockets, row.addresses, row.slowReaders, row.fastClosed], [1000, 300, 500, 0]);
  assert.ok(row.slowClosed > 20 && row.messages > 100, stdout);
  // The limit of unread bytes in all is 3.2 MiB here.
  assert.ok(row.unreadMbPeak >= 2 && row.unreadMbPeak <= 4, stdout);
  assert.ok(row.rssMbPeak < 200 && row.latencyMsP95 < 500, stdout);
});
