// The secret of a transfer's token depends on samples of what is sent.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { contentSecret } = await bundle(`export { contentSecret } from './sources/content_secret.ts';`);

const secret = new Uint8Array(16).fill(3);
const MiB = 1024 * 1024;
const sourceOf = (bytes) => ({ info: {}, body: new Blob([bytes]) });
const secretOf = async (...files) => Buffer.from(await contentSecret(secret, files.map(sourceOf))).toString('hex');

test('the same contents have the same secret, of the same length, and other contents or another origin another one', async () => {
  const bytes = randomBytes(3 * MiB + 5);
  const found = await secretOf(bytes);
  assert.equal(found.length, 32);
  assert.equal(await secretOf(Buffer.from(bytes)), found);
  // The beginning, the end, and what lies between.
  for (const at of [0, 4_095, Math.floor((bytes.length - 4_096) / 15), bytes.length - 4_096, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed[at] ^= 1;
    assert.notEqual(await secretOf(changed), found, `byte ${at}`);
  }
  const elsewhere = await contentSecret(new Uint8Array(16).fill(4), [sourceOf(bytes)]);
  assert.notEqual(Buffer.from(elsewhere).toString('hex'), found);
});

test('a file among many counts if it is one of the eight largest, and at least 1 MiB long', async () => {
  assert.equal(contentSecret(secret, [sourceOf(new Uint8Array(MiB - 1)), sourceOf(new Uint8Array())]), undefined);
  assert.equal(contentSecret(secret, [{ info: {}, body: new ReadableStream() }]), undefined);
  const large = Array.from({ length: 8 }, (_, index) => new Uint8Array(2 * MiB + index).fill(index));
  const found = await secretOf(...large);
  assert.equal(await secretOf(new Uint8Array(MiB).fill(9), ...large), found);
  assert.notEqual(await secretOf(new Uint8Array(3 * MiB).fill(9), ...large), found);
});

test('contents that cannot be read are an error of the caller to handle', async () => {
  class Gone extends Blob {
    get size() {
      return 2 * MiB;
    }

    slice() {
      throw new DOMException('it was removed', 'NotFoundError');
    }
  }
  await assert.rejects(contentSecret(secret, [{ info: {}, body: new Gone() }]), { name: 'NotFoundError' });
});
