// The content of messages and of mesh payloads: what arrives as it was, what is refused, and what a hostile side can send.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { bundle } from './support/web_module.mjs';

const { decodeData, encodeData } = await bundle("export { decodeData, encodeData } from './session/message_data.ts';");

const limit = 65_536;
const invalid = { name: 'MillraceError', code: 'invalid-argument' };
const tooLarge = { name: 'MillraceError', code: 'too-large' };
const realm = createContext();
const Views = [
  DataView, Uint8Array, Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array,
  BigInt64Array, BigUint64Array,
];

const arrives = (data, message) => assert.deepEqual(decodeData(encodeData(data)), data, message);

test('strings and JSON arrive as they were', () => {
  for (const text of ['', 'text', 'ü€\u{1f680}', '\u0000', '\ufeffwith a mark', 'half a pair: \ud800', '{"not":"JSON"}', '__proto__']) arrives(text);
  for (const value of [null, true, false, 0, -1.5, 1e308, [], [1, [null, 'ü']], {}, { a: { b: [null, '\udfff'] }, '': 1 }]) arrives(value);
  assert.deepEqual(decodeData(encodeData(Object.assign(Object.create(null), { a: 1 }))), { a: 1 });
  // Something that occurs twice does not contain itself.
  const shared = { x: [1] };
  arrives([shared, shared, { shared }]);
});

test('binary data arrives as what it was, with a buffer of its own', () => {
  for (const View of Views) {
    const bytes = randomBytes(64);
    // In the middle of a larger buffer.
    const buffer = new ArrayBuffer(128);
    new Uint8Array(buffer).set(bytes, 16);
    const size = View.BYTES_PER_ELEMENT ?? 1;
    const view = new View(buffer, 16, 64 / size);
    const arrived = decodeData(encodeData(view, 5), 5);
    assert.equal(arrived.constructor, View, View.name);
    assert.deepEqual(Buffer.from(arrived.buffer), bytes, View.name);
    assert.deepEqual([arrived.byteOffset, arrived.byteLength, arrived.buffer.byteLength], [0, 64, 64], View.name);
    assert.equal(decodeData(encodeData(new View(new ArrayBuffer(0)))).byteLength, 0, View.name);
  }
  const buffer = Uint8Array.of(1, 2, 3).buffer;
  const arrived = decodeData(encodeData(buffer));
  assert.ok(arrived instanceof ArrayBuffer);
  assert.deepEqual(arrived, buffer);
});

test('binary data is copied: what changes afterwards does not arrive', () => {
  const view = Uint8Array.of(1, 2, 3);
  const encoded = encodeData(view);
  view.fill(9);
  const arrived = decodeData(encoded);
  encoded.fill(9);
  assert.deepEqual(arrived, Uint8Array.of(1, 2, 3));
  const shared = new Uint16Array(new SharedArrayBuffer(4)).fill(7);
  assert.deepEqual(decodeData(encodeData(shared)), Uint16Array.of(7, 7));
  assert.deepEqual(decodeData(encodeData(Buffer.from('bytes'))), new Uint8Array(Buffer.from('bytes')));
});

test('objects of another realm are what they are there', () => {
  const other = (code) => runInContext(code, realm);
  assert.deepEqual(decodeData(encodeData(other('({ a: [1, { b: null }] })'))), { a: [1, { b: null }] });
  assert.deepEqual(decodeData(encodeData(other('new Float32Array([1.5])'))), Float32Array.of(1.5));
  assert.deepEqual(decodeData(encodeData(other('new ArrayBuffer(2)'))), new ArrayBuffer(2));
  assert.throws(() => encodeData(other('new Map([[1, 2]])')), invalid);
  assert.throws(() => encodeData(other('new (class A {})()')), invalid);
});

