// Messages and requests (web/session/messages.ts) without a session: two sides whose frames the test carries, or keeps, or makes up.
import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { MillraceError, Messages, abandonFrame, answerFrame, batchFrame, failureFrame, messageFrame, requestFrame, takenFrame } = await bundle(`
  export { MillraceError } from './api/errors.ts';
  export { Messages } from './session/messages.ts';
  export * from './session/message_frames.ts';
`);

const mostPending = 1_024;
const mostBytes = 4 * 1024 * 1024;
const mostUnread = 256;
const ahead = 256 * 1024;

/** One side: what it sends, what reached its page, and what it complains about. */
class Side {
  sent = [];
  events = [];
  batches = [];
  dropped = [];
  violations = [];
  handled = 0;
  posts = 0;

  constructor() {
    this.messages = new Messages({
      port: {
        post: ({ messages }, transfer) => {
          this.sent.push(...messages.map((message) => message.slice()));
          structuredClone(messages, { transfer });
          this.posts += 1;
        },
      },
      fire: ({ data }) => this.events.push(data),
      onbatch: (batch) => this.batches.push(batch),
      ondropped: (what) => this.dropped.push(what),
      onviolation: (detail) => this.violations.push(detail),
    });
  }

  /** Everything that was sent since the last call. The engine takes it and the channel is empty. */
  take() {
    this.messages.flush();
    const frames = this.sent.splice(0);
    this.handled += frames.reduce((sum, { length }) => sum + length, 0);
    this.messages.onBuffered(0, this.handled);
    return frames;
  }

  takeKinds() {
    return this.take().map(([kind]) => kind);
  }

  listen() {
    this.messages.onEventListener();
    return this;
  }
}

/** Lets promises and scheduled tasks run. */
const settle = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** Carries frames both ways until there are none. */
async function carry(a, b) {
  for (;;) {
    await settle();
    const [fromA, fromB] = [a.take(), b.take()];
    if (fromA.length + fromB.length === 0) return;
    for (const frame of fromA) b.messages.handle(frame);
    for (const frame of fromB) a.messages.handle(frame);
  }
}

/** 'pending', or how a promise has settled. */
async function stateOf(promise) {
  const pending = Symbol('pending');
  await settle();
  return Promise.race([promise, Promise.resolve(pending)]).then((value) => (value === pending ? 'pending' : 'fulfilled'), ({ code }) => code);
}

const pair = () => [new Side(), new Side()];

test('a message reaches event, listener and loops, in order, and its promise resolves when the other side has it', async () => {
  const [a, b] = pair();
  b.listen();
  const heard = [];
  b.messages.listener = ({ type, data }) => heard.push([type, data]);
  const loop = b.messages.read();
  const sending = [1, 'two', Float32Array.of(3)].map((data) => a.messages.send(data));
  assert.equal(await stateOf(sending[0]), 'pending');
  await carry(a, b);
  assert.deepEqual(await Promise.all(sending), [undefined, undefined, undefined]);
  assert.deepEqual(b.events, [1, 'two', Float32Array.of(3)]);
  assert.deepEqual(heard.map(([, data]) => data), b.events);
  assert.equal(heard[0][0], 'message');
  for (const data of b.events) assert.deepEqual(await loop.next(), { done: false, value: data });
});

test('messages wait for a listener; so many are acknowledged, the others when somebody reads', async () => {
  for (const [bytes, acknowledged] of [[10, mostUnread], [60_000, Math.ceil((1024 * 1024) / 60_006)]]) {
    const [a, b] = pair();
    const count = acknowledged + 10;
    const states = new Array(count).fill('pending');
    for (let i = 0; i < count; i += 1) void a.messages.send(new Uint8Array(bytes).fill(i)).then(() => (states[i] = 'taken'));
    await carry(a, b);
    const taken = states.filter((state) => state === 'taken').length;
    assert.ok(Math.abs(taken - acknowledged) <= 1, `${taken} of ${acknowledged}`);
    assert.deepEqual(states.slice(0, taken), new Array(taken).fill('taken'));
    // A loop that reads three makes room for three.
    const loop = b.messages.read();
    for (let i = 0; i < 3; i += 1) assert.equal((await loop.next()).value[0], i);
    await carry(a, b);
    assert.equal(states.filter((state) => state === 'taken').length, taken + 3);
    // A listener takes them all, but the loop still holds its own.
    b.listen();
    await carry(a, b);
    assert.equal(b.events.length, count - 3);
    assert.equal(states.filter((state) => state === 'taken').length, taken + 3);
    await loop.return();
    await carry(a, b);
    assert.deepEqual(states, new Array(count).fill('taken'));
    assert.deepEqual(b.events.map(([first]) => first), Array.from({ length: count - 3 }, (_, i) => (i + 3) % 256));
  }
});

