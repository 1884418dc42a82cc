// The loader of the WebAssembly modules (web/wasm/load.ts): each file is compiled once, and a failure is not kept.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { afterEach, beforeEach, test } from 'node:test';
import { closePair, connectedPair, EngineSide } from './support/engine_pair.mjs';
import { Room } from './support/room.mjs';
import { bundle } from './support/web_module.mjs';

const { loadWasm } = await bundle(`export { loadWasm } from './wasm/load.ts';`);
const glue = () => import('../../dist/millrace_core.js');
const file = new URL('../../dist/millrace_core.wasm', import.meta.url);
const bytes = await readFile(file);

// The first use of Node.js's own fetch compiles a module, which does not count.
await fetch('http://127.0.0.1:9/').catch(() => {});

const { compile, compileStreaming } = WebAssembly;
let compilations = 0;

beforeEach(() => {
  compilations = 0;
  WebAssembly.compile = (source) => {
    compilations += 1;
    return compile(source);
  };
  WebAssembly.compileStreaming = (source) => {
    compilations += 1;
    return compileStreaming(source);
  };
});

afterEach(() => Object.assign(WebAssembly, { compile, compileStreaming }));

/** Serves the core as `answers` say, one each time and the last one for ever. */
async function serve(t, ...answers) {
  let requests = 0;
  const server = createServer((_, response) => {
    const { status = 200, type = 'application/wasm', body = bytes } = answers[Math.min(requests, answers.length - 1)];
    requests += 1;
    response.writeHead(status, { 'Content-Type': type }).end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return new URL(`http://127.0.0.1:${server.address().port}/core.wasm`);
}

test('instances of one file are compiled once and have memory of their own', async () => {
  const together = await Promise.all([loadWasm(file, glue), loadWasm(file, glue)]);
  const cores = [...together, await loadWasm(file, glue)];
  assert.equal(compilations, 1);
  assert.equal(new Set(cores.map(({ HEAPU8 }) => HEAPU8.buffer)).size, 3);
  for (const core of cores) assert.ok(core.handshakeEntropyBytes() > 0);
});

test('a file that comes from a server is compiled once, whatever its type is called', async (t) => {
  for (const type of ['application/wasm', 'application/octet-stream', 'application/wasm; charset=utf-8']) {
    compilations = 0;
    const url = await serve(t, { type });
    await Promise.all([loadWasm(url, glue), loadWasm(url, glue)]);
    assert.equal(compilations, 1, type);
  }
});

test('a load that failed is tried again, and rejects with the reason', async (t) => {
  const url = await serve(t, { status: 503, body: '' }, { body: 'no module' }, {});
  await assert.rejects(loadWasm(url, glue), /503/);
  await assert.rejects(loadWasm(url, glue), WebAssembly.CompileError);
  const core = await loadWasm(url, glue);
  assert.ok(core.handshakeEntropyBytes() > 0);
  await loadWasm(url, glue);
  assert.equal(compilations, 2);
});

test('JavaScript that cannot be loaded, and a module that does not fit it, reject', async () => {
  await assert.rejects(loadWasm(file, () => import('./there_is_no_such_file.mjs')), { code: 'ERR_MODULE_NOT_FOUND' });
  await assert.rejects(loadWasm(file, () => import('../../dist/millrace_sodium.js')), WebAssembly.LinkError);
});

test('all sessions of an engine share one compiled core, and none compiles a core that it is given', async () => {
  const module = await compile(bytes);
  const given = await connectedPair();
  const first = compilations;
  await closePair(given);
  assert.ok(first <= 1, `${first} compilations for two sessions`);
  await closePair(await connectedPair());
  assert.equal(compilations, first);
  // A copy of the engine that has compiled nothing yet, as in a new worker.
  const { Engine } = await import('../../dist/engine.js?new');
  const side = new EngineSide(0, Engine);
  side.post({ type: 'core', module });
  side.start();
  side.post({ type: 'check' });
  await new Promise((resolve) => setTimeout(resolve, 100));
  side.post({ type: 'close', code: 'closed', detail: '' });
  await side.until('released');
  assert.equal(compilations, first);
});

test('parts, meshes and libsodium compile once each', async () => {
  globalThis.navigator ??= {};
  await (await import('../../dist/parts.js?new')).ready;
  assert.equal(compilations, 1);
  const sodium = await import('../../dist/sodium.js?new');
  await sodium.ready;
  assert.equal(compilations, 2);
  const { createMesh } = await import('../../dist/mesh.js?new');
  const meshes = await Promise.all(['a', 'b'].map((agentId) => createMesh({ agentId, signaling: new Room().join() })));
  assert.equal(compilations, 3);
  await Promise.all(meshes.map((mesh) => mesh.close()));
});
