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
