// The window's end of a worker (web/engine/port.ts), with a worker that a test controls: Node.js has none.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { importTypeScript } from './support/bundle.mjs';

const { startEngine } = await importTypeScript('web/engine/port.ts');

/** Answers the probe as a worker does that got the channel. */
class Worker {
  static last;
  terminated = false;
  posted = [];

  constructor() {
    Worker.last = this;
  }

  postMessage(message) {
    this.posted.push(message.type);
    if (message.type === 'probe') queueMicrotask(() => this.answer());
  }

  answer() {
    this.onmessage({ data: { type: 'probed', transferred: true } });
  }

  terminate() {
    this.terminated = true;
  }
}

class Connection {
  createDataChannel() {
    return {};
  }

  close() {}
}

const NoWorker = globalThis.Worker;
const NoConnection = globalThis.RTCPeerConnection;
beforeEach(() => Object.assign(globalThis, { Worker, RTCPeerConnection: Connection }));
afterEach(() => Object.assign(globalThis, { Worker: NoWorker, RTCPeerConnection: NoConnection }));

const signal = new AbortController().signal;

/** A port to a worker, and everything that it said. */
async function openPort() {
  const port = await startEngine(true, signal);
  const messages = [];
  port.onmessage = (message) => messages.push(message);
  return { port, messages, worker: Worker.last };
}

test('an exception in a worker that reports none itself ends the session with its text and place', async () => {
  const { messages, worker } = await openPort();
  let prevented = false;
  const place = { filename: 'https://page/dist/worker.js', lineno: 3, colno: 7 };
  worker.onerror({ message: 'Uncaught TypeError: x', ...place, preventDefault: () => (prevented = true) });
  assert.deepEqual(messages.map(({ type }) => type), ['closed', 'released']);
  assert.deepEqual([messages[0].code, messages[0].byPeer, prevented], ['internal', false, true]);
  assert.match(messages[0].detail, /Uncaught TypeError: x \(https:\/\/page\/dist\/worker\.js:3:7\)/);
});

test('a worker whose script does not load says so', async () => {
  const { messages, worker } = await openPort();
  worker.onerror(Object.assign(new Event('error', { cancelable: true })));
  assert.match(messages[0].detail, /did not load/);
});

test('a worker that fails before it answers is not used, and is terminated', async () => {
  Worker.prototype.answer = function () {
    this.onerror(new Event('error', { cancelable: true }));
  };
  await assert.rejects(startEngine(true, signal), { code: 'not-supported' });
  assert.ok(Worker.last.terminated);
});
