// The log of a transfer: what the core writes down, how the engine puts it into lines, and the picture of it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { drawLog, readLog } from '../../scripts/lib/log_svg.mjs';
import { connectedPair, run } from './support/core_pair.mjs';
import { bundle } from './support/web_module.mjs';

const { EventLog, TransferLog } = await bundle(`
  export { EventLog } from './engine/event_log.ts';
  export { TransferLog } from './session/transfer_log.ts';
`);

const plot = fileURLToPath(new URL('../../scripts/plot.mjs', import.meta.url));

/** A transfer between two cores, and the sender's log of it. */
async function loggedTransfer() {
  const [a, b] = await connectedPair({ trace: true }, {});
  const log = new TransferLog();
  const events = new EventLog(a.session, (lines) => log.add(lines));
  events.note('transfer', { transfer: 'send-1', state: 'offered' });
  a.offer(randomBytes(20_000_000));
  run([a, b], () => {
    events.flush();
    return a.event('done');
  });
  events.note('transfer', { transfer: 'send-1', state: 'done', bytes: 20_000_000 });
  assert.equal(b.session.pollTrace(), undefined);
  events.detach();
  a.session.delete();
  events.note('connection', { state: 'closed', code: 'closed' });
  events.flush();
  return log.text({ transfer: 'send-1', direction: 'send', files: 1, totalBytes: 20_000_000 });
}

test('what a core saw of a transfer becomes lines in the order of time, and a picture', async () => {
  const text = await loggedTransfer();
  const { about, entries } = readLog(text);
  assert.deepEqual(about, { type: 'log', version: 1, transfer: 'send-1', direction: 'send', files: 1, totalBytes: 20_000_000, dropped: 0 });
  const types = new Set(entries.map(({ type }) => type));
  for (const type of ['transfer', 'connection', 'lane', 'rate', 'chunk', 'link']) assert.ok(types.has(type), type);
  assert.deepEqual(entries.filter(({ type }) => type === 'transfer').map(({ state }) => state), ['offered', 'done']);
  const numbers = entries.flatMap((entry) => Object.values(entry)).filter((value) => typeof value === 'number');
  assert.ok(numbers.every(Number.isFinite));

  const svg = drawLog(text);
  for (const title of ['Mbit/s', 'round trip', 'queue', 'lanes', 'KiB', 'waited for']) assert.ok(svg.includes(title), title);
  assert.ok(!svg.includes('NaN'));
});

test('a log keeps so many lines, and says how many are gone', () => {
  const log = new TransferLog();
  for (let i = 0; i < 200; i += 1) log.add(Array.from({ length: 100 }, (_, index) => JSON.stringify({ t: i * 100 + index, type: 'chunk', bytes: 1 })));
  const { about, entries } = readLog(log.text({ transfer: 'send-1' }));
  assert.equal(entries.length, 16_384);
  assert.equal(about.dropped, 20_000 - 16_384);
  assert.equal(entries.at(-1).t, 19_999);
});

test('plot.mjs draws a file, and says what is wrong with one that is no log', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-plot-'));
  try {
    const file = join(folder, 'log.jsonl');
    const draw = () => promisify(execFile)(process.execPath, [plot, file]);
    const sample = (t, acked) => JSON.stringify({ t, type: 'link', acked, pacing: 1e6, bottleneck: 1e6, rtt: 20, rttMin: 19, queue: 1, lanes: 4, lanesWanted: 4, chunk: 65536, record: 16384 });
    const first = JSON.stringify({ type: 'log', version: 1, transfer: '<a>', direction: 'send', totalBytes: 10, dropped: 0 });
    await writeFile(file, [first, sample(1000, 0), sample(1100, 125_000), JSON.stringify({ t: 1100, type: 'new in a later version' })].join('\n'));
    const { stdout } = await draw();
    assert.equal(stdout.trim(), join(folder, 'log.svg'));
    const svg = await readFile(join(folder, 'log.svg'), 'utf8');
    assert.ok(svg.startsWith('<svg'));
    assert.ok(svg.includes('&lt;a&gt;'));

    for (const [text, problem] of [
      ['', 'not that of a log'],
      ['{"type":"log","version":2}', 'version 2'],
      [`${first}\nnonsense`, 'line 2 is no JSON'],
      [`${first}\n{"type":"link"}`, 'line 2 has no time'],
      [first, 'fewer than two samples'],
    ]) {
      await writeFile(file, text);
      await assert.rejects(draw(), ({ code, stderr }) => code === 1 && stderr.includes(problem), problem);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
