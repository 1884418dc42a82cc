import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { bundle } from './support/web_module.mjs';

// Node.js 20 has no WebSocket of its own; this one has the browser's interface.
globalThis.WebSocket ??= WebSocket;
const { webSocketSignaling } = await bundle("export { webSocketSignaling } from './signaling/websocket.ts';");

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
await once(server, 'listening');
const address = `ws://127.0.0.1:${server.address().port}/signal?room=r`;
after(() => server.close());

function nextSocket() {
  return once(server, 'connection').then(([socket]) => socket);
}

test('messages sent before the socket is open arrive in order', async () => {
  const connected = nextSocket();
  const signaling = webSocketSignaling(new URL(address));
  signaling.send({ n: 1 });
  signaling.send({ n: 2 });
  const socket = await connected;
  const received = [];
  await new Promise((resolve) => {
    socket.on('message', (data) => {
      received.push(JSON.parse(data.toString()).n);
      if (received.length === 2) resolve();
    });
  });
  assert.deepEqual(received, [1, 2]);
  const closed = once(socket, 'close');
  signaling.close();
  await closed;
});

test('a goodbye does not wait for the answer to a probe', async () => {
  const connected = nextSocket();
  const signaling = webSocketSignaling(address);
  const socket = await connected;
  const received = [];
  socket.on('message', (data) => received.push(JSON.parse(data.toString()).type));
  const closed = once(socket, 'close');
  const opened = new Promise((resolve) => (signaling.onopen = resolve));
  await opened;
  socket.send('{"millrace":1,"type":"alive"}');
  socket.send('{"type":"after"}');
  await new Promise((resolve) => (signaling.onmessage = resolve));
  signaling.reopen();
  signaling.send({ type: 'bye' });
  signaling.close();
  await closed;
  assert.deepEqual(received, ['probe', 'bye']);
});

test('messages that are not JSON text are ignored, all others are delivered', async () => {
  const connected = nextSocket();
  const signaling = webSocketSignaling(address);
  const socket = await connected;
  const delivered = new Promise((resolve) => (signaling.onmessage = resolve));
  socket.send('{');
  socket.send(Buffer.from([1, 2, 3]));
  socket.send(JSON.stringify({ long: 'x'.repeat(70_000) }));
  socket.send('{"good":true}');
  assert.deepEqual(await delivered, { good: true });
  signaling.close();
});

test('a message over 64 KiB throws too-large', () => {
  const signaling = webSocketSignaling(address);
  assert.throws(() => signaling.send({ text: 'ä'.repeat(40_000) }), { code: 'too-large' });
  signaling.close();
});

test('a socket that closes is a signaling-failed, also for a later listener', async () => {
  const connected = nextSocket();
  const signaling = webSocketSignaling(address);
  const socket = await connected;
  const failed = new Promise((resolve) => (signaling.onerror = resolve));
  socket.close(4001, 'room is full');
  const error = await failed;
  assert.equal(error.code, 'signaling-failed');
  assert.match(error.message, /4001 room is full/);
  let late;
  signaling.onerror = (again) => (late = again);
  assert.equal(late, error);
});

test('a server that is not there is a signaling-failed', async () => {
  const gone = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(gone, 'listening');
  const { port } = gone.address();
  await new Promise((resolve) => gone.close(resolve));
  const signaling = webSocketSignaling(`ws://127.0.0.1:${port}/signal?room=r`);
  const error = await new Promise((resolve) => (signaling.onerror = resolve));
  assert.equal(error.code, 'signaling-failed');
});

test('closing it is no failure', async () => {
  const connected = nextSocket();
  const signaling = webSocketSignaling(address);
  const socket = await connected;
  const errors = [];
  signaling.onerror = (error) => errors.push(error);
  const closed = once(socket, 'close');
  signaling.close();
  await closed;
  assert.deepEqual(errors, []);
});

test('an invalid address throws invalid-argument', () => {
  assert.throws(() => webSocketSignaling('no address'), { code: 'invalid-argument' });
});

