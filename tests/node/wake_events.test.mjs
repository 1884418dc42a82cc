// Events of the network and of sleep, with event targets in the places of the browser's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { watchWakeEvents } = await bundle("export { watchWakeEvents } from './base/wake_events.ts';");

/** Puts event targets in the places of the browser's globals for the time of a test. */
function browser(context) {
  const [page, doc, connection] = [new EventTarget(), new EventTarget(), new EventTarget()];
  const listeners = new Set();
  for (const target of [page, doc, connection]) {
    const { addEventListener } = EventTarget.prototype;
    target.addEventListener = (type, listener, options) => {
      listeners.add(listener);
      options.signal.addEventListener('abort', () => listeners.delete(listener));
      addEventListener.call(target, type, listener, options);
    };
  }
  doc.visibilityState = 'visible';
  const globals = { addEventListener: page.addEventListener, document: doc, navigator: { connection } };
  const before = Object.keys(globals).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true });
  context.after(() => {
    for (const [name, descriptor] of before) {
      delete globalThis[name];
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
    }
  });
  return { page, doc, connection, listeners };
}

test('each event that tells of another network or of the end of sleep counts, once per second', (context) => {
  const { page, doc, connection, listeners } = browser(context);
  let now = 10_000;
  context.mock.method(performance, 'now', () => now);
  let calls = 0;
  const stop = watchWakeEvents(() => (calls += 1));
  for (const [target, type] of [[page, 'online'], [page, 'pageshow'], [doc, 'visibilitychange'], [doc, 'resume'], [connection, 'change']]) {
    calls = 0;
    now += 1_000;
    target.dispatchEvent(new Event(type));
    assert.equal(calls, 1, type);
    now += 999;
    connection.dispatchEvent(new Event('change'));
    assert.equal(calls, 1, type);
    // Before that, there was no network to check.
    page.dispatchEvent(new Event('online'));
    assert.equal(calls, 2, type);
  }
  now += 1_000;
  doc.visibilityState = 'hidden';
  doc.dispatchEvent(new Event('visibilitychange'));
  page.dispatchEvent(new Event('offline'));
  assert.equal(calls, 2);

  stop();
  assert.equal(listeners.size, 0);
  page.dispatchEvent(new Event('online'));
  assert.equal(calls, 2);
});

test('without the globals of a browser there is nothing to watch, and only some of them are enough', (context) => {
  watchWakeEvents(() => assert.fail('nothing happened'))();
  const { page } = browser(context);
  for (const name of ['document', 'navigator']) Object.defineProperty(globalThis, name, { value: undefined, configurable: true });
  let calls = 0;
  const stop = watchWakeEvents(() => (calls += 1));
  page.dispatchEvent(new Event('online'));
  assert.equal(calls, 1);
  stop();
});
