// The sessions between agents of a mesh over real WebRTC: secrets, failures, offers and files.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { transform } from 'esbuild';
import { MeshRoom, RTCPeerConnection, secret, until, untilConnected } from './support/agents.mjs';

const bytes = new Uint8Array(100_000).fill(7);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A stack whose first `failures` connections fail at once; the ones after that are real. */
function failing(failures) {
  let left = failures;
  return class extends RTCPeerConnection {
    createDataChannel(...args) {
      left -= 1;
      if (left >= 0) throw new Error('no channel today');
      return super.createDataChannel(...args);
    }
  };
}

test('an agent with another secret is tried once, and every page hears of it', async (t) => {
  const room = new MeshRoom(t);
  const meshes = await room.enterAll(['a', 'b', 'c'], { c: { secret: secret.toUpperCase() } });
  const [a, , c] = meshes;
  const refused = () => meshes.flatMap((mesh) => mesh.refused);
  await until(() => refused().length === 4, () => `refused: ${refused()}`);
  const code = 'authentication-failed';
  assert.deepEqual(refused().sort(), [`a c ${code}`, `b c ${code}`, `c a ${code}`, `c b ${code}`]);
  await until(() => a.connected.includes('b'), () => 'a and b are not connected');

  const [entry] = c.log.filter(({ event }) => event === 'connection_failed');
  assert.deepEqual([entry.code, entry.final], [code, true]);
  assert.match(entry.detail, /./);
  await assert.rejects(c.sendFiles('a', bytes), { code });

  // Nothing is said between them any more, and those with the secret are not disturbed.
  const before = room.pairMessages('c');
  assert.ok(before < 120, `${before} messages`);
  await wait(3_000);
  assert.equal(room.pairMessages('c'), before);
  await a.send('b', 'still here');
});

test('a failed attempt is logged, and both sides pause longer before each next one', async (t) => {
  const room = new MeshRoom(t);
  const meshes = await room.enterAll(['a', 'b'], { a: { RTCPeerConnection: failing(2) }, b: { RTCPeerConnection: failing(2) } });
  await untilConnected(meshes, 1, 60);
  for (const { agentId, log } of meshes) {
    const failures = log.filter(({ event }) => event === 'connection_failed');
    assert.ok(failures.length >= 2 && failures.every(({ final }) => !final));
    assert.ok(failures.some(({ code, detail }) => code === 'connection-failed' && /no channel today/.test(detail)));
    const times = [...failures, log.find(({ event }) => event === 'agent_connected')].map(({ at }) => at);
    const pauses = times.slice(1).map((at, index) => Math.round(at - times[index]));
    const least = [1_000, 2_000, 4_000, 5_000];
    for (const [index, pause] of pauses.entries()) assert.ok(pause >= 0.9 * (least[index] ?? 5_000), `pauses of ${agentId}: ${pauses} ms`);
  }
  await meshes[1].send('a', 'here now');
});

test('an agent that begins and leaves again and again is answered after the pauses', async (t) => {
  const room = new MeshRoom(t);
  const a = await room.enter('a');
  const member = room.join();
  const self = { id: 'm', incarnation: '0123456789abcdef' };
  const attempts = [];
  const say = (to, body) => member.send({ millrace: 1, mesh: 1, kind: 'pair', from: self, to, body: { millrace: 1, from: 'f'.repeat(32), ...body } });
  let greeting;
  t.after(() => clearInterval(greeting));
  member.onmessage = ({ kind, from, body }) => {
    if (kind !== 'pair') return;
    greeting ??= setInterval(() => say(from, { type: 'hello' }), 50);
    if (body.type === 'hello') say(from, { type: 'hello', to: body.from });
    if (body.type !== 'pair') return;
    attempts.push(performance.now());
    say(from, { type: 'paired', to: body.from });
    say(from, { type: 'bye', to: body.from });
  };
  member.send({ millrace: 1, mesh: 1, kind: 'room', message: { type: 'here', agents: [{ ...self, capacity: 0 }], asks: true, settled: true, to: '' } });
  await until(() => attempts.length === 3, () => `${attempts.length} attempts`);
  const failures = a.log.filter(({ event }) => event === 'connection_failed');
  assert.deepEqual([failures[0].code, failures[0].final], ['connection-lost', false]);
  const pauses = attempts.slice(1).map((at, index) => Math.round(at - failures[index].at));
  assert.ok(pauses[0] >= 900 && pauses[1] >= 1_900, `pauses: ${pauses} ms`);
});

test('callers that wait for a connection fail when the mesh closes, or the agent leaves', async (t) => {
  const room = new MeshRoom(t);
  const options = { b: { RTCPeerConnection: failing(Infinity) } };
  const [a, b] = await room.enterAll(['a', 'b'], options);
  await until(() => a.agents.includes('b') && b.agents.includes('a'), () => 'they do not know each other');
  const began = performance.now();
  const closing = assert.rejects(b.sendFiles('a', bytes), { code: 'closed' });
  const left = assert.rejects(a.sendFiles('b', bytes), { code: 'connection-lost' });
  await wait(50);
  await b.close();
  await Promise.all([closing, left]);
  assert.ok(performance.now() - began < 5_000);
});

