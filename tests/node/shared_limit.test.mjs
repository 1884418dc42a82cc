// One limit of the rate over the sessions of a room or a mesh.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { SharedLimit, shareOut } = await bundle(`export { SharedLimit, shareOut } from './room/shared_limit.js';`);

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const near = (actual, expected) => assert.ok(Math.abs(actual - expected) <= 1e-6 * Math.max(1, expected), `${actual} instead of ${expected}`);

test('parts sum up to the whole, and nobody gets more than it wants while another one wants more', () => {
  assert.deepEqual(shareOut(100, []), []);
  assert.deepEqual(shareOut(100, [Infinity]), [100]);
  assert.deepEqual(shareOut(100, [5]), [100]);
  assert.deepEqual(shareOut(100, [Infinity, Infinity]), [50, 50]);
  assert.deepEqual(shareOut(100, [10, Infinity]), [10, 90]);
  assert.deepEqual(shareOut(90, [Infinity, 10, 20]), [60, 10, 20]);
  assert.deepEqual(shareOut(90, [0, 0, 0]), [30, 30, 30]);
  // A fixed sequence of random wishes (Knuth's LCG).
  let state = 42n;
  const next = () => Number((state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn) >> 33n) / 2 ** 31;
  for (let round = 0; round < 1_000; round += 1) {
    const wanted = Array.from({ length: 1 + Math.floor(next() * 32) }, () => (next() < 0.3 ? Infinity : next() * 200));
    const parts = shareOut(1_000, wanted);
    near(sum(parts), 1_000);
    const hungry = parts.filter((part, index) => part < wanted[index] - 1e-9);
    if (hungry.length === 0) continue;
    // Those that want more have the same, and nobody has more than they.
    for (const part of hungry) near(part, hungry[0]);
    for (const part of parts) assert.ok(part <= hungry[0] + 1e-9);
  }
});

/** A session that sends as fast as it may, or at `demand`. */
class Sending extends EventTarget {
  state = 'connected';
  hasTransfers = false;
  limits = [];
  demand = Infinity;
  #sent = 0;

  limitRate(bytesPerSecond) {
    this.limits.push(bytesPerSecond);
  }

  get limit() {
    return this.limits.at(-1);
  }

  begin() {
    this.hasTransfers = true;
    this.onbusy();
  }

  run(seconds) {
    if (this.hasTransfers) this.#sent += Math.min(this.limit, this.demand) * seconds;
  }

  stats() {
    return { lanes: [{ bytesSent: this.#sent / 2 }, { bytesSent: this.#sent / 2 }] };
  }

  close() {
    this.state = 'closed';
    this.dispatchEvent(new Event('statechange'));
  }
}

function limited(context, count) {
  let now = 0;
  context.mock.timers.enable({ apis: ['setInterval'] });
  context.mock.method(performance, 'now', () => now);
  const limit = new SharedLimit(900_000);
  const sessions = Array.from({ length: count }, () => new Sending());
  for (const session of sessions) limit.add(session);
  const pass = (ms) => {
    for (let passed = 0; passed < ms; passed += 100) {
      now += 100;
      for (const session of sessions) session.run(0.1);
      context.mock.timers.tick(100);
    }
  };
  return { limit, sessions, pass };
}

test('sessions that send get equal parts, and the last one everything', (context) => {
  const { sessions: [a, b, c], pass } = limited(context, 3);
  assert.deepEqual(a.limits, [], 'nobody sends');
  a.begin();
  assert.deepEqual([a.limit, b.limits, c.limits], [900_000, [], []]);
  b.begin();
  assert.deepEqual([a.limit, b.limit], [450_000, 450_000]);
  c.begin();
  pass(2_000);
  assert.deepEqual([a.limit, b.limit, c.limit], [300_000, 300_000, 300_000]);
  c.close();
  assert.deepEqual([a.limit, b.limit], [450_000, 450_000]);
  b.hasTransfers = false;
  pass(500);
  assert.equal(a.limit, 900_000);
  const said = a.limits.length;
  pass(5_000);
  assert.equal(a.limits.length, said, 'nothing changes, so nothing is said');
});

test('what a session does not use is for the others, and it has its part again when it needs it', (context) => {
  const { sessions: [a, b, c], pass } = limited(context, 3);
  b.demand = 40_000;
  c.demand = 0;
  for (const session of [a, b, c]) session.begin();
  pass(1_000);
  assert.deepEqual([a.limit, b.limit, c.limit].map(Math.round), [850_000, 50_000, 16_384], 'nobody below the least limit');
  b.demand = Infinity;
  pass(1_000);
  assert.deepEqual([a.limit, b.limit].map(Math.round), [450_000, 450_000]);
  c.demand = Infinity;
  pass(1_500);
  assert.deepEqual([a.limit, b.limit, c.limit].map(Math.round), [300_000, 300_000, 300_000]);
});
