// Ways to the room that look open and carry nothing: through a relay that stops forwarding, to the real server and a real broker.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { after, afterEach, test } from 'node:test';
import { connectAsync } from 'mqtt';
import WebSocket, { WebSocketServer } from 'ws';
import { importTypeScript } from './support/bundle.mjs';
import { startMosquitto } from './support/daemon.mjs';
import { startRelay } from './support/relay.mjs';
import { closing, enter, openSocket, settle, startSite, until } from './support/site.mjs';

// Node.js 20 has no WebSocket of its own; this one has the browser's interface.
globalThis.WebSocket ??= WebSocket;
const { mqttSignaling, webSocketSignaling } = await importTypeScript('tests/node/support/signaling_entry.ts');

const left = '{"millrace":1,"type":"left"}';
const alive = '{"millrace":1,"type":"alive"}';

const ends = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

let brokers;
after(() => brokers?.stop());

/** Ends with the test. */
function own(value, end) {
  ends.push(() => end(value));
  return value;
}

async function startServer(limits = {}, options = {}) {
  return own(await startSite({ dist: '/nowhere', host: '127.0.0.1', port: 0, limits, ...options }), (site) => site.close());
}

async function relayTo(port) {
  return own(await startRelay(port), (relay) => relay.stop());
}

let rooms = 0;
function newRoom() {
  rooms += 1;
  return `room-0123456789-${rooms}`;
}

/** A page's signalling, and what happens to it. */
function join(make) {
  const signaling = own(make(), (one) => one.close());
  const page = { signaling, heard: [], opened: [], failures: [] };
  signaling.onmessage = (message) => page.heard.push(message);
  signaling.onopen = (again) => page.opened.push(again);
  signaling.onerror = (error) => page.failures.push(error.message);
  return page;
}

const socketTo = (port, query, options) => join(() => webSocketSignaling(`ws://127.0.0.1:${port}/signal?${query}`, options));
const portOf = ({ url }) => Number(new URL(url).port);

/** Tells the texts that come, in order. */
function record(socket) {
  const texts = [];
  socket.on('message', (data) => texts.push(String(data)));
  return texts;
}

/** Each kind of way to the room, with a relay on it: the page behind the relay, and a watcher that sees what goes to the room. */
const carriers = {
  async webSocketSignaling() {
    const site = await startServer();
    const relay = await relayTo(portOf(site));
    const room = newRoom();
    const seen = record(await enter(site, room));
    const page = socketTo(relay.port, `room=${room}`);
    await until(() => site.rooms.clientCount === 2);
    return { relay, page, seen };
  },
  async mqttSignaling() {
    brokers ??= await startMosquitto();
    const relay = await relayTo(brokers.ports[1]);
    const room = newRoom();
    const watcher = own(await connectAsync(brokers.url, { protocolVersion: 5 }), (client) => client.endAsync());
    const seen = [];
    watcher.on('message', (topic, text) => seen.push(String(text)));
    await watcher.subscribeAsync(`millrace/${room}`, { qos: 1 });
    const page = join(() => mqttSignaling(`ws://127.0.0.1:${relay.port}`, room));
    return { relay, page, seen };
  },
};

for (const [name, start] of Object.entries(carriers)) {
  test(`${name}: a dead connection is replaced 1 s after it is needed, and the messages that waited arrive`, async () => {
    const { relay, page, seen } = await start();
    page.signaling.send({ n: 1 });
    await until(() => seen.includes('{"n":1}'));
    relay.freeze();
    const neededAt = performance.now();
    page.signaling.reopen();
    for (const n of [2, 3]) page.signaling.send({ n });
    await until(() => seen.includes('{"n":3}'));
    const took = performance.now() - neededAt;
    assert.ok(took > 900 && took < 3_000, `${took} ms`);
    // The ghost is gone before anything new is said, and nothing is said twice.
    assert.deepEqual(seen, ['{"n":1}', left, '{"n":2}', '{"n":3}']);
    assert.deepEqual(page.opened, [false, true]);
    assert.deepEqual(page.failures, []);
    assert.equal(relay.frozen, 1);
  });

  test(`${name}: a dead connection that nobody needs is replaced after a heartbeat`, async (context) => {
    context.mock.timers.enable({ apis: ['setInterval'] });
    const { relay, page, seen } = await start();
    page.signaling.send({ n: 1 });
    await until(() => seen.includes('{"n":1}'));
    relay.freeze();
    context.mock.timers.tick(19_999);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    assert.deepEqual(page.opened, [false]);
    context.mock.timers.tick(1);
    await until(() => page.opened.length === 2);
    page.signaling.send({ n: 2 });
    await until(() => seen.includes('{"n":2}'));
    assert.deepEqual(page.failures, []);
  });

  test(`${name}: a connection that works stays, however often it is checked, and the room hears nothing of it`, async () => {
    const { page, seen } = await start();
    page.signaling.send({ n: 0 });
    await until(() => seen.length === 1);
    for (let n = 1; n <= 20; n += 1) {
      page.signaling.reopen();
      page.signaling.send({ n });
      if (n % 5 === 0) await until(() => seen.length === n + 1);
    }
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    assert.deepEqual(seen, Array.from({ length: 21 }, (_, n) => `{"n":${n}}`));
    assert.deepEqual([page.opened, page.failures, page.heard], [[false], [], []]);
  });

  test(`${name}: a new connection that does not come up is a signaling-failed`, async () => {
    const { relay, page, seen } = await start();
    page.signaling.send({ n: 1 });
    await until(() => seen.includes('{"n":1}'));
    relay.freeze();
    relay.refuse();
    page.signaling.reopen();
    await until(() => page.failures.length === 1);
    assert.deepEqual(page.opened, [false]);
  });
}

