// The small helpers that every folder of the package shares.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { collect, fromBase64Url, isRecord, messageOf, namesLike, randomBase64Url, randomHex, reportException, toBase64Url, toError, toHex } = await bundle(`
  export { collect, fromBase64Url, toBase64Url, toHex } from './base/bytes.ts';
  export { randomBase64Url, randomHex } from './base/ids.ts';
  export { isRecord } from './base/is_record.ts';
  export { reportException } from './base/report_exception.ts';
  export { messageOf } from './base/message_of.ts';
  export { namesLike } from './base/unique_name.ts';
  export { toError } from './api/errors.ts';
`);

test('base64url and hexadecimal digits agree with Node.js for every length', () => {
  for (let length = 0; length < 70; length += 1) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    assert.equal(toBase64Url(bytes), Buffer.from(bytes).toString('base64url'));
    assert.equal(toHex(bytes), Buffer.from(bytes).toString('hex'));
    assert.deepEqual(fromBase64Url(toBase64Url(bytes)), bytes);
  }
  // More than a call takes as arguments.
  const many = new Uint8Array(500_000).fill(251);
  assert.deepEqual(fromBase64Url(toBase64Url(many)), many);
});

test('text that is not base64url has no bytes', () => {
  for (const text of ['A', 'AAAAA', 'AA==', 'A+/A', 'AA A', 'AAÄA', '#']) assert.equal(fromBase64Url(text), undefined, text);
});

test('collect gives all bytes of a stream, or cancels it at the limit', async () => {
  let cancelled = false;
  const stream = () =>
    new ReadableStream({
      pull(controller) {
        controller.enqueue(Uint8Array.of(1, 2, 3));
        if ((this.count = (this.count ?? 0) + 1) === 4) controller.close();
      },
      cancel: () => void (cancelled = true),
    }, { highWaterMark: 0 });
  assert.deepEqual([...(await collect(stream(), 12))], [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
  assert.equal(cancelled, false);
  assert.equal(await collect(stream(), 11), undefined);
  assert.equal(await collect(stream(), 5), undefined);
  assert.equal(cancelled, true);
  await assert.rejects(collect(new ReadableStream({ pull: () => Promise.reject(new Error('gone')) }), 5), /gone/);
});

test('identifiers are as long as asked for and differ', () => {
  assert.match(randomHex(8), /^[0-9a-f]{16}$/);
  assert.match(randomBase64Url(16), /^[A-Za-z0-9_-]{22}$/);
  assert.equal(new Set(Array.from({ length: 100 }, () => randomHex(8))).size, 100);
});

test('a taken name gets its number before the extension', () => {
  const first = (name, count) => {
    const names = namesLike(name);
    return Array.from({ length: count }, () => names.next().value);
  };
  assert.deepEqual(first('a.txt', 3), ['a.txt', 'a (2).txt', 'a (3).txt']);
  assert.deepEqual(first('a.tar.gz', 2), ['a.tar.gz', 'a.tar (2).gz']);
  assert.deepEqual(first('.profile', 2), ['.profile', '.profile (2)']);
  assert.deepEqual(first('folder', 2), ['folder', 'folder (2)']);
  assert.equal([...namesLike('a')].length, 10_000);
  assert.deepEqual(first(`${'x'.repeat(251)}.txt`, 2), [`${'x'.repeat(251)}.txt`, `${'x'.repeat(247)} (2).txt`]);
  // An emoji is not cut, and a dot long before the end begins no extension.
  assert.deepEqual(first('\u{1f469}\u{1f3fd}\u200d\u{1f52c}'.repeat(17), 2)[1], `${'\u{1f469}\u{1f3fd}\u200d\u{1f52c}'.repeat(16)} (2)`);
  assert.deepEqual(first(`a.${'b'.repeat(60)}`, 2)[1], `a.${'b'.repeat(60)} (2)`);
});

test('what can be read field by field, and what was caught', () => {
  for (const value of [{}, [], new Date()]) assert.equal(isRecord(value), true);
  for (const value of [null, undefined, 'text', 7, () => {}]) assert.equal(isRecord(value), false);
  assert.equal(messageOf(new TypeError('no')), 'no');
  assert.equal(messageOf(7), '7');
});

test('a code outside the list becomes the other one, and stays readable', () => {
  const known = toError('timeout', 'after 3 s', 'peer-error');
  assert.deepEqual([known.code, known.explanation], ['timeout', 'after 3 s']);
  const unknown = toError('sulking', 'again', 'peer-error');
  assert.deepEqual([unknown.code, unknown.explanation], ['peer-error', 'sulking: again']);
  assert.equal(toError('constructor', '', 'internal').explanation, 'constructor');
});

test('an exception of a listener is reported as an uncaught one, and its caller goes on', async () => {
  const reported = new Promise((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
  const exception = new Error('of a listener');
  reportException(exception);
  assert.equal(await reported, exception);
  process.setUncaughtExceptionCaptureCallback(null);

  const told = [];
  globalThis.reportError = (caught) => told.push(caught);
  reportException(exception);
  delete globalThis.reportError;
  assert.deepEqual(told, [exception]);
});
