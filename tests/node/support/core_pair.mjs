// Two sessions of the core in two modules (web/wasm/session.ts), wired in memory, in a time of their own.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import loadCore from '../../../build/wasm-release/wasm/millrace_core.js';

const folder = new URL('../../../build/wasm-release/wasm/', import.meta.url);
const compiled = await WebAssembly.compile(await readFile(new URL('millrace_core.wasm', folder)));

/** The lane of pings and acknowledgements. */
export const pulseLane = 0xffff_ffff;

let clock = 1000;
export const now = () => clock;

const usualOptions = {
  reconnectTimeout: 60_000,
  laneTimeout: 30_000,
  leastLanes: 1,
  mostLanes: 16,
  mostBytesPerSecond: 0,
  background: false,
  secretKind: 'none',
  secret: new Uint8Array(0),
  encryption: true,
  privacy: false,
};

/** `sha-256 AA` and `sha-256 BB`. */
export const fingerprints = ['sha-256 AA', 'sha-256 BB'].map((text) => new TextEncoder().encode(text));

/** One side: a module with its session, a source and a sink, and what the session said. */
export class Side {
  events = [];
  outbox = [];
  sources = new Map();
  received = new Map();

  /** `options`: what differs from the usual; `entropy` too. */
  static async make({ entropy, ...options } = {}) {
    const side = new Side();
    side.core = await loadCore({
      instantiateWasm: (imports, receive) => {
        void WebAssembly.instantiate(compiled, imports).then(receive);
        return {};
      },
    });
    const bytes = entropy ?? new Uint8Array(randomBytes(side.core.handshakeEntropyBytes()));
    side.session = new side.core.Session(bytes, { ...usualOptions, ...options }, clock);
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
    if (address === 0) {
      this.turn();
      assert.ok(this.event('closed'), 'a message was not taken');
      return;
    }
    this.core.HEAPU8.set(bytes, address);
    this.session.handleInput(lane, clock);
  }

  /** The first event of a type. */
  event(type) {
    return this.events.find((event) => event.type === type);
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
    for (const lane of [0, 1, pulseLane]) session.setBuffered(lane, 0, clock);
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
export function run(sides, done) {
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

/** Opens the control lane and the pulse lane of both. */
export function openControl(sides) {
  for (const [index, { session }] of sides.entries()) {
    session.setFingerprints(fingerprints[index], fingerprints[1 - index]);
    session.openLane(0, 262_144, true, clock);
    session.openLane(pulseLane, 262_144, false, clock);
  }
}

/** Two sides with their control lane open; nothing has crossed. */
export async function makePair(first = {}, second = first) {
  const sides = [await Side.make(first), await Side.make(second)];
  openControl(sides);
  return sides;
}

export async function connectedPair(first, second) {
  const sides = await makePair(first, second);
  run(sides, () => sides.every((side) => side.event('established')));
  for (const { session } of sides) session.openLane(1, 262_144, true, clock);
  return sides;
}
