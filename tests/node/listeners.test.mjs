// A listener that throws is reported as an uncaught exception, and does no harm.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

test('listeners of sessions, offers and transfers that throw are reported, and files and messages arrive', async () => {
  const script = fileURLToPath(new URL('support/throwing_listeners.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 60_000 });
  const { refused, states, bytes, reported, messages } = JSON.parse(stdout);
  assert.deepEqual(refused, ['peer-error', 'onrequest'], 'the other side is told');
  assert.deepEqual(states, ['connected', 'connected']);
  assert.deepEqual(bytes, [100_000, 100_000]);
  assert.equal(messages, 2);
  for (const name of ['incoming', 'log', 'message', 'onincoming', 'onmessage', 'progress', 'statechange']) assert.ok(reported.includes(name), `${name} of ${reported}`);
});

test('callbacks of parts that throw are reported, and their callers go on', async () => {
  globalThis.navigator ??= {};
  const { ChunkSizer, ready, TransferBenchmark } = await import(new URL('../../dist/parts.js', import.meta.url).href);
  await ready;
  const reported = [];
  globalThis.reportError = ({ message }) => reported.push(message);
  try {
    const throwing = (name) => () => {
      throw new Error(name);
    };
    const sizer = new ChunkSizer({ onUpdate: throwing('onUpdate') });
    const changed = sizer.reportMetrics({ timestamp: 1_000, bytesTransferred: 0, chunksSent: 0, chunksAcked: 0, rtt: 5, packetLoss: 0, jitter: 0, bufferLevel: 0 });
    assert.equal(changed, true);
    const benchmark = new TransferBenchmark({ sampleInterval: 10, onStats: throwing('onStats') });
    benchmark.start();
    await new Promise((resolve) => setTimeout(resolve, 60));
    benchmark.stop();
    assert.deepEqual([...new Set(reported)].sort(), ['onStats', 'onUpdate']);
  } finally {
    delete globalThis.reportError;
  }
});
