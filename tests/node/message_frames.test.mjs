// The frames of messages and requests, and what a hostile side can send in their place.
import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { abandonFrame, answerFrame, batchFrame, decodeData, decodeFrame, encodeData, failureFrame, messageFrame, requestFrame, takenFrame } = await bundle(`
  export { decodeData, encodeData } from './session/message_data.ts';
  export * from './session/message_frames.ts';
`);

const limit = 65_536;

test('frames come back as they were', () => {
  const batch = Uint8Array.of(1, 2, 3);
  assert.deepEqual(decodeFrame(batchFrame(batch)), { kind: 'batch', batch });
  assert.deepEqual(decodeFrame(messageFrame('x')), { kind: 'message', data: 'x' });
  for (const number of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
    assert.deepEqual(decodeFrame(requestFrame(number, [1])), { kind: 'request', number, data: [1] });
    assert.deepEqual(decodeFrame(answerFrame(number, null)), { kind: 'answer', number, data: null });
    assert.deepEqual(decodeFrame(abandonFrame(number)), { kind: 'abandon', number });
    assert.deepEqual(decodeFrame(takenFrame(number)), { kind: 'taken', count: number });
    assert.deepEqual(decodeFrame(failureFrame(number, 'timeout', 'ü')), { kind: 'failure', number, code: 'timeout', detail: 'ü' });
  }
  assert.deepEqual(decodeFrame(failureFrame(1, 'internal', '')).detail, '');
  // Cut at a whole character.
  assert.equal(decodeFrame(failureFrame(1, 'internal', `x${'ü'.repeat(10_000)}`)).detail, `x${'ü'.repeat(511)}`);
  for (const frame of [messageFrame, (data) => requestFrame(1, data), (data) => answerFrame(1, data)]) {
    assert.ok(frame(new Uint8Array(limit)).length <= 73_728);
    assert.throws(() => frame(new Uint8Array(limit + 1)), { code: 'too-large' });
    assert.throws(() => frame(undefined), { code: 'invalid-argument' });
  }
});

test('a frame of any other length or content is none', () => {
  for (const kind of [2, 3, 4, 5, 6]) {
    for (let length = 0; length < 5; length += 1) assert.equal(decodeFrame(new Uint8Array(length).fill(kind, 0, 1)), undefined, `${kind} ${length}`);
  }
  for (const frame of [abandonFrame(1), takenFrame(1)]) assert.equal(decodeFrame(Uint8Array.of(...frame, 0)), undefined);
  for (const kind of [7, 100, 255]) assert.equal(decodeFrame(new Uint8Array(10).fill(kind)), undefined);
  assert.equal(decodeFrame(new Uint8Array()), undefined);
  assert.deepEqual(decodeFrame(Uint8Array.of(1)), { kind: 'message', data: undefined });
  assert.deepEqual(decodeFrame(Uint8Array.of(2, 0, 0, 0, 7)), { kind: 'request', number: 7, data: undefined });
  const failure = (...rest) => decodeFrame(Uint8Array.of(4, 0, 0, 0, 1, ...rest));
  assert.equal(failure(), undefined);
  assert.equal(failure(0, 0x61), undefined);
  assert.equal(failure(2, 0x61), undefined);
  assert.equal(failure(1, 0xff), undefined);
  assert.equal(failure(1, 0x61, 0xff), undefined);
  assert.equal(failure(65, ...new Array(65).fill(0x61)), undefined);
  assert.deepEqual(failure(64, ...new Array(64).fill(0x61)).code.length, 64);
  assert.deepEqual(failure(1, 0x61, ...new Array(1_024).fill(0x62)).detail.length, 1_024);
  assert.equal(failure(1, 0x61, ...new Array(1_025).fill(0x62)), undefined);
});

test('random frames never throw, and decoded data can be sent again', () => {
  const valid = messageFrame([{ a: 'ü', b: [1, null] }]);
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = randomBytes(randomInt(40));
    if (bytes.length > 0) bytes[0] = randomInt(8);
    // Half of them are valid but for a few bytes.
    if (round % 2 === 0) valid.subarray(0, bytes.length).forEach((byte, index) => (bytes[index] = randomInt(10) === 0 ? bytes[index] : byte));
    const frame = decodeFrame(bytes);
    if (frame?.data !== undefined) assert.deepEqual(decodeData(encodeData(frame.data)), frame.data);
  }
});