test('a loop ends with return and break, and with the session: without an error where one side closed it', async () => {
  for (const code of ['closed', 'connection-lost']) {
    const [a, b] = pair();
    const [first, second] = [b.messages.read(), b.messages.read()];
    for (const data of [1, 2]) void a.messages.send(data).catch(() => {});
    await carry(a, b);
    assert.equal((await first.next()).value, 1);
    assert.deepEqual(await first.return(), { done: true, value: undefined });
    assert.deepEqual(await first.next(), { done: true, value: undefined });
    b.messages.end(new MillraceError(code));
    // The messages that had arrived come first.
    assert.equal((await second.next()).value, 1);
    assert.equal((await second.next()).value, 2);
    if (code === 'closed') assert.equal((await second.next()).done, true);
    else await assert.rejects(second.next(), { code });
    assert.equal((await second.next()).done, true);
    const waiting = pair()[0];
    const loop = waiting.messages.read();
    const next = [loop.next(), loop.next()];
    waiting.messages.end(new MillraceError('closed'));
    assert.deepEqual((await Promise.all(next)).map(({ done }) => done), [true, true]);
    assert.equal((await waiting.messages.read().next()).done, true);
  }
});

test('a listener that throws is reported and harms nobody; one that is none counts as null', async () => {
  const [a, b] = pair();
  const reported = [];
  globalThis.reportError = (error) => reported.push(error.message);
  try {
    b.messages.listener = ({ data }) => {
      throw new Error(`no ${data}`);
    };
    const sending = [a.messages.send('x'), a.messages.send('y')];
    await carry(a, b);
    await Promise.all(sending);
    assert.deepEqual(reported, ['no x', 'no y']);
  } finally {
    delete globalThis.reportError;
  }
  for (const value of [undefined, null, 1, {}, 'x']) {
    b.messages.listener = value;
    b.messages.handler = value;
    assert.deepEqual([b.messages.listener, b.messages.handler], [null, null]);
  }
});

test('more than may wait is too-large at once, and there is room again for what was taken', async () => {
  for (const [bytes, most] of [[1, mostPending], [65_000, Math.floor(mostBytes / 65_002)]]) {
    const [a, b] = pair();
    const data = new Uint8Array(bytes);
    const sending = Array.from({ length: most - 1 }, () => a.messages.send(data));
    const asking = a.messages.request(data, { timeoutMs: Infinity });
    for (const refused of [a.messages.send(data), a.messages.request(data)]) await assert.rejects(refused, { code: 'too-large', byPeer: false });
    b.listen();
    b.messages.handler = () => 'answer';
    await carry(a, b);
    assert.equal((await Promise.all(sending)).length, most - 1);
    assert.equal(await asking, 'answer');
    assert.deepEqual(b.violations, []);
    const more = Array.from({ length: most }, () => a.messages.send(data));
    await carry(a, b);
    assert.equal((await Promise.all(more)).length, most);
    assert.deepEqual([b.violations, b.events.length], [[], 2 * most - 1]);
  }
});

test('the engine gets no more than the control channel takes, acknowledgements first', async () => {
  const [a, b] = pair();
  const data = new Uint8Array(10_000);
  const sending = Array.from({ length: 40 }, () => a.messages.send(data));
  await settle();
  // At most one frame beyond the mark, and all in one post.
  assert.equal(a.posts, 1);
  const given = a.sent.length;
  assert.equal(given, Math.ceil(ahead / 10_002));
  // The engine has taken them all, and they still wait in the core.
  a.handled = given * 10_002;
  a.messages.onBuffered(given * 10_002, a.handled);
  assert.equal(a.sent.length, given);
  // A message of the other side is acknowledged before the next message goes.
  a.listen();
  a.messages.handle(messageFrame('x'));
  await settle();
  assert.equal(a.sent.length, given);
  a.messages.onBuffered(ahead - 10, a.handled);
  await settle();
  assert.deepEqual(a.sent.slice(given).map(([kind]) => kind), [6, 1]);
  b.listen();
  for (const frame of a.sent.splice(0)) b.messages.handle(frame);
  a.handled += 5 + 10_002;
  a.messages.onBuffered(0, a.handled);
  await carry(a, b);
  await Promise.all(sending);
  assert.equal(b.events.length, 40);
});