test('a value that JSON would change or leave out is an invalid-argument that says what it is', () => {
  class Point { x = 1; }
  const circular = { a: [1] };
  circular.a.push(circular);
  let deep = 1;
  for (let depth = 0; depth < 10_000; depth += 1) deep = [deep];
  const detached = new ArrayBuffer(8);
  const viewOfDetached = new Uint8Array(detached);
  structuredClone(detached, { transfer: [detached] });
  const values = {
    undefined: [undefined], NaN: [NaN], Infinity: [-Infinity], bigint: [1n], symbol: [Symbol('x')], function: [() => 1],
    Map: [new Map([[1, 2]])], Set: [new Set([1])], Date: [new Date(0)], RegExp: [/x/], Error: [new Error('x')], Promise: [Promise.resolve()],
    Blob: [new Blob(['x'])], SharedArrayBuffer: [new SharedArrayBuffer(2)], Number: [Object(1)], String: [Object('x')],
    'of a class': [new Point()], 'gaps or named': [Object.assign([], { length: 3 }), Object.assign([1], { name: 2 })],
    'contains itself': [circular], 'in each other': [deep], toJSON: [{ toJSON() {} }],
    'is a symbol': [{ [Symbol('key')]: 1 }], 'the key constructor': [{ constructor: 1 }], 'the key prototype': [{ prototype: 1 }],
    'the key __proto__': [JSON.parse('{"__proto__":{"x":1}}')], 'no such luck': [{ get a() { throw new Error('no such luck'); } }],
  };
  for (const [what, list] of Object.entries(values)) {
    for (const value of list) {
      const names = (error) => error.name === 'MillraceError' && error.code === 'invalid-argument' && error.message.includes(what);
      assert.throws(() => encodeData(value), names, what);
      // The value alone may be treated in another way than the same value within others.
      assert.throws(() => encodeData([{ value }]), names, `within: ${what}`);
    }
  }
  for (const view of [new Float32Array(2), new ArrayBuffer(2)]) assert.throws(() => encodeData({ view }), invalid);
  for (const value of [detached, viewOfDetached]) assert.throws(() => encodeData(value), invalid);
  // Tags that lie do not make an ArrayBuffer.
  assert.throws(() => encodeData(Object.assign(Object.create({ [Symbol.toStringTag]: 'ArrayBuffer' }), { a: 1 })), invalid);
});

test('at most 64 KiB once encoded, in every form', () => {
  const forms = {
    string: (bytes) => 'x'.repeat(bytes),
    wide: (bytes) => 'ü'.repeat(Math.floor(bytes / 2)) + 'x'.repeat(bytes % 2),
    bytes: (bytes) => new Uint8Array(bytes),
    buffer: (bytes) => new ArrayBuffer(bytes),
    JSON: (bytes) => (bytes < 4 ? Number('1'.repeat(Math.max(1, bytes))) : ['x'.repeat(bytes - 4)]),
  };
  for (const [name, make] of Object.entries(forms)) {
    for (const bytes of [0, 1, limit - 1, limit]) {
      const encoded = encodeData(make(bytes));
      if (bytes > 0 || name !== 'JSON') assert.equal(encoded.length, 1 + bytes, `${name} of ${bytes}`);
      assert.deepEqual(decodeData(encoded), make(bytes), `${name} of ${bytes}`);
    }
    for (const bytes of [limit + 1, 2 * limit]) {
      assert.throws(() => encodeData(make(bytes)), tooLarge, `${name} of ${bytes}`);
      assert.equal(decodeData(new Uint8Array(1 + bytes).fill(0x20, 1)), undefined);
    }
  }
  // Far too large: refused before anything of that size is made.
  const row = Array.from({ length: 1_000 }, () => 'x'.repeat(1_000));
  const large = Array.from({ length: 1_000 }, () => row);
  const before = performance.now();
  for (const value of [large, { a: large }, 'x'.repeat(2 ** 28), new Array(1e9)]) assert.throws(() => encodeData(value), tooLarge);
  assert.ok(performance.now() - before < 1_000);
});

test('invalid data is none, and nothing reaches a prototype', () => {
  const json = (text) => decodeData(new TextEncoder().encode(`\u0000${text}`));
  for (const text of ['', '{', '{"__proto__":{"x":1}}', '[{"a":{"constructor":1}}]', '{"prototype":null}', '{"\\u005f_proto__":1}', 'NaN', '\ufeff1']) {
    assert.equal(json(text), undefined, text);
  }
  assert.deepEqual(json('{"a":"\\\\"}'), { a: '\\' });
  assert.equal(decodeData(new Uint8Array()), undefined);
  assert.equal(decodeData(Uint8Array.of(3 + Views.length, 1)), undefined);
  for (const type of [0, 1]) assert.equal(decodeData(Uint8Array.of(type, 0x22, 0xff, 0x22)), undefined);
  for (const [index, View] of Views.entries()) {
    const size = View.BYTES_PER_ELEMENT ?? 1;
    for (let bytes = 0; bytes <= 2 * size; bytes += 1) {
      const decoded = decodeData(new Uint8Array(1 + bytes).fill(3 + index, 0, 1));
      assert.equal(decoded === undefined, bytes % size !== 0, `${View.name} of ${bytes} bytes`);
    }
  }
  assert.equal({}.x, undefined);
});
