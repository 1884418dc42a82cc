// The window's messages on their way through the engine (web/engine/message_outbox.ts).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closePair, connectedPair } from './support/engine_pair.mjs';
import { bundle } from './support/web_module.mjs';

const { inOneBuffer, MessageOutbox } = await bundle(`
  export { inOneBuffer } from './base/bytes.ts';
  export { MessageOutbox } from './engine/message_outbox.ts';
`);
const KiB = 1024;

/** A core that notes the first byte of each message. */
function noting() {
  const given = [];
  return { given, message: (bytes) => given.push(bytes[0]) };
}
const numbered = (count, bytes) => Array.from({ length: count }, (_, number) => new Uint8Array(bytes).fill(number));

test('the core gets messages up to 64 KiB, and more once half of that has gone', () => {
  const outbox = new MessageOutbox();
  const core = noting();
  outbox.add(numbered(100, KiB));
  outbox.feed(core, 0);
  assert.equal(core.given.length, 64);
  outbox.feed(core, 33 * KiB);
  assert.equal(core.given.length, 64, 'small portions would make small records');
  outbox.feed(core, 32 * KiB);
  assert.equal(core.given.length, 96);
  outbox.add([Uint8Array.of(100)]);
  outbox.sendNow(core, Uint8Array.of(255));
  assert.deepEqual(core.given.slice(96), [255], 'past those that wait');
  outbox.flush(core);
  assert.deepEqual(core.given.filter((number) => number !== 255), Array.from({ length: 101 }, (_, number) => number));
  assert.equal(outbox.handled, 100 * KiB + 2);
  outbox.feed(core, 0);
  assert.equal(core.given.length, 102);
});

test('parts in one buffer are what they were', () => {
  const parts = [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)];
  const shared = inOneBuffer(parts);
  assert.deepEqual(shared, parts);
  assert.equal(new Set(shared.map(({ buffer }) => buffer)).size, 1);
  assert.deepEqual(inOneBuffer([]), []);
});

test('many messages need few reports, a few small ones only that nothing waits any more, and the last ones arrive before the end', async () => {
  const sides = await connectedPair();
  const count = 300;
  const messages = () => sides[1].all('messages').flatMap(({ messages }) => messages);
  const arrived = async (least) => {
    while (messages().length < least) await new Promise((resolve) => setImmediate(resolve));
  };
  for (let number = 0; number < 50; number += 1) {
    sides[0].post({ type: 'messages', messages: [new Uint8Array(100).fill(number)], atOnce: false });
    await arrived(number + 1);
  }
  assert.deepEqual(sides[0].all('buffered'), []);
  sides[0].post({ type: 'messages', messages: numbered(count, KiB), atOnce: false });
  await arrived(50 + count);
  const reports = sides[0].all('buffered');
  assert.ok(reports.length > 3 && reports.length < (count * KiB) / (8 * KiB), `${reports.length} reports`);
  assert.ok(reports.every(({ bytes }) => bytes <= 66 * KiB), 'nothing else waits for more');
  sides[0].post({ type: 'messages', messages: numbered(200, KiB), atOnce: false });
  sides[0].post({ type: 'close', code: 'closed', detail: '' });
  await sides[1].until('closed');
  assert.equal(messages().length, 50 + count + 200);
  await closePair(sides);
});
