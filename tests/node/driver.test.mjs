// Turns, the timer and the end of what web/base/driver.ts drives, with the real timers and tasks of the event loop.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { bundle } from './support/web_module.mjs';

const { Driver } = await bundle(`export { Driver } from './base/driver.ts';`);

const realSetTimeout = globalThis.setTimeout;
/** Delays of the timers that were set since the test began. */
let delays = [];

beforeEach(() => {
  delays = [];
  globalThis.setTimeout = (action, delay, ...rest) => {
    delays.push(delay);
    return realSetTimeout(action, delay, ...rest);
  };
});

afterEach(() => {
  globalThis.setTimeout = realSetTimeout;
});

/** Timers and message ports that keep the process alive. */
function held() {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout' || name === 'MessagePort').length;
}

/** A driver and what happened to it. `work` is given the number of the turn, from 1, and the deadline. */
function drive({ work = () => true, nextTimeout = () => Infinity } = {}) {
  const state = { turns: 0, errors: [] };
  state.driver = new Driver({
    work: (deadline) => {
      state.turns += 1;
      return work(state.turns, deadline);
    },
    nextTimeout,
    onfatal: (error) => state.errors.push(error),
  });
  return state;
}

/** Resolves once `holds` is true; a busy machine may take its time. */
async function until(holds) {
  for (let waited = 0; !holds() && waited < 1_000; waited += 1) await wait(5);
}

function spin(ms) {
  for (const end = performance.now() + ms; performance.now() < end; );
}

test('an exception in a turn is reported once, and nothing runs afterwards', async () => {
  const before = held();
  const failure = new Error('no');
  const state = drive({
    work: () => {
      throw failure;
    },
    nextTimeout: () => performance.now() + 1,
  });
  state.driver.run();
  assert.deepEqual(state.errors, [failure]);
  assert.ok(state.driver.stopped);
  state.driver.run();
  await wait(20);
  assert.deepEqual([state.turns, state.errors.length, held()], [1, 1, before]);
});

test('an exception in the handling of an event, or in the timeout, is fatal too', () => {
  const events = drive();
  events.driver.run(() => {
    throw new Error('event');
  });
  assert.deepEqual([events.turns, events.errors[0].message, events.driver.stopped], [0, 'event', true]);
  const timeouts = drive({
    nextTimeout: () => {
      throw new Error('timeout');
    },
  });
  timeouts.driver.run();
  assert.deepEqual([timeouts.turns, timeouts.errors[0].message, timeouts.driver.stopped], [1, 'timeout', true]);
});

test('an exception in a turn that a timer or a task began is fatal too', async () => {
  const timed = drive({
    work: (turn) => {
      if (turn === 2) throw new Error('timer');
      return true;
    },
    nextTimeout: (now) => now + 1,
  });
  timed.driver.run();
  const continued = drive({
    work: (turn) => {
      if (turn === 2) throw new Error('task');
      return false;
    },
  });
  continued.driver.run();
  await until(() => timed.errors.length + continued.errors.length === 2);
  assert.deepEqual([timed.turns, timed.errors[0]?.message], [2, 'timer']);
  assert.deepEqual([continued.turns, continued.errors[0]?.message], [2, 'task']);
});

test('an event within a turn is handed over at once, and another turn follows that turn', () => {
  const order = [];
  const state = drive({
    work: (turn) => {
      order.push(`turn ${turn}`);
      if (turn === 1) state.driver.run(() => order.push('event'));
      order.push(`end ${turn}`);
      return true;
    },
  });
  state.driver.run();
  assert.deepEqual(order, ['turn 1', 'event', 'end 1', 'turn 2', 'end 2']);
});

test('turns that wake themselves for ever leave room for events', async () => {
  const state = drive({
    work: () => {
      state.driver.run();
      return true;
    },
  });
  const started = performance.now();
  state.driver.run();
  const { turns } = state;
  await wait(1);
  assert.ok(performance.now() - started < 1_000, 'a timer came in between');
  assert.ok(state.turns > turns, 'turns go on in tasks');
  state.driver.stop();
  const stoppedAt = state.turns;
  await wait(20);
  assert.equal(state.turns, stoppedAt);
});

test('work beyond the deadline continues in a task, and the timer waits for the end of it', async () => {
  const deadlines = [];
  const state = drive({
    work: (turn, deadline) => {
      deadlines.push(deadline - performance.now());
      if (turn === 1) spin(10);
      return turn === 3;
    },
    nextTimeout: (now) => now + 60_000,
  });
  state.driver.run();
  assert.deepEqual([state.turns, delays.length], [1, 0]);
  await until(() => state.turns === 3);
  assert.deepEqual([state.turns, delays.length], [3, 1]);
  for (const left of deadlines) assert.ok(left > 0 && left <= 8, `${left} ms`);
  state.driver.stop();
});

test('many turns set one timer', async () => {
  let at = performance.now() + 5_000;
  const state = drive({ nextTimeout: () => at });
  for (let i = 0; i < 10; i += 1) state.driver.run();
  assert.equal(delays.length, 1);
  // Later than the timer that is set: that one is early, and stays.
  at += 1_000;
  state.driver.run();
  assert.equal(delays.length, 1);
  // Earlier: set again.
  at = performance.now() + 20;
  state.driver.run();
  assert.equal(delays.length, 2);
  // Later, but soon: exact.
  at = performance.now() + 5;
  state.driver.run();
  at += 2;
  state.driver.run();
  assert.equal(delays.length, 4);
  const { turns } = state;
  at = Infinity;
  await until(() => state.turns > turns);
  await wait(20);
  assert.equal(state.turns, turns + 1, 'one timer was left');
});

test('a timer is never set for longer than a browser can wait, and not at all for "never"', () => {
  let at = Infinity;
  const state = drive({ nextTimeout: () => at });
  state.driver.run();
  assert.deepEqual(delays, []);
  at = performance.now() + 2 ** 40;
  state.driver.run();
  assert.equal(delays.length, 1);
  assert.ok(delays[0] < 2 ** 31, `${delays[0]} ms`);
  at = performance.now() - 100;
  state.driver.run();
  assert.equal(delays.at(-1), 0);
  state.driver.stop();
});

test('a stop within a turn ends it there: no other turn, no timer, no task', async () => {
  for (const finished of [true, false]) {
    const before = held();
    const state = drive({
      work: () => {
        state.driver.run();
        state.driver.stop();
        state.driver.run();
        return finished;
      },
      nextTimeout: (now) => now + 1,
    });
    state.driver.run();
    await wait(20);
    assert.deepEqual([state.turns, delays.length, state.errors.length, held()], [1, 0, 0, before]);
  }
});

test('after stop nothing is left, whatever was scheduled', async () => {
  const before = held();
  const waiting = drive({ nextTimeout: (now) => now + 5 });
  waiting.driver.run();
  const working = drive({ work: () => false });
  working.driver.run();
  assert.ok(held() > before);
  for (const { driver } of [waiting, working]) {
    driver.stop();
    driver.stop();
    driver.run();
  }
  // Node.js lets go of a port in a later step of its loop.
  await wait(20);
  assert.deepEqual([waiting.turns, working.turns, held()], [1, 1, before]);
});
