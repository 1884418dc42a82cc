// The core within its fixed 32 MiB, at the limits that PROTOCOL.md states: what does not fit is a typed error, never a trap.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { connectedPair, now, run } from './support/core_pair.mjs';

const FILES = 20_000;
const PATH_BYTES = 200;
const MEMORY_BYTES = 32 * 1024 * 1024;

/** Files of one byte in a hundred folders, with paths of 200 bytes. */
function manyFiles() {
  return Array.from({ length: FILES }, (_, index) => {
    const path = `folder ${index % 100}/${index}-`.padEnd(PATH_BYTES, 'x');
    return { name: 'f', path, size: 1, type: '', lastModified: index };
  });
}

function offerMany(side, files) {
  const transfer = side.session.offer(files, new Uint8Array(randomBytes(16)), now());
  side.sources.set(transfer, new Uint8Array(1));
  return transfer;
}

/** How a transfer ended for one side: 'done', the code of its error, or nothing yet. */
function endOf(side, transfer) {
  const end = side.events.find((event) => event.transfer === transfer && (event.type === 'done' || event.type === 'failed'));
  return end?.type === 'failed' ? end.code : end?.type;
}

const bothEnded = (sides, transfers) => transfers.every((transfer) => sides.every((side) => endOf(side, transfer) !== undefined));

/** Both still work, within the memory that they began with. */
function assertAlive(sides) {
  const small = sides.map((side) => side.offer(randomBytes(1000)));
  run(sides, () => bothEnded(sides, small));
  for (const transfer of small) assert.deepEqual(sides.map((side) => endOf(side, transfer)), ['done', 'done']);
  for (const { core } of sides) assert.equal(core.HEAPU8.buffer.byteLength, MEMORY_BYTES);
}

test('20,000 files with paths of 200 bytes cross, one way after the other', async () => {
  const sides = await connectedPair();
  for (const side of sides) {
    const transfer = offerMany(side, manyFiles());
    run(sides, () => bothEnded(sides, [transfer]));
    assert.deepEqual(sides.map((other) => endOf(other, transfer)), ['done', 'done']);
  }
  assertAlive(sides);
});

test('as many both ways do not fit: the second offer fails as too-large, the first one crosses', async () => {
  const sides = await connectedPair();
  const first = offerMany(sides[0], manyFiles());
  run(sides, () => sides[1].event('offer'));
  const second = offerMany(sides[1], manyFiles());
  run(sides, () => bothEnded(sides, [first]));
  assert.deepEqual(sides.map((side) => endOf(side, first)), ['done', 'done']);
  // The peer has not heard of it: it fails before its manifest goes out.
  assert.equal(endOf(sides[1], second), 'too-large');
  assertAlive(sides);
});

test('as many both ways at once end as done or too-large, the same on both sides', async () => {
  const sides = await connectedPair();
  const files = manyFiles();
  const transfers = sides.map((side) => offerMany(side, files));
  run(sides, () => bothEnded(sides, transfers));
  for (const transfer of transfers) {
    const [one, other] = sides.map((side) => endOf(side, transfer));
    assert.equal(one, other);
    assert.ok(one === 'done' || one === 'too-large', one);
  }
  assertAlive(sides);
});

test('beside 20,000 files, what waits to be said to a peer that is away has a bound: the session ends as too-large', async () => {
  const sides = await connectedPair();
  const [side] = sides;
  offerMany(sides[1], manyFiles());
  run(sides, () => side.event('offer'));
  side.session.closeLane(0, now());
  side.turn();
  const message = new Uint8Array(60_000);
  let messages = 0;
  for (; !side.event('closed') && messages < 1_000; messages += 1) {
    side.session.message(message, now());
    side.turn();
  }
  assert.equal(side.event('closed')?.code, 'too-large');
  assert.ok(messages > 5, `${messages} messages`);
});
