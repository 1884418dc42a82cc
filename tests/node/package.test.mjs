import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';
import { Room } from './support/room.mjs';

const { connect, errorCodes, MillraceError, isErrorCode, sasEmoji, namesOf } = await bundle(`
  export * from './index.ts';
  export { isErrorCode } from './api/errors.ts';
  export { namesOf } from './secrets/sas.ts';
`);

test('the list of error codes is the documented one', () => {
  assert.deepEqual(Object.keys(errorCodes).sort(), [
    'aborted', 'authentication-failed', 'bad-record', 'cancelled', 'closed', 'connection-failed', 'connection-lost', 'handshake-failed',
    'hash-mismatch', 'internal', 'invalid-argument', 'lane-closed', 'not-supported', 'out-of-space', 'peer-error',
    'protocol-violation', 'rejected', 'signaling-failed', 'sink-failed', 'source-changed', 'source-failed', 'timeout',
    'too-large',
  ]);
  for (const [code, meaning] of Object.entries(errorCodes)) {
    assert.ok(isErrorCode(code));
    assert.match(meaning, /^[A-Z].*\.$/s);
  }
  for (const code of ['toString', '__proto__', '', 'Closed']) assert.equal(isErrorCode(code), false);
});

test('an error keeps its code, explanation and cause', () => {
  const cause = new TypeError('inner');
  const error = MillraceError.from(cause, 'sink-failed');
  assert.ok(error instanceof Error);
  assert.equal(error.code, 'sink-failed');
  assert.equal(error.explanation, 'TypeError: inner');
  assert.equal(error.cause, cause);
  assert.equal(MillraceError.from(error, 'internal'), error);
  assert.match(new MillraceError('closed').message, /^closed: /);
});

test('an invalid option is an invalid-argument that names it, and the signalling is closed', async () => {
  const numbers = ['1', NaN, Infinity, -1, 10n, null, true, {}, []];
  const invalid = {
    lanes: [4, null, 'two', { min: 0 }, { max: 65 }, { min: 1, max: 0.5 }, { min: '1' }, { max: null }, { min: 1n }],
    delivery: ['maybe', 1, null, ['reliable'], Symbol('reliable')],
    bandwidthLimit: [...numbers, 1, 16_383],
    profile: ['dial-up', 1, null, ['mobile']],
    mode: ['fast', 1, null],
    chunkSize: [...numbers, '65536', 1_000, 65_536.5, 4 * 1024 * 1024 + 1],
    waterMarks: [1, null, 'high', {}, { high: 1, low: 1 }, { high: Infinity, low: 0 }, { high: '2', low: 1 }, { high: 2, low: null }],
    encryption: ['no', 1, null],
    privacy: [1, 'yes', null],
    background: ['yes', 1, null],
    log: [1, null],
    worker: ['yes', 1, null],
    createWorker: [true, null, {}],
    assets: ['/no/base/in/Node.js', 5, null, true],
    signal: [5, null, {}, new AbortController()],
    rtc: [null, 5, 'stun:stun.example', { iceServers: { urls: 'stun:stun.example' } }, { iceServers: null }, { iceServers: 5 }],
    secret: ['', 5, null, {}],
    RTCPeerConnection: [5, null, {}],
  };
  for (const [name, values] of Object.entries(invalid)) {
    for (const value of values) {
      const signaling = new Room().join();
      const expected = { name: 'MillraceError', code: 'invalid-argument', message: new RegExp(name === 'secret' ? 'secret|code' : name) };
      await assert.rejects(connect({ signaling, [name]: value }), expected, `${name}: ${typeof value}`);
      assert.ok(signaling.closed, name);
    }
  }
  for (const options of [{ secretKind: 'key' }, { secret: 'x', secretKind: 'key' }, { secret: 'x', secretKind: 5 }]) {
    await assert.rejects(connect({ signaling: new Room().join(), ...options }), { code: 'invalid-argument', message: /secret|key/ });
  }
});

test('invalid options, or an invalid signalling, are an invalid-argument', async () => {
  for (const options of [undefined, null, 5, 'wss://example.org', () => {}]) {
    await assert.rejects(connect(options), { code: 'invalid-argument', message: /options/ });
  }
  const signalings = [undefined, null, 5, 'wss://example.org', {}, { send: 1 }, { send() {}, close: 5 }, { send() {}, reopen: {} }, { send() {}, patience: 'long' }];
  for (const signaling of signalings) {
    await assert.rejects(connect({ signaling }), { code: 'invalid-argument', message: /signaling/ });
  }
});

test('a configuration that the browser refuses is an invalid-argument at once', async () => {
  const rtc = { bundlePolicy: 'no such policy' };
  const refuse = class {
    constructor(configuration) {
      assert.equal(configuration, rtc);
      throw new TypeError('not a bundle policy');
    }
  };
  // Nobody comes into the room.
  const signaling = new Room().join();
  await assert.rejects(connect({ signaling, rtc, RTCPeerConnection: refuse }), { code: 'invalid-argument', message: /rtc: .*bundle policy/ });
  assert.ok(signaling.closed);
});

test('the pictures are 64, each with a name of its own', () => {
  const entries = Object.entries(sasEmoji);
  assert.equal(entries.length, 64);
  assert.equal(new Set(entries.map(([, emoji]) => emoji)).size, 64);
  for (const [name, emoji] of entries) {
    assert.match(name, /^[a-z]{3,10}$/);
    assert.match(emoji, /^\p{Emoji}\uFE0F?$/u);
  }
  assert.deepEqual(namesOf([0, 63, 10]), [entries[0][0], entries[63][0], entries[10][0]]);
});

test('an abort while no other side is there rejects and closes the signalling', async () => {
  for (const when of ['before', 'after']) {
    const room = new Room();
    const signaling = room.join();
    const controller = new AbortController();
    if (when === 'before') controller.abort();
    const connecting = connect({ signaling, worker: false, signal: controller.signal });
    controller.abort();
    await assert.rejects(connecting, { code: 'aborted' });
    assert.equal(signaling.onmessage, null);
    assert.ok(signaling.closed);
  }
});

test('a signalling that fails rejects with its error', async () => {
  const signaling = new Room().join();
  const connecting = connect({ signaling, worker: false });
  signaling.onerror(new Error('gone'));
  await assert.rejects(connecting, { code: 'signaling-failed', explanation: 'gone' });
  assert.ok(signaling.closed);
});

test('without WebRTC it is not-supported, on both sides, and nothing keeps running', async () => {
  const room = new Room();
  const sides = [room.join(), room.join()].map((signaling) => connect({ signaling, worker: false }));
  const outcomes = await Promise.allSettled(sides);
  const codes = outcomes.map(({ reason }) => reason.code);
  assert.ok(codes.includes('not-supported'), codes.join());
  for (const code of codes) assert.ok(['not-supported', 'connection-lost'].includes(code), code);
  assert.equal(room.members.size, 0);
});

test('a required worker that is not available is not-supported', async () => {
  await assert.rejects(connect({ signaling: new Room().join(), worker: true }), { code: 'not-supported' });
});
