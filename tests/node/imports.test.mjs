// Importing an entry point does nothing, and what it offers loads on first use.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const dist = (name) => new URL(`../../dist/${name}.js`, import.meta.url).href;

/** The output of a module in a process of its own, which has to end by itself. */
async function runModule(code, flags = []) {
  const { stdout } = await run(process.execPath, [...flags, '--unhandled-rejections=strict', '--input-type=module', '-e', code], { timeout: 20_000 });
  return JSON.parse(stdout);
}

const outcome = "const outcome = (promise) => promise.then(() => 'resolved', (error) => error.code ?? String(error));";

for (const name of ['millrace', 'parts', 'signaling', 'mesh', 'sodium']) {
  test(`import of ${name}: no WebAssembly, no request, no global, no rejection`, async () => {
    const happened = await runModule(`
      const called = [];
      const note = (owner, name) => {
        const original = owner[name];
        owner[name] = function (...args) { called.push(name); return original.apply(this, args); };
      };
      for (const name of ['compile', 'compileStreaming', 'instantiate', 'instantiateStreaming', 'validate']) note(WebAssembly, name);
      for (const name of ['fetch', 'setTimeout', 'setInterval', 'addEventListener', 'queueMicrotask']) if (globalThis[name]) note(globalThis, name);
      const before = Object.getOwnPropertyNames(globalThis).length;
      await import(${JSON.stringify(dist(name))});
      await new Promise(setImmediate);
      console.log(JSON.stringify({ called, globals: Object.getOwnPropertyNames(globalThis).length - before }));
    `);
    assert.deepEqual(happened, { called: [], globals: 0 });
  });
}

test('parts: formatting needs no WebAssembly; the rest says that `ready` comes first', async () => {
  const found = await runModule(`
    let compiled = 0;
    const { compile } = WebAssembly;
    WebAssembly.compile = (bytes) => { compiled += 1; return compile(bytes); };
    const parts = await import(${JSON.stringify(dist('parts'))});
    const early = [() => new parts.ChunkSizer(), () => parts.waterMarks.measured, () => parts.profileLimits('mobile')].map((call) => {
      try { return call(); } catch (error) { return error.message; }
    });
    const text = parts.formatBytes(1500);
    const before = compiled;
    await Promise.all([parts.ready, parts.ready]);
    const { high, low } = parts.waterMarks.measured;
    console.log(JSON.stringify({ early, text, before, after: compiled, chunk: new parts.ChunkSizer().chunkSize, high, low, presets: Object.keys(parts.waterMarks) }));
  `);
  for (const message of found.early) assert.match(message, /^invalid-argument: .*`await ready`/);
  assert.deepEqual({ ...found, early: null }, {
    early: null, text: '1.5 kB', before: 0, after: 1, chunk: 65_536, high: 1_048_576, low: 262_144,
    presets: ['prescribed', 'event-driven', 'deep', 'measured'],
  });
});

test('sodium: `ready` is a promise in every way that its users know', async () => {
  const versions = await runModule(`
    const { default: sodium, ready } = await import(${JSON.stringify(dist('sodium'))});
    await Promise.all([sodium.ready, ready.then(() => {}), new Promise((resolve, reject) => sodium.ready.then(resolve, reject)), Promise.resolve(ready)]);
    let ended = 0;
    await sodium.ready.finally(() => (ended += 1));
    await sodium.ready.catch(() => (ended += 1));
    console.log(JSON.stringify([ended, sodium.SODIUM_VERSION_STRING, sodium.to_hex(sodium.crypto_generichash(16, 'a')).length]));
  `);
  assert.deepEqual(versions, [1, '1.0.22', 32]);
});

test('where a file does not load, `ready` rejects, and the next wait tries again', async () => {
  const outcomes = await runModule(`
    ${outcome}
    const { compile } = WebAssembly;
    WebAssembly.compile = () => Promise.reject(new Error('no such file'));
    const { ready } = await import(${JSON.stringify(dist('parts'))});
    const first = await Promise.all([outcome(ready), outcome(ready)]);
    WebAssembly.compile = compile;
    console.log(JSON.stringify([...first, await outcome(ready)]));
  `);
  assert.deepEqual(outcomes, ['internal', 'internal', 'resolved']);
});

// V8 has SIMD on every other kind of processor.
test("without WebAssembly SIMD, everything is 'not-supported' at once", { skip: process.arch !== 'x64' }, async () => {
  const codes = await runModule(
    `
    ${outcome}
    const { connect } = await import(${JSON.stringify(dist('millrace'))});
    const [parts, sodium, mesh] = await Promise.all(${JSON.stringify(['parts', 'sodium', 'mesh'].map(dist))}.map((file) => import(file)));
    class RTCPeerConnection { close() {} }
    const signaling = () => ({ send() {}, onmessage: null });
    const connecting = connect({ signaling: signaling(), RTCPeerConnection, rtc: { iceServers: [] } });
    const meshing = mesh.createMesh({ agentId: 'a', signaling: signaling(), RTCPeerConnection });
    console.log(JSON.stringify(await Promise.all([connecting, parts.ready, sodium.ready, meshing].map(outcome))));
    process.exit();
    `,
    ['--no-enable-sse4-1'],
  );
  assert.deepEqual(codes, ['not-supported', 'not-supported', 'not-supported', 'not-supported']);
});
