// T10: clocks that move in steps of 16 to 100 ms.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from '../node/support/web_module.mjs';

const { refineClock } = await bundle(`export { refineClock } from './base/fine_clock.ts';`);

/** A clock that moves by `grain` at a time; `pass` lets true time pass, with its timers. */
function steppedClock(context, grain) {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let time = 5_000;
  const now = () => Math.floor(time / grain) * grain;
  const clock = { now };
  const pass = (ms) => {
    for (let passed = 0; passed < ms; passed += 1) {
      time += 1;
      context.mock.timers.tick(1);
    }
  };
  return { clock, now, pass, time: () => time };
}

for (const grain of [16, 17, 100]) {
  test(`T10: a clock of ${grain} ms steps tells the time to some milliseconds, and never goes back`, (context) => {
    const { clock, pass, time } = steppedClock(context, grain);
    refineClock(clock);
    clock.now();
    pass(300);
    let last = 0;
    for (let times = 0; times < 400; times += 1) {
      pass(3);
      const now = clock.now();
      assert.ok(now >= last, `${now} after ${last}`);
      assert.ok(Math.abs(now - time()) <= 8, `${now} instead of ${time()}`);
      last = now;
    }
    // Nobody asks: after a second, no timer runs, and the next answer is right all the same.
    pass(2_000);
    assert.ok(Math.abs(clock.now() - time()) <= grain);
  });
}

test('T10: a clock of 1 ms keeps its own function, and is right from the start', (context) => {
  const { clock, now, pass, time } = steppedClock(context, 1);
  refineClock(clock);
  assert.equal(clock.now(), time());
  pass(1);
  assert.equal(clock.now(), time());
  assert.equal(clock.now, now);
});
