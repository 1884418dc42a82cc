// millrace/sodium as a chunk of its own, and as something to import.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import * as peer from 'libsodium-wrappers';

const dist = (name) => new URL(`../../dist/${name}`, import.meta.url);

test('nothing that transfers load asks for it', async () => {
  for (const file of ['millrace.js', 'engine.js', 'worker.js', 'signaling.js', 'millrace_core.js', 'demo/demo.js']) {
    assert.ok(!(await readFile(dist(file), 'utf8')).includes('sodium.'), file);
  }
  assert.ok((await readFile(dist('sodium.js'), 'utf8')).includes('millrace_sodium.'));
});

test('before it is ready a call says so, and what needs no libsodium works', async () => {
  const { default: sodium } = await import('../../dist/sodium.js?fresh');
  assert.throws(() => sodium.crypto_generichash(32, 'message'), { name: 'Error', message: /await sodium\.ready/ });
  assert.throws(() => sodium.from_hex('00'), /await sodium\.ready/);
  assert.throws(() => sodium.crypto_sign_init(), /await sodium\.ready/);
  assert.equal(sodium.to_hex(sodium.from_string('hi')), '6869');
  assert.equal(sodium.crypto_box_NONCEBYTES, 24);
  await sodium.ready;
  assert.equal(sodium.crypto_generichash(32, 'message').length, 32);
});

test('a build that cannot be loaded rejects ready', async () => {
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = () => Promise.reject(new Error('no'));
  try {
    const { ready } = await import('../../dist/sodium.js?broken');
    await assert.rejects(ready);
  } finally {
    WebAssembly.instantiate = instantiate;
  }
});

test('what libsodium-wrappers exports by name is exported by name', async () => {
  const module = await import('../../dist/sodium.js');
  const names = Object.keys(peer).filter((name) => !['libsodium', 'module.exports', 'default'].includes(name));
  for (const name of names) assert.equal(module[name], name === 'ready' ? module.ready : module.default[name], name);
  assert.ok(names.length > 10 && typeof module.ready.then === 'function');
  assert.deepEqual(module.symbols(), Object.keys(module.default).sort());
});