test('a request is answered with data, or fails with the error of the handler', async () => {
  const [a, b] = pair();
  b.messages.handler = async (data) => {
    if (data === 'typed') throw new MillraceError('out-of-space', 'the disk is full');
    if (data === 'plain') throw new TypeError('no');
    if (data === 'text') throw 'a text';
    if (data === 'long') throw new Error('x'.repeat(5_000));
    if (data === 'map') return new Map();
    if (data === 'nothing') return undefined;
    if (data === 'large') return new Uint8Array(65_537);
    return { got: data };
  };
  const asked = ['typed', 'plain', 'text', 'long', 'map', 'nothing', 'large', [1]].map((data) => a.messages.request(data));
  const settled = Promise.allSettled(asked);
  await carry(a, b);
  const told = (await settled).map(({ value, reason }) => value ?? [reason.name, reason.code, reason.explanation, reason.byPeer]);
  assert.deepEqual(told, [
    ['MillraceError', 'out-of-space', 'the disk is full', true],
    ['MillraceError', 'peer-error', 'TypeError: no', true],
    ['MillraceError', 'peer-error', 'a text', true],
    ['MillraceError', 'peer-error', 'x'.repeat(1_024), true],
    ['MillraceError', 'invalid-argument', 'a message cannot carry a Map', true],
    ['MillraceError', 'invalid-argument', 'a message cannot carry undefined', true],
    ['MillraceError', 'too-large', 'a message of 65537 bytes; 65536 are allowed', true],
    { got: [1] },
  ]);
});

test('requests wait for a handler, and answers may come in any order', async () => {
  const [a, b] = pair();
  const asked = ['first', 'second'].map((data) => a.messages.request(data));
  await carry(a, b);
  const answers = new Map();
  b.messages.handler = (data) => new Promise((resolve) => answers.set(data, resolve));
  await settle();
  assert.deepEqual([...answers.keys()], ['first', 'second']);
  answers.get('second')(2);
  await carry(a, b);
  assert.equal(await asked[1], 2);
  assert.equal(await stateOf(asked[0]), 'pending');
  answers.get('first')(1);
  await carry(a, b);
  assert.equal(await asked[0], 1);
});

test('an aborted message that has not left is not sent; one that has left may arrive', async () => {
  const [a, b] = pair();
  b.listen();
  const giveUp = new AbortController();
  const aborted = { name: 'MillraceError', code: 'aborted', byPeer: false };
  await assert.rejects(a.messages.send('x', { signal: AbortSignal.abort() }), aborted);
  await assert.rejects(a.messages.request('x', { signal: AbortSignal.abort() }), aborted);
  const left = a.messages.send('left', { signal: giveUp.signal });
  const filling = Array.from({ length: 27 }, () => a.messages.send(new Uint8Array(10_000)));
  const waits = a.messages.send('waits', { signal: giveUp.signal });
  const asks = a.messages.request('asks', { signal: giveUp.signal });
  const last = a.messages.send('last');
  giveUp.abort();
  for (const promise of [left, waits, asks]) await assert.rejects(promise, aborted);
  await carry(a, b);
  await Promise.all([...filling, last]);
  assert.deepEqual(b.events.filter((data) => typeof data === 'string'), ['left', 'last']);
  // Nothing is pending any more: as much fits as at the beginning.
  const all = Array.from({ length: mostPending }, () => a.messages.send(1));
  await carry(a, b);
  await Promise.all(all);
});

