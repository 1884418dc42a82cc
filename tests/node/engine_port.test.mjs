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
  const port = await startEngine({ worker: true }, signal);
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
  const createWorker = () => Object.assign(new Worker(), { answer() { this.onerror(new Event('error', { cancelable: true })); } });
  await assert.rejects(startEngine({ worker: true, createWorker }, signal), { code: 'not-supported' });
  assert.ok(Worker.last.terminated);
});

test('a session in the window says why it has no worker', async () => {
  const reasons = [];
  const refusals = [
    () => { throw new DOMException('Refused to create a worker', 'SecurityError'); },
    () => Object.assign(new Worker(), { answer() { this.onmessage({ data: { type: 'probed', transferred: false } }); } }),
    () => Object.assign(new Worker(), { answer() { this.onerror(new Event('error', { cancelable: true })); } }),
    () => Object.assign(new Worker(), { postMessage() { throw new DOMException('An RTCDataChannel could not be cloned', 'DataCloneError'); } }),
  ];
  for (const createWorker of refusals) {
    const port = await startEngine({ createWorker }, signal);
    reasons.push([port.inWorker, port.fallback]);
    port.terminate();
  }
  assert.deepEqual(reasons, [
    [false, 'SecurityError: Refused to create a worker'],
    [false, 'data channels do not arrive in a worker'],
    [false, 'the worker did not load'],
    [false, 'DataCloneError: An RTCDataChannel could not be cloned'],
  ]);
  const { port } = await openPort();
  assert.equal(port.fallback, null);
  assert.equal((await startEngine({ worker: false }, signal)).fallback, null);
});

test('the worker comes from `createWorker`, from `assets`, or through a script of this origin', async () => {
  const made = [];
  class NamedWorker extends Worker {
    constructor(url, { type }) {
      super();
      made.push([String(url), type]);
    }
  }
  Object.assign(globalThis, { Worker: NamedWorker, location: new URL('https://page.example/a/') });
  const texts = [];
  const { createObjectURL } = URL;
  URL.createObjectURL = (blob) => {
    texts.push(blob.text());
    return createObjectURL(blob);
  };
  try {
    const own = new Worker();
    const port = await startEngine({ worker: true, createWorker: () => own }, signal);
    port.terminate();
    assert.ok(own.terminated);
    assert.deepEqual(made, []);
    for (const assets of ['https://page.example/files/', 'https://cdn.example/files/']) {
      await assert.rejects(startEngine({ worker: true, assets: new URL(assets) }, signal), { code: 'internal' });
    }
  } finally {
    URL.createObjectURL = createObjectURL;
    delete globalThis.location;
  }
  assert.deepEqual(made[0], ['https://page.example/files/worker.js', 'module']);
  assert.match(made[1][0], /^blob:/);
  assert.deepEqual(await Promise.all(texts), ['import "https://cdn.example/files/worker.js";']);
});