test('a socket that closed is opened again when the session needs it, and not after close', async () => {
  const first = nextSocket();
  const signaling = webSocketSignaling(address);
  const failed = new Promise((resolve) => (signaling.onerror = resolve));
  signaling.send({ n: 1 });
  (await first).close(1001);
  assert.equal((await failed).code, 'signaling-failed');

  const second = nextSocket();
  signaling.reopen();
  signaling.send({ n: 2 });
  signaling.reopen(); // It is open, or about to be.
  const socket = await second;
  const [data] = await once(socket, 'message');
  assert.deepEqual(JSON.parse(data.toString()), { n: 2 });
  const heard = new Promise((resolve) => (signaling.onmessage = resolve));
  socket.send('{"n":3}');
  assert.deepEqual(await heard, { n: 3 });

  const closed = once(socket, 'close');
  signaling.close();
  await closed;
  const clients = server.clients.size;
  signaling.reopen();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(server.clients.size <= clients);
});

/** A signalling and its socket at the server. */
async function connected() {
  const connection = nextSocket();
  const signaling = webSocketSignaling(address);
  return { signaling, socket: await connection };
}

/** The next request that arrives at the server. */
async function nextRequest(socket) {
  return JSON.parse(String((await once(socket, 'message'))[0]));
}

test('ICE servers come from the server over the socket, once for all that ask while they are fresh', async () => {
  const { signaling, socket } = await connected();
  const messages = [];
  signaling.onmessage = (message) => messages.push(message);
  const asked = Promise.all([signaling.iceServers(), signaling.iceServers()]);
  const { id, ...request } = await nextRequest(socket);
  assert.deepEqual(request, { millrace: 1, type: 'ice' });
  // Another member does not know the id, and its message is one like any other.
  socket.send(JSON.stringify({ millrace: 1, type: 'ice', id: 'guessed', iceServers: [{ urls: 'turn:evil' }], ttlSeconds: 600 }));
  socket.send(JSON.stringify({ millrace: 1, type: 'ice', id, iceServers: [{ urls: 'turn:good' }], ttlSeconds: 600 }));
  const expected = { iceServers: [{ urls: 'turn:good' }] };
  assert.deepEqual(await asked, [expected, expected]);
  assert.deepEqual(messages.map((message) => message.id), ['guessed']);
  assert.deepEqual(await signaling.iceServers(), expected);
  signaling.close();
  assert.deepEqual(await signaling.iceServers(), expected);
});

test('ICE servers are asked for again once half of their time is over', async () => {
  const { signaling, socket } = await connected();
  for (const urls of ['turn:first', 'turn:second']) {
    const asked = signaling.iceServers();
    const { id } = await nextRequest(socket);
    socket.send(JSON.stringify({ millrace: 1, type: 'ice', id, iceServers: [{ urls }], ttlSeconds: 0.1 }));
    assert.deepEqual(await asked, { iceServers: [{ urls }] });
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  signaling.close();
});

test('a refusal, a server that only forwards and a lost socket give no ICE servers, or the last ones known', async () => {
  const none = { iceServers: [] };
  const { signaling, socket } = await connected();
  const refused = signaling.iceServers();
  const { id } = await nextRequest(socket);
  socket.send(JSON.stringify({ millrace: 1, type: 'ice', id }));
  assert.deepEqual(await refused, none);

  const started = performance.now();
  assert.deepEqual(await signaling.iceServers(), none);
  const waited = performance.now() - started;
  assert.ok(waited > 1_900 && waited < 4_000, String(waited));
  // It is not asked a second time: each lane would wait.
  let requests = 0;
  socket.on('message', () => (requests += 1));
  const again = performance.now();
  assert.deepEqual(await signaling.iceServers(), none);
  assert.ok(performance.now() - again < 500);
  assert.equal(requests, 0);

  const failed = new Promise((resolve) => (signaling.onerror = resolve));
  socket.close();
  await failed;
  assert.deepEqual(await signaling.iceServers(), none);
  const reopened = nextSocket();
  signaling.reopen();
  const lost = signaling.iceServers();
  (await reopened).terminate();
  assert.deepEqual(await lost, none);
  signaling.close();
});

test('a signal, and closing, end the waiting for a place', async () => {
  const url = address.replace('room=r', 'nameplate=new');
  const giveUp = new AbortController();
  const connected = nextSocket();
  const signaling = webSocketSignaling(url, { signal: giveUp.signal });
  const failed = new Promise((resolve) => (signaling.onerror = resolve));
  const closed = once(await connected, 'close');
  giveUp.abort();
  await assert.rejects(signaling.place, { code: 'aborted' });
  assert.equal((await failed).code, 'aborted');
  await closed;
  await assert.rejects(webSocketSignaling(url, { signal: giveUp.signal }).place, { code: 'aborted' });

  const other = webSocketSignaling(url);
  other.close();
  await assert.rejects(other.place, { code: 'signaling-failed' });
});