test('a request that is given up aborts the signal of its handler, and frees its place on both sides', async () => {
  const [a, b] = pair();
  const signals = [];
  b.messages.handler = (_data, { signal }) => new Promise(() => signals.push(signal));
  for (let round = 0; round < 3; round += 1) {
    const giveUp = new AbortController();
    const asked = Array.from({ length: mostPending }, () => a.messages.request('x', { signal: giveUp.signal }));
    const settled = Promise.allSettled(asked);
    await carry(a, b);
    assert.deepEqual(signals.map(({ aborted }) => aborted), new Array(mostPending).fill(false));
    giveUp.abort();
    assert.ok((await settled).every(({ reason }) => reason.code === 'aborted'));
    await carry(a, b);
    assert.ok(signals.splice(0).every(({ aborted, reason }) => aborted && reason.code === 'cancelled' && reason.byPeer));
  }
  assert.deepEqual(b.violations, []);
  await assert.rejects(a.messages.request('x', { timeoutMs: 20 }), { code: 'timeout', byPeer: false });
});

test('an invalid option is an invalid-argument that names it', async () => {
  const [a] = pair();
  for (const value of [null, 0, 'x', {}, []]) {
    if (value === null || typeof value !== 'object') {
      for (const sending of [a.messages.send(1, value), a.messages.request(1, value)]) await assert.rejects(sending, { code: 'invalid-argument', message: /options must be/ });
    }
    for (const method of ['send', 'request']) await assert.rejects(a.messages[method](1, { signal: value }), { code: 'invalid-argument', message: /signal must be/ });
    await assert.rejects(a.messages.request(1, { timeoutMs: value }), { code: 'invalid-argument', message: /timeoutMs must be/ });
  }
  for (const timeoutMs of [-1, NaN, '5']) await assert.rejects(a.messages.request(1, { timeoutMs }), { code: 'invalid-argument', message: /timeoutMs must be/ });
  await assert.rejects(a.messages.send(new Map()), { code: 'invalid-argument' });
  await assert.rejects(a.messages.request(new Uint8Array(65_537)), { code: 'too-large' });
  assert.deepEqual(a.sent, []);
});

test('the end of the session rejects everything pending with its error, and nothing is left unhandled', async () => {
  const [a, b] = pair();
  const unhandled = [];
  const onUnhandled = (reason) => unhandled.push(reason);
  process.on('unhandledRejection', onUnhandled);
  const signals = [];
  b.messages.handler = (_data, { signal }) => new Promise(() => signals.push(signal));
  const sending = [a.messages.send(1), a.messages.request(2)];
  const filling = Array.from({ length: 9 }, () => a.messages.send(new Uint8Array(10_000)));
  for (const frame of a.take()) b.messages.handle(frame);
  await settle();
  for (const side of [a, b]) side.messages.end(new MillraceError('connection-lost', 'gone'));
  await settle();
  assert.deepEqual(unhandled, []);
  process.off('unhandledRejection', onUnhandled);
  for (const promise of [...sending, ...filling]) await assert.rejects(promise, { code: 'connection-lost', explanation: 'gone' });
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true]);
  for (const late of [a.messages.send(1), a.messages.request(1)]) await assert.rejects(late, { code: 'closed' });
  // What arrives after the end reaches nobody.
  b.listen();
  b.messages.handle(messageFrame('late'));
  await settle();
  assert.deepEqual(b.events, []);
});

test('frames of a hostile side are dropped, and honest ones go on', async () => {
  const [a, b] = pair();
  b.listen();
  let calls = 0;
  b.messages.handler = () => (calls += 1);
  const asked = a.messages.request('x', { timeoutMs: Infinity });
  const hostile = [
    Uint8Array.of(), Uint8Array.of(99), Uint8Array.of(1), Uint8Array.of(1, 1, 0xff), takenFrame(1), takenFrame(2 ** 32 - 1),
    answerFrame(5, 'nobody asked'), failureFrame(7, 'closed', ''), failureFrame(7, 'no-such-code', ''), Uint8Array.of(5, 0, 0, 0, 9),
  ];
  for (const frame of hostile) b.messages.handle(frame);
  assert.equal(b.dropped.length, 6);
  assert.deepEqual(b.events, []);
  // A malformed message counts as a message, a malformed request as a request.
  await settle();
  assert.deepEqual(b.take().map((frame) => [...frame]), [[6, 0, 0, 0, 2]]);
  b.messages.handle(Uint8Array.of(2, 0, 0, 1, 0, 1, 0xff));
  await settle();
  assert.deepEqual(b.takeKinds(), [4]);
  // A number that is in use, and an answer twice.
  b.messages.handler = () => new Promise(() => {});
  for (let time = 0; time < 2; time += 1) b.messages.handle(requestFrame(3, time));
  assert.equal(b.dropped.length, 7);
  b.messages.handler = () => (calls += 1);
  await carry(a, b);
  assert.equal(await asked, 1);
  for (let time = 0; time < 2; time += 1) a.messages.handle(answerFrame(0, 'again'));
  await assert.rejects(Promise.all([a.messages.request('y'), a.messages.handle(Uint8Array.of(3, 0, 0, 0, 1, 99))]), { code: 'peer-error', byPeer: true });
  assert.deepEqual([a.violations, b.violations], [[], []]);
  // Honest messages still arrive. Their acknowledgement counts the hostile ones, which this side did not send.
  const sending = a.messages.send('still there?');
  await carry(a, b);
  assert.equal(await stateOf(sending), 'pending');
  assert.deepEqual([a.dropped.length, b.events], [1, ['still there?']]);
});

