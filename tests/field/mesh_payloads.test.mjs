// A11: what people send over a mesh arrives as it was sent, or is refused; never as something else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeshRoom, untilConnected } from '../node/support/agents.mjs';

test('A11: values of JSON and binary data arrive as they were sent, with a buffer of their own', async (t) => {
  const room = new MeshRoom(t);
  const [a, b] = await room.enterAll(['a', 'b']);
  await untilConnected([a, b]);
  const arrived = [];
  b.onmessage = ({ payload }) => arrived.push(payload);
  const numbers = Float32Array.of(1.5, -2, 0.25);
  const inTheMiddle = new Uint8Array([9, 9, 1, 2, 3, 9]).subarray(2, 5);
  const sent = [
    'text', '', 0, null, false, [1, [2]], { x: [1, null, 'ü'] }, new Uint8Array([1, 2, 3]).buffer, new Uint8Array(), numbers, inTheMiddle,
    new DataView(new ArrayBuffer(3)),
  ];
  for (const payload of sent) await a.send('b', payload);
  const isBinary = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value);
  const bytesOf = (value) => [...(value instanceof ArrayBuffer ? new Uint8Array(value) : new Uint8Array(value.buffer, value.byteOffset, value.byteLength))];
  const plain = (value) => (isBinary(value) ? bytesOf(value) : value);
  assert.deepEqual(arrived.map(plain), sent.map(plain));
  for (const [index, value] of arrived.entries()) {
    assert.equal(isBinary(value), isBinary(sent[index]), `payload ${index}`);
    // Nothing of another message, and a place where numbers of any size may begin.
    if (ArrayBuffer.isView(value)) assert.deepEqual([value.byteOffset, value.buffer.byteLength], [0, value.byteLength], `payload ${index}`);
  }
  const floats = arrived[sent.indexOf(numbers)];
  assert.deepEqual([...new Float32Array(floats.buffer ?? floats)], [...numbers]);
});

test('A11: what JSON would change or leave out is refused with its name, and the mesh goes on', async (t) => {
  const room = new MeshRoom(t);
  const [a, b] = await room.enterAll(['a', 'b']);
  await untilConnected([a, b]);
  const arrived = [];
  b.onmessage = ({ payload }) => arrived.push(payload);
  const circle = {};
  circle.circle = circle;
  for (const payload of [
    new Map([[1, 2]]), new Set([1]), { x: NaN }, Infinity, undefined, 10n, { deep: [{ x: 10n }] }, () => 1, Symbol('s'), { x: undefined }, new Date(0), /x/, circle,
    new Blob(['x']), { bytes: new Uint8Array(2) }, new Array(2), Promise.resolve(1), new (class Point { x = 1; })(),
  ]) {
    await assert.rejects(a.send('b', payload), { name: 'MillraceError', code: 'invalid-argument' }, String(payload?.constructor?.name));
    await assert.rejects(a.broadcast(payload), { name: 'MillraceError', code: 'invalid-argument' });
  }
  await a.send('b', 'and on');
  assert.deepEqual(arrived, ['and on']);
});