test('a socket that has been opening for 5 s is given up for another one when it is needed, and not before', async (context) => {
  const site = await startServer();
  const relay = await relayTo(portOf(site));
  relay.swallow = true;
  const room = newRoom();
  const texts = record(await enter(site, room));
  const page = socketTo(relay.port, `room=${room}`);
  page.signaling.send({ n: 1 });
  await until(() => relay.frozen === 1);
  relay.swallow = false;
  const now = performance.now();
  const clock = context.mock.method(performance, 'now', () => now + 4_000);
  page.signaling.reopen();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(page.opened, []);
  clock.mock.mockImplementation(() => now + 5_001);
  page.signaling.reopen();
  await until(() => texts.length === 1);
  assert.deepEqual([texts, page.opened, page.failures], [['{"n":1}'], [false], []]);
});

test('a server that only forwards gets no probe; a socket to it is replaced when it is needed after 30 s and silent', async (context) => {
  const server = own(new WebSocketServer({ host: '127.0.0.1', port: 0 }), (one) => one.close());
  await once(server, 'listening');
  const sockets = [];
  server.on('connection', (socket, { url }) => sockets.push({ socket, url, texts: record(socket) }));
  const { port } = server.address();
  const page = own(webSocketSignaling(`ws://127.0.0.1:${port}/relay?channel=7`), (one) => one.close());
  const opened = [];
  page.onopen = (again) => opened.push(again);
  await until(() => opened.length === 1);
  page.reopen();
  page.send({ n: 1 });
  const now = performance.now();
  const clock = context.mock.method(performance, 'now', () => now + 30_000);
  // Something has just come: it works.
  const heard = new Promise((resolve) => (page.onmessage = resolve));
  sockets[0].socket.send('{"n":2}');
  await heard;
  page.reopen();
  page.send({ n: 3 });
  await until(() => sockets[0].texts.length === 2);
  assert.deepEqual(opened, [false]);
  clock.mock.mockImplementation(() => now + 32_001);
  page.reopen();
  page.send({ n: 4 });
  await until(() => sockets[1]?.texts.length === 1);
  assert.deepEqual(opened, [false, true]);
  // A new one is trusted.
  page.reopen();
  page.send({ n: 5 });
  await until(() => sockets[1].texts.length === 2);
  assert.deepEqual(sockets.map(({ texts }) => texts), [['{"n":1}', '{"n":3}'], ['{"n":4}', '{"n":5}']]);
  // An address that may be signed stays as it is.
  assert.deepEqual(sockets.map(({ url }) => url), ['/relay?channel=7', '/relay?channel=7']);
});

test('a member behind a dead relay has its place back at once, and nobody else does', async () => {
  const site = await startServer();
  const relay = await relayTo(portOf(site));
  const room = newRoom();
  const member = 'a-secret-name-of-22-ch';
  const other = await enter(site, room);
  const told = record(other);
  const ghost = openSocket({ url: `http://127.0.0.1:${relay.port}/` }, `room=${room}&member=${member}`);
  const greeted = record(ghost);
  await until(() => greeted.length === 1);
  relay.freeze();

  const strangers = ['', '&member=', `&member=${member.slice(0, -1)}`, `&member=${member}x`, `&member=${member.toUpperCase()}`, '&member=short',
    `&member=${'x'.repeat(65)}`, `&member=${createHash('sha256').update(member).digest('base64url')}`];
  for (const query of strangers) assert.equal((await closing(openSocket(site, `room=${room}${query}`))).code, 4409, query);
  // The name belongs to this room's member only.
  const elsewhere = newRoom();
  await enter(site, elsewhere);
  await enter(site, elsewhere);
  assert.equal((await closing(openSocket(site, `room=${elsewhere}&member=${member}`))).code, 4409);
  assert.deepEqual(told, []);

  const back = openSocket(site, `room=${room}&member=${member}`);
  const heard = record(back);
  const cameAt = performance.now();
  await until(() => heard.length === 1);
  assert.ok(performance.now() - cameAt < 1_000);
  assert.equal(site.rooms.clientCount, 4);
  other.send('to the member');
  back.send('from the member');
  await until(() => heard.length === 2 && told.length === 2);
  // It is greeted, and not told that its own ghost has left. The other member learns neither name nor digest.
  assert.deepEqual(heard, [alive, 'to the member']);
  assert.deepEqual(told, [left, 'from the member']);
});