test('a side that sends more than may wait breaks the rules; one that asks without reading fills no memory', async () => {
  for (const make of [(number) => messageFrame(number), (number) => requestFrame(number, number)]) {
    const [, b] = pair();
    const most = make(0)[0] === 1 ? mostUnread + mostPending : mostPending;
    for (let number = 0; number < most; number += 1) b.messages.handle(make(number));
    assert.deepEqual(b.violations, []);
    b.messages.handle(make(most));
    assert.equal(b.violations.length, 1);
  }
  const [, b] = pair();
  b.messages.handler = () => new Uint8Array(65_536);
  // Nothing of this leaves: the channel is full.
  b.messages.onBuffered(ahead, 0);
  for (let number = 0; number < mostPending; number += 1) b.messages.handle(requestFrame(number, 'x'));
  await settle();
  assert.deepEqual([b.sent.length, b.violations.length], [0, 0]);
  b.messages.handle(requestFrame(mostPending, 'x'));
  assert.equal(b.violations.length, 1);
  // The channel has room again.
  let bytes = 0;
  let failures = 0;
  b.take();
  for (let frames = b.take(); frames.length > 0; frames = b.take()) {
    for (const frame of frames) {
      bytes += frame.length;
      if (frame[0] === 4) failures += 1;
    }
  }
  assert.ok(bytes < mostBytes + mostPending * 100, `${bytes}`);
  assert.ok(failures > 900, `${failures}`);
});

test('the answer to a request that was given up is not kept', async () => {
  const [, b] = pair();
  b.messages.handler = (data) => new Uint8Array(data);
  b.messages.onBuffered(ahead, 0);
  for (let number = 0; number < 3 * mostPending; number += 1) {
    b.messages.handle(requestFrame(number, number % 2 === 0 ? 65_536 : 65_537));
    if (number % 10 === 9) {
      await settle();
      for (let given = number - 9; given <= number; given += 1) b.messages.handle(abandonFrame(given));
    }
  }
  await settle();
  b.take();
  // The last two were not given up.
  assert.deepEqual([b.takeKinds(), b.takeKinds(), b.takeKinds(), b.violations], [[3, 4], [], [], []]);
});

test('batches of a mesh go past the queue', () => {
  const [a, b] = pair();
  const sending = a.messages.send(1);
  sending.catch(() => {});
  a.messages.onBuffered(ahead, 0);
  void a.messages.send(2).catch(() => {});
  a.messages.sendBatch(Uint8Array.of(1, 2));
  a.messages.flush();
  assert.deepEqual(a.sent.map(([kind]) => kind), [0, 1]);
  b.messages.handle(batchFrame(Uint8Array.of(1, 2)));
  assert.deepEqual(b.batches, [Uint8Array.of(1, 2)]);
});

test('random frames never throw, and end in drops, failures or violations only', async () => {
  const [, b] = pair();
  b.listen();
  b.messages.handler = (data) => data;
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = randomBytes(randomInt(24));
    if (bytes.length > 0) bytes[0] = randomInt(8);
    // Types of data that exist, and numbers that occur more than once.
    if (bytes[0] === 1 && bytes.length > 1) bytes[1] = randomInt(16);
    else if (bytes.length > 5) bytes.set([0, 0, 0, randomInt(256), randomInt(16)], 1);
    b.messages.handle(bytes);
    if (round % 100 === 0) await settle();
    b.take();
  }
  assert.ok(b.events.length > 100);
});