test('offers wait until somebody listens', async (t) => {
  const room = new MeshRoom(t);
  const [a, b] = await room.enterAll(['a', 'b']);
  await untilConnected([a, b]);
  const transfers = [];
  for (const name of ['one', 'two']) transfers.push(await a.sendFiles('b', bytes, { name }));
  await wait(500);
  assert.deepEqual(transfers.map(({ state }) => state), ['offered', 'offered']);

  const names = [];
  b.onincoming = (offer, from) => {
    names.push(`${from} ${offer.files[0].name}`);
    offer.accept({ sink: 'memory' });
  };
  await until(() => names.length === 2, () => `offered: ${names}`);
  await Promise.all(transfers.map(({ done }) => done));
  assert.deepEqual(names, ['a one', 'a two']);

  // As the listener of an event, too; and the property does not listen any more.
  b.onincoming = null;
  const third = await a.sendFiles('b', bytes, { name: 'three' });
  await wait(500);
  assert.equal(third.state, 'offered');
  b.addEventListener('incoming', ({ offer, agent }) => {
    names.push(`${agent} ${offer.files[0].name}`);
    offer.accept({ sink: 'memory' });
  });
  await until(() => names.length === 3, () => `offered: ${names}`);
  await third.done;
  assert.equal(names[2], 'a three');
});

test('a connection that was made for a file ends after it', async (t) => {
  const room = new MeshRoom(t);
  const hub = (capacity) => ({ topology: 'hub', capacity });
  const meshes = await room.enterAll(['a', 'b', 'c', 'd'], { a: hub(9_000), b: hub(8_000), c: hub(1), d: hub(1) });
  const [a, b, c, d] = meshes;
  await until(() => c.connected.length === 2 && d.connected.length === 2, () => `${c.connected} and ${d.connected}`);
  d.onincoming = (offer) => void offer.accept({ sink: 'memory' });

  const first = await c.sendFiles('d', bytes);
  assert.ok(c.connected.includes('d'));
  await first.done;
  // The next one goes over the same connection.
  await wait(3_000);
  const before = room.pairMessages('c', 'd');
  await (await c.sendFiles('d', bytes)).done;
  await wait(3_000);
  assert.equal(room.pairMessages('c', 'd'), before);
  assert.ok(c.connected.includes('d'));

  await until(() => !c.connected.includes('d') && !d.connected.includes('c'), () => `still connected: c to ${c.connected}, d to ${d.connected}`, 10);
  await wait(3_000);
  assert.ok(!c.connected.includes('d') && !d.connected.includes('c'));
  // And it is made again for the next one.
  await (await c.sendFiles('d', bytes)).done;
  await Promise.all([a, b].map((mesh) => mesh.send('d', 'hello')));
});

test('a message is acknowledged although the listener throws', async (t) => {
  const room = new MeshRoom(t);
  const [a, b] = await room.enterAll(['a', 'b']);
  const reported = [];
  process.setUncaughtExceptionCaptureCallback(({ message }) => reported.push(message));
  t.after(() => process.setUncaughtExceptionCaptureCallback(null));
  b.onmessage = ({ payload }) => {
    throw new Error(payload);
  };
  await a.send('b', 'one');
  await a.send('b', 'two');
  await until(() => reported.length === 2, () => `reported: ${reported}`);
  assert.deepEqual(reported, ['one', 'two']);
});

test('what a user of the package writes by the declarations runs', async (t) => {
  const root = new URL('../../', import.meta.url);
  const { code } = await transform(await readFile(new URL('scripts/lib/consumer.ts', root)), { loader: 'ts', format: 'esm' });
  // The declarations have another name than the module.
  const text = code.replaceAll('../../dist/', new URL('dist/', root).href).replace('/dist/index.js', '/dist/millrace.js');
  const { talk } = await import(`data:text/javascript,${encodeURIComponent(text)}`);

  const room = new MeshRoom(t);
  const messages = [];
  const received = [];
  const talking = talk({ agentId: 'ada', signaling: room.join(), secret, rtc: { iceServers: [] }, RTCPeerConnection }, 'bob', new File([bytes], 'file'));
  const bob = await room.enter('bob');
  bob.onmessage = ({ payload }) => messages.push(payload);
  bob.onincoming = (offer) => received.push(offer.accept({ sink: 'memory' }).done);
  assert.equal(await talking, 2);
  assert.deepEqual(messages, [{ hello: [1, 'two', null] }, new Uint8Array(3)]);
  assert.equal((await received[0]).bytes, bytes.length);
});
