import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';
import { Room } from './support/room.mjs';

const { connect, errorCodes, MillraceError, isErrorCode } = await bundle(`
  export * from './index.ts';
  export { isErrorCode } from './errors.ts';
`);

test('the list of error codes is the documented one', () => {
  assert.deepEqual(Object.keys(errorCodes).sort(), [
    'aborted', 'bad-record', 'cancelled', 'closed', 'connection-failed', 'connection-lost', 'handshake-failed',
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

test('an error keeps its code, detail and cause', () => {
  const cause = new TypeError('inner');
  const error = MillraceError.from(cause, 'sink-failed');
  assert.ok(error instanceof Error);
  assert.equal(error.code, 'sink-failed');
  assert.equal(error.detail, 'TypeError: inner');
  assert.equal(error.cause, cause);
  assert.equal(MillraceError.from(error, 'internal'), error);
  assert.match(new MillraceError('closed').message, /^closed: /);
});

test('what is not available yet is refused, not ignored', async () => {
  const options = [
    { secret: 'x' }, { privacy: true }, { encryption: false },
  ];
  for (const option of options) {
    const signaling = new Room().join();
    await assert.rejects(connect({ signaling, ...option }), { code: 'not-supported' });
    assert.ok(signaling.closed);
  }
});

test('what means nothing is an invalid-argument', async () => {
  const options = [
    { signaling: undefined }, { signaling: {} }, { lanes: { min: 0 } }, { lanes: { max: 33 } },
    { lanes: { min: 1, max: 0.5 } }, { delivery: 'maybe' }, { bandwidthLimit: -1 }, { bandwidthLimit: NaN },
    { profile: 'dial-up' }, { mode: 'fast' }, { chunkSize: 1000 }, { chunkSize: NaN }, { waterMarks: { high: 1, low: 1 } },
  ];
  for (const option of options) {
    await assert.rejects(connect({ signaling: new Room().join(), ...option }), { code: 'invalid-argument' });
  }
});

test('an abort while nobody is there rejects and lets go of the signalling', async () => {
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
  await assert.rejects(connecting, { code: 'signaling-failed', detail: 'gone' });
  assert.ok(signaling.closed);
});

test('without WebRTC it is not-supported, on both sides, and nothing keeps running', async () => {
  const room = new Room();
  const sides = [room.join(), room.join()].map((signaling) => connect({ signaling, worker: false }));
  const outcomes = await Promise.allSettled(sides);
  const codes = outcomes.map(({ reason }) => reason.code);
  assert.ok(codes.includes('not-supported'), codes.join());
  for (const code of codes) assert.ok(['not-supported', 'connection-failed'].includes(code), code);
  assert.equal(room.members.size, 0);
});

test('a worker that was insisted on and cannot be had is not-supported', async () => {
  await assert.rejects(connect({ signaling: new Room().join(), worker: true }), { code: 'not-supported' });
});
