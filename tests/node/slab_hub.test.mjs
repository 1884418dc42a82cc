// One reader of a file for several sessions: how often it reads, what it keeps, and that nobody waits for anybody.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { SlabHub, SlabClient, SlabReader } = await bundle(`
  export { SlabHub } from './sources/slab_hub.ts';
  export { SlabClient } from './sources/slab_client.ts';
  export { SlabReader } from './sources/slab_reader.ts';
`);

const SLAB = 1_000;

/** A blob that counts its reads, and whose reads fail while it is broken. */
class CountingBlob extends Blob {
  reads = 0;
  isBroken = false;

  slice(start, end) {
    this.reads += 1;
    if (this.isBroken) throw new DOMException('gone', 'NotReadableError');
    return super.slice(start, end);
  }
}

/** `count` readers at one hub, which keeps `slabs`. */
function readersOf(t, blobs, count, { slabs = 8, patienceMs } = {}) {
  let bytesRead = 0;
  const hub = new SlabHub(blobs, { keptBytes: slabs * SLAB, onread: (bytes) => (bytesRead += bytes) });
  const readers = Array.from({ length: count }, () => {
    const { port1, port2 } = new MessageChannel();
    hub.attach(port1);
    const client = new SlabClient(port2, blobs, patienceMs);
    return new SlabReader(blobs, {
      slabBytes: SLAB, load: (file, start, end) => client.load(file, start, end), onclose: () => client.close(),
    });
  });
  t.after(() => {
    for (const reader of readers) reader.close();
    hub.close();
  });
  return { hub, readers, bytesRead: () => bytesRead };
}

async function read(reader, file, offset, length) {
  const pieces = [];
  await reader.read(file, offset, length, (piece) => pieces.push(Buffer.from(piece)));
  return Buffer.concat(pieces);
}

test('readers at the same place cost one read of each slab, and each gets the bytes', async (t) => {
  const bytes = [randomBytes(5 * SLAB + 7), randomBytes(300)];
  const blobs = bytes.map((each) => new CountingBlob([each]));
  const { readers, bytesRead } = readersOf(t, blobs, 8);
  for (let offset = 0; offset < bytes[0].length; offset += 500) {
    const found = await Promise.all(readers.map((reader) => read(reader, 0, offset, 500)));
    for (const one of found) assert.deepEqual(one, bytes[0].subarray(offset, offset + 500));
  }
  for (const reader of readers) assert.deepEqual(await read(reader, 1, 0, 300), bytes[1]);
  assert.deepEqual(blobs.map(({ reads }) => reads), [6, 1]);
  assert.equal(bytesRead(), bytes[0].length + bytes[1].length);
});

test('memory is bounded: a reader far behind has its slabs read again, and those in front do not wait for it', async (t) => {
  const bytes = randomBytes(40 * SLAB);
  const blob = new CountingBlob([bytes]);
  const { hub, readers: [fast, slow], bytesRead } = readersOf(t, [blob], 2, { slabs: 4 });
  for (let offset = 0; offset < bytes.length; offset += SLAB) {
    assert.deepEqual(await read(fast, 0, offset, SLAB), bytes.subarray(offset, offset + SLAB));
    assert.ok(hub.heldBytes <= 4 * SLAB, String(hub.heldBytes));
  }
  assert.equal(bytesRead(), bytes.length);
  for (let offset = 0; offset < bytes.length; offset += SLAB) assert.deepEqual(await read(slow, 0, offset, SLAB), bytes.subarray(offset, offset + SLAB));
  assert.ok(hub.heldBytes <= 4 * SLAB);
  assert.ok(bytesRead() <= 2 * bytes.length);
  // What nobody reads any more is not kept.
  fast.close();
  slow.close();
  for (let turns = 0; hub.heldBytes > 0 && turns < 100; turns += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(hub.heldBytes, 0);
});

test('a failed read fails for those who wait for it, and is tried again', async (t) => {
  const bytes = randomBytes(SLAB);
  const blob = new CountingBlob([bytes]);
  const { readers } = readersOf(t, [blob], 3);
  blob.isBroken = true;
  for (const result of await Promise.allSettled(readers.map((reader) => read(reader, 0, 0, 10)))) {
    assert.equal(result.reason?.code, 'source-changed');
    assert.match(result.reason.explanation, /gone/);
  }
  blob.isBroken = false;
  for (const reader of readers) assert.deepEqual(await read(reader, 0, 0, SLAB), bytes);
});

test('a hub that does not answer, or is closed, is replaced by reading alone', async (t) => {
  const bytes = randomBytes(3 * SLAB);
  const { hub, readers: [first] } = readersOf(t, [new Blob([bytes])], 1, { patienceMs: 50 });
  hub.close();
  assert.deepEqual(await read(first, 0, 0, SLAB), bytes.subarray(0, SLAB));
  const began = performance.now();
  assert.deepEqual(await read(first, 0, 2 * SLAB, SLAB), bytes.subarray(2 * SLAB));
  assert.ok(performance.now() - began < 45, 'it waited for the hub once more');
});

test('a reader that is closed in the middle of a read does not disturb the others', async (t) => {
  const bytes = randomBytes(2 * SLAB);
  const { readers: [left, stays] } = readersOf(t, [new CountingBlob([bytes])], 2);
  const reading = read(left, 0, 0, SLAB);
  left.close();
  await assert.rejects(reading, { code: 'source-failed' });
  assert.deepEqual(await read(stays, 0, 0, 2 * SLAB), bytes);
});
