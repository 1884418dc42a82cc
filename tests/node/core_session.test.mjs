// The core as JavaScript drives it (web/core.ts): two sessions in two modules, wired in memory. Enough bytes cross that every slot
// and page is used many times over, which is where ids that do not survive the bridge show.
import assert from 'node:assert/strict';
import { randomBytes, createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import loadCore from '../../build/wasm-release/wasm/millrace_core.js';

const folder = new URL('../../build/wasm-release/wasm/', import.meta.url);
const wasmBinary = await readFile(new URL('millrace_core.wasm', folder));

let clock = 1000;
const usualOptions = {
  reconnectTimeout: 60_000,
  laneTimeout: 30_000,
  leastLanes: 1,
  mostLanes: 16,
  mostBytesPerSecond: 0,
  secretKind: 'none',
  secret: new Uint8Array(0),
  encryption: true,
  privacy: false,
};
const fingerprints = ['sha-256 AA', 'sha-256 BB'].map((text) => new TextEncoder().encode(text));

/** One side: a module with its session, a source and a sink, and what the session said. */
class Side {
  events = [];
  outbox = [];
  sources = new Map();
  received = new Map();

  static async make(options = {}) {
    const side = new Side();
    side.core = await loadCore({ wasmBinary });
    const entropy = new Uint8Array(randomBytes(side.core.handshakeEntropyBytes()));
    side.session = new side.core.Session(entropy, { ...usualOptions, ...options }, clock);
    side.box = (index) => side.core.HEAPF64[(side.session.mailbox() >> 3) + index];
    return side;
  }

  view(address, length) {
    return this.core.HEAPU8.subarray(address, address + length);
  }

  offer(bytes) {
    const file = { name: 'f', path: 'f', size: bytes.length, type: '', lastModified: 0 };
    const transfer = this.session.offer([file], new Uint8Array(randomBytes(16)), clock);
    this.sources.set(transfer, bytes);
    return transfer;
  }

  deliver({ lane, bytes }) {
    const address = this.session.inputBuffer(lane, bytes.length);
    assert.notEqual(address, 0);
    this.core.HEAPU8.set(bytes, address);
    this.session.handleInput(lane, clock);
  }

  handle(event) {
    this.events.push(event);
    if (event.type === 'offer') {
      this.received.set(event.transfer, new Uint8Array(event.totalBytes));
      this.session.accept(event.transfer, clock);
    } else if (event.type === 'fileReceived') {
      this.session.fileStored(event.transfer, event.file, clock);
    }
  }

  /** Does what the core wants done; says whether there was anything. */
  turn() {
    const { session } = this;
    let busy = false;
    if (clock >= session.nextTimeout()) session.advanceTime(clock);
    for (const lane of [0, 1]) session.setBuffered(lane, 0, clock);
    for (; session.pollWrite(); busy = true) {
      const bytes = this.view(this.box(5), this.box(4));
      this.received.get(this.box(1)).set(bytes, this.box(3));
      session.writeDone(this.box(0), clock);
    }
    for (; session.pollOutput(clock); busy = true) {
      this.outbox.push({ lane: this.box(0), bytes: this.view(this.box(1), this.box(2)).slice() });
    }
    for (; session.pollRead(); busy = true) {
      const [read, transfer, , offset, length, address] = [0, 1, 2, 3, 4, 5].map(this.box);
      this.core.HEAPU8.set(this.sources.get(transfer).subarray(offset, offset + length), address);
      session.readDone(read, length, clock);
    }
    for (let event = session.pollEvent(); event; event = session.pollEvent()) {
      busy = true;
      this.handle(event);
    }
    return busy;
  }
}

/** Lets both sides work until neither has anything to do and `done` holds; time only passes when nothing else does. */
function run(sides, done) {
  for (let idle = 0; !done(); ) {
    let busy = false;
    for (const [index, side] of sides.entries()) {
      busy = side.turn() || busy;
      for (const message of side.outbox.splice(0)) sides[1 - index].deliver(message);
    }
    idle = busy ? 0 : idle + 1;
    if (!busy) clock += 5;
    assert.ok(idle < 200, 'both sessions stand still');
  }
}

async function pair(first = {}, second = first) {
  const sides = [await Side.make(first), await Side.make(second)];
  for (const [index, { session }] of sides.entries()) {
    session.setFingerprints(fingerprints[index], fingerprints[1 - index]);
    session.openLane(0, 262_144, true, clock);
  }
  return sides;
}

const eventOf = ({ events }, type) => events.find((event) => event.type === type);

async function connectedPair(first, second) {
  const sides = await pair(first, second);
  run(sides, () => sides.every((side) => eventOf(side, 'established')));
  for (const { session } of sides) session.openLane(1, 262_144, true, clock);
  return sides;
}

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

test('several times the pools cross, both ways at once, within fixed memory', async () => {
  const [a, b] = await connectedPair();
  const sizes = [a, b].map(({ core }) => core.HEAPU8.buffer.byteLength);
  const there = randomBytes(40_000_000);
  const back = randomBytes(25_000_001);
  const transfers = [a.offer(there), b.offer(back)];
  const count = (side) => side.events.filter(({ type }) => type === 'done').length;
  run([a, b], () => count(a) === 2 && count(b) === 2);
  assert.equal(hash(b.received.get(transfers[0])), hash(there));
  assert.equal(hash(a.received.get(transfers[1])), hash(back));
  const rootOf = (side, transfer) => side.events.find((event) => event.type === 'done' && event.transfer === transfer).files[0].root;
  for (const transfer of transfers) assert.equal(rootOf(a, transfer), rootOf(b, transfer));
  for (const [index, { core }] of [a, b].entries()) {
    assert.equal(core.HEAPU8.buffer.byteLength, sizes[index]);
    assert.ok(sizes[index] <= 32 * 1024 * 1024);
  }
});

test('a close reaches the other side with its code and words', async () => {
  const [a, b] = await connectedPair();
  a.session.close('aborted', 'the user left', clock);
  run([a, b], () => b.events.some(({ type }) => type === 'closed'));
  const closed = b.events.find(({ type }) => type === 'closed');
  assert.equal(closed.code, 'aborted');
  assert.equal(closed.detail, 'the user left');
});

test('numbers that are none do no harm', async () => {
  const [a] = await connectedPair();
  for (const bad of [-1, NaN, Infinity, 2 ** 53, 1e300]) {
    a.session.readDone(bad, bad, clock);
    a.session.setBuffered(1, bad, clock);
    assert.equal(a.session.inputBuffer(7, 100), 0);
  }
  assert.equal(a.session.offer([{ name: 'f', path: 'f', size: -5, type: '', lastModified: NaN }], new Uint8Array(16), clock) >= 0, true);
  a.turn();
  assert.equal(a.events.at(-1).type, 'failed');
  assert.equal(a.events.at(-1).code, 'too-large');
});