test('a member that returns counts once for its address, and a closed ghost says why', async () => {
  const site = await startServer({ maxClientsPerAddress: 1 });
  const query = `room=${newRoom()}&member=a-secret-name-of-22-ch`;
  const first = openSocket(site, query);
  await once(first, 'open');
  await settle(first);
  const closed = closing(first);
  const second = openSocket(site, query);
  await once(second, 'open');
  assert.deepEqual(await closed, { code: 4412, reason: 'this member has come back on another socket' });
  await settle(second);
  assert.equal(site.rooms.clientCount, 1);
  assert.equal((await closing(openSocket(site, `room=${newRoom()}&member=another-name-of-22-chr`))).code, 4428);
  second.close();
  await until(() => site.rooms.roomCount === 0);
  await once(openSocket(site, query), 'open');
});

test('two living pages with one name do not expel each other for ever', async () => {
  const site = await startServer();
  const query = `room=${newRoom()}`;
  const options = { member: 'a-secret-name-of-22-ch' };
  const first = socketTo(portOf(site), query, options);
  await until(() => site.rooms.clientCount === 1);
  const second = socketTo(portOf(site), query, options);
  await until(() => first.failures.length === 1);
  assert.equal(first.signaling.closeCode, 4412);
  first.signaling.reopen();
  await until(() => site.rooms.clientCount === 2);
  first.signaling.send({ n: 1 });
  await until(() => second.heard.some(({ n }) => n === 1));
  assert.deepEqual(second.failures, []);
});

test('a name that is not one is an invalid-argument', () => {
  for (const member of ['', 'short', 'x'.repeat(65), 'with/slash-0123456789', 7, null]) {
    assert.throws(() => webSocketSignaling('ws://127.0.0.1:1/signal?room=r', { member }), { code: 'invalid-argument' }, String(member));
  }
});

test('a code survives a dead socket of either side: the owner keeps its number, and its visitor makes no second guess', async () => {
  const site = await startServer({ freeGuesses: 1 });
  const relay = await relayTo(portOf(site));
  const place = async (port, query) => {
    const socket = openSocket({ url: `http://127.0.0.1:${port}/` }, query);
    const texts = record(socket);
    await until(() => texts.length === 2);
    assert.equal(texts[1], alive);
    return JSON.parse(texts[0]);
  };
  const owner = await place(relay.port, 'nameplate=new&member=the-name-of-the-owner');
  relay.freeze();
  const { room, nameplate } = owner;
  assert.deepEqual(await place(portOf(site), `nameplate=${nameplate}&room=${room}&member=the-name-of-the-owner`), owner);

  const visitor = `nameplate=${nameplate}&member=the-name-of-the-visitor`;
  assert.deepEqual(await place(relay.port, visitor), owner);
  relay.freeze();
  // One guess is open, so nobody at this address may guess now; only the visitor itself comes again.
  assert.equal((await closing(openSocket(site, `nameplate=${nameplate}&member=the-name-of-another`))).code, 4420);
  assert.equal((await closing(openSocket(site, `nameplate=${nameplate}`))).code, 4420);
  assert.deepEqual(await place(portOf(site), visitor), owner);
  assert.equal(site.rooms.clientCount, 2);
});

test('a member returns at another server, and its ghost at the first one is gone at once', async () => {
  brokers ??= await startMosquitto();
  const bridge = { url: brokers.url, prefix: 'millrace' };
  const [one, two] = [await startServer({}, { bridge }), await startServer({}, { bridge })];
  await until(() => one.bridged && two.bridged);
  const member = 'a-secret-name-of-22-ch';
  // Whether the server of the return knows the room before or not.
  for (const home of [one, two]) {
    const room = newRoom();
    const query = `room=${room}&member=${member}`;
    const relay = await relayTo(portOf(one));
    const other = openSocket(home, `room=${room}`);
    const told = record(other);
    await once(other, 'open');
    const ghost = openSocket({ url: `http://127.0.0.1:${relay.port}/` }, query);
    const greeted = record(ghost);
    await until(() => greeted.length === 1);
    relay.freeze();
    assert.equal((await closing(openSocket(two, `room=${room}&member=another-name-of-22-chr`))).code, 4409);
    const back = record(openSocket(two, query));
    await until(() => back.length === 1);
    assert.deepEqual(back, [alive]);
    other.send('hello');
    await until(() => back.length === 2);
    assert.deepEqual(told, [left]);
    other.close();
  }
});
