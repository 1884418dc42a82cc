// Signalling over a real broker, and rooms that several servers share through it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectAsync } from 'mqtt';
import { importTypeScript } from './support/bundle.mjs';
import { startDocumentedMosquitto, startMosquitto } from './support/daemon.mjs';
import { closing, enter, nextText, openSocket, startSite, until } from './support/site.mjs';

const { mqttSignaling, pair } = await importTypeScript('tests/node/support/signaling_entry.ts');

let broker;
let watcher;
const heard = [];

before(async () => {
  broker = await startMosquitto();
  watcher = await connectAsync(broker.url, { protocolVersion: 5 });
  watcher.on('message', (topic, text, { retain }) => heard.push({ topic, text: String(text), retain }));
  await watcher.subscribeAsync('millrace/+', { qos: 1 });
});

after(async () => {
  await watcher.endAsync();
  await broker.stop();
});

let rooms = 0;
function newRoom() {
  rooms += 1;
  return `room-0123456789-${rooms}`;
}

function join(room, options) {
  return mqttSignaling(broker.webSocketUrl, room, options);
}

function next(signaling) {
  return new Promise((resolve) => (signaling.onmessage = resolve));
}

/** In the room, and with nothing to say. */
async function present(room, options) {
  const signaling = join(room, options);
  const text = `here ${Math.random()}`;
  signaling.send({ text });
  await until(() => heard.some((message) => message.text.includes(text)));
  return signaling;
}

async function startServer(limits = {}, options = {}) {
  const site = await startSite({ dist: '/nowhere', host: '127.0.0.1', port: 0, limits, bridge: { url: broker.url, prefix: 'millrace' }, ...options });
  await until(() => site.bridged);
  return site;
}

test('two sides pair over the broker, in any order', async () => {
  const room = newRoom();
  const never = new AbortController().signal;
  const [a, b] = [join(room), join(room)];
  const [first, second] = await Promise.all([pair(a, never), pair(b, never)]);
  assert.notEqual(first.initiator, second.initiator);
  const said = new Promise((resolve) => (second.onmessage = resolve));
  first.send({ type: 'candidate', candidate: 'ü 🦊', sdpMid: '0', sdpMLineIndex: 0, link: 0 });
  assert.equal((await said).candidate, 'ü 🦊');
  for (const side of [a, b]) side.close();
});

test('a side that leaves is noticed, by its goodbye or by the broker; nothing is retained', async () => {
  const room = newRoom();
  const staying = await present(room);
  const leaving = await present(room);
  let left = next(staying);
  leaving.close();
  assert.deepEqual(await left, { millrace: 1, type: 'left' });

  const crashing = await connectAsync(broker.webSocketUrl, {
    protocolVersion: 5, will: { topic: `millrace/${room}`, payload: '{"millrace":1,"type":"left"}', qos: 1, retain: false },
  });
  left = next(staying);
  crashing.stream.destroy();
  crashing.end(true);
  assert.deepEqual(await left, { millrace: 1, type: 'left' });
  staying.close();

  const late = [];
  const newcomer = await connectAsync(broker.url, { protocolVersion: 5 });
  newcomer.on('message', (topic) => late.push(topic));
  await newcomer.subscribeAsync('#');
  await new Promise((resolve) => setTimeout(resolve, 50));
  await newcomer.endAsync();
  assert.deepEqual(late.filter((topic) => topic.startsWith('millrace')), []);
  assert.ok(heard.every(({ retain }) => !retain));
});

test('foreign publications are ignored if they are not messages, too long, or retained', async () => {
  const room = newRoom();
  const topic = `millrace/${room}`;
  await watcher.publishAsync(topic, '{"old":true}', { retain: true });
  const signaling = await present(room);
  const all = [];
  signaling.onmessage = (message) => all.push(message);
  for (const text of ['{', '', Buffer.from([0xff, 0xfe]), JSON.stringify('x'.repeat(65_536)), 'x'.repeat(1_000_000), '{"good":1}']) {
    await watcher.publishAsync(topic, text, { qos: 1 });
  }
  await until(() => all.some((message) => message.good === 1));
  assert.deepEqual(all, [{ good: 1 }]);
  await watcher.publishAsync(topic, '', { retain: true });
  signaling.close();
});

test('a broker that is not there, refuses, or goes away is a signaling-failed, and comes back by reopen', async () => {
  const failure = (signaling) => new Promise((resolve) => (signaling.onerror = resolve));
  const nobody = await failure(mqttSignaling('ws://127.0.0.1:1', newRoom()));
  assert.equal(nobody.code, 'signaling-failed');

  const strict = await startMosquitto({ lines: ['allow_anonymous false'] });
  const refused = await failure(mqttSignaling(strict.webSocketUrl, newRoom(), { username: 'a', password: 'b' }));
  assert.equal(refused.code, 'signaling-failed');
  await strict.stop();

  const weak = await startMosquitto();
  const room = newRoom();
  const [a, b] = [1, 2].map(() => mqttSignaling(weak.webSocketUrl, room));
  a.send({ n: 1 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const gone = Promise.all([failure(a), failure(b)]);
  await weak.stop();
  assert.deepEqual((await gone).map(({ code }) => code), ['signaling-failed', 'signaling-failed']);
  const again = await startMosquitto({ ports: weak.ports });
  for (const side of [a, b]) {
    side.onerror = null;
    side.reopen();
  }
  const came = next(b);
  const timer = setInterval(() => a.send({ n: 2 }), 50);
  assert.deepEqual(await came, { n: 2 });
  clearInterval(timer);
  for (const side of [a, b]) side.close();
  await again.stop();
});

test('an invalid address, room or message throws', () => {
  assert.throws(() => mqttSignaling('http://broker', newRoom()), { code: 'invalid-argument' });
  assert.throws(() => mqttSignaling('no address', newRoom()), { code: 'invalid-argument' });
  for (const room of ['short', 'room/0123456789abcdef', 'room-0123456789-#', '+'.repeat(16)]) assert.throws(() => join(room), { code: 'invalid-argument' });
  assert.throws(() => join(newRoom(), { prefix: '#' }), { code: 'invalid-argument' });
  const signaling = join(newRoom());
  assert.throws(() => signaling.send({ text: 'x'.repeat(65_536) }), { code: 'too-large' });
  assert.throws(() => signaling.send({ n: 1n }), { code: 'invalid-argument' });
  signaling.close();
});

test('members of two servers and of the broker itself are in one room', async () => {
  const limits = { maxClientsPerRoom: 3 };
  const [one, two] = [await startServer(limits), await startServer(limits)];
  const room = newRoom();
  const a = await enter(one, room);
  const b = await enter(two, room);
  await until(() => one.rooms.roomCount + two.rooms.roomCount === 2);
  const c = await present(room);
  const all = { a: [], b: [], c: [] };
  // Its first word may be on the way yet.
  const keep = (list) => (text) => String(text).includes('here') || list.push(String(text));
  a.on('message', keep(all.a));
  b.on('message', keep(all.b));
  c.onmessage = (message) => all.c.push(JSON.stringify(message));
  a.send('{"from":"a"}');
  b.send('{"from":"b"}');
  c.send({ from: 'c' });
  const expected = { a: ['{"from":"b"}', '{"from":"c"}'], b: ['{"from":"a"}', '{"from":"c"}'], c: ['{"from":"a"}', '{"from":"b"}'] };
  await until(() => Object.values(all).flat().length >= 6);
  for (const side of ['a', 'b', 'c']) assert.deepEqual(all[side].sort(), expected[side]);

  // What no page could take does not reach any.
  for (const text of [Buffer.from([0xff]), Buffer.alloc(65_537, 'x')]) await watcher.publishAsync(`millrace/${room}`, text, { qos: 1 });
  b.close();
  const left = '{"millrace":1,"type":"left"}';
  await until(() => all.a.at(-1) === left && all.c.at(-1) === left);
  assert.equal(all.a.length, 3);
  c.close();
  await Promise.all([one.close(), two.close()]);
});

test('a room that is full is full at every server, until one of them is gone', async () => {
  const [one, two] = [await startServer(), await startServer()];
  const room = newRoom();
  const a = await enter(one, room);
  const other = newRoom();
  await Promise.all([enter(one, other), until(() => one.rooms.clientCount === 2)]);
  const b = await enter(two, room);
  // What comes from there comes after the word of who is there.
  const first = nextText(a);
  b.send('first');
  assert.equal(await first, 'first');
  for (const server of [one, two]) assert.equal((await closing(openSocket(server, `room=${room}`))).code, 4409);
  const told = nextText(a);
  b.terminate();
  assert.equal(await told, '{"millrace":1,"type":"left"}');
  const c = await enter(two, room);
  c.send('hello');
  assert.equal(await nextText(a), 'hello');
  await two.close();
  const d = await enter(one, room);
  d.send('again');
  await until(() => one.rooms.clientCount === 3);
  await one.close();
});

test('a code that waits at one server is found from another, once, and a wrong one costs', async () => {
  const limits = { freeGuesses: 1 };
  const [one, two] = [await startServer(limits), await startServer(limits)];
  const tell = async (server, query) => JSON.parse(await nextText(openSocket(server, query)));
  const owner = openSocket(one, 'nameplate=new');
  const place = JSON.parse(await nextText(owner));
  const joined = openSocket(two, `nameplate=${place.nameplate}`);
  assert.deepEqual(JSON.parse(await nextText(joined)), place);
  await until(() => two.rooms.clientCount === 1);
  owner.send('{"millrace":1,"type":"met"}');
  joined.send('hello');
  assert.equal(await nextText(owner), 'hello');
  // The hit was forgiven over the bridge: one more try.
  const missed = await closing(openSocket(two, `nameplate=${place.nameplate}`));
  assert.equal(missed.code, 4404);
  assert.equal((await closing(openSocket(two, 'nameplate=1'))).code, 4420);
  // Two servers do not give away the same number.
  const places = await Promise.all(Array.from({ length: 12 }, (_, index) => tell(index % 2 ? one : two, 'nameplate=new')));
  assert.equal(new Set(places.map(({ nameplate }) => nameplate)).size, 12);
  await Promise.all([one.close(), two.close()]);
});

test('a server without its broker serves its own rooms, and shares them when the broker comes', async () => {
  const { ports, url, stop } = await startMosquitto();
  await stop();
  const bridge = { url, prefix: 'millrace' };
  const servers = await Promise.all([1, 2].map(() => startSite({ dist: '/nowhere', host: '127.0.0.1', port: 0, bridge })));
  const [one, two] = servers;
  const room = newRoom();
  const a = await enter(one, room);
  const owner = openSocket(one, 'nameplate=new');
  const { nameplate } = JSON.parse(await nextText(owner));
  assert.ok(nameplate > 0);
  const b = await enter(two, room);
  const late = await startMosquitto({ ports });
  await until(() => one.bridged && two.bridged);
  const came = nextText(a);
  const timer = setInterval(() => b.send('hello'), 50);
  assert.equal(await came, 'hello');
  clearInterval(timer);
  await Promise.all(servers.map((server) => server.close()));
  await late.stop();
});

test('the configuration in the documentation works: servers share rooms, pages meet there, and see no more than rooms', async () => {
  const documented = await startDocumentedMosquitto();
  const bridge = (user) => ({ url: `mqtt://${user}:${user}@127.0.0.1:${documented.port}`, prefix: 'millrace' });
  const [one, two] = [await startServer({}, { bridge: bridge('server') }), await startServer({}, { bridge: bridge('server') })];
  const page = await connectAsync(documented.webSocketUrl, { protocolVersion: 5, username: 'page', password: 'page' });
  const seen = [];
  page.on('message', (topic) => seen.push(topic));
  await page.subscribeAsync(['millrace-servers/+', 'millrace-nameplates/+', '$SYS/#']);
  const room = newRoom();
  const a = await enter(one, room);
  await until(() => one.rooms.clientCount === 1);
  const b = mqttSignaling(documented.webSocketUrl, room, { username: 'page', password: 'page' });
  const came = nextText(a);
  b.send({ from: 'page' });
  assert.equal(await came, '{"from":"page"}');
  b.close();
  assert.equal(await nextText(a), '{"millrace":1,"type":"left"}');
  const c = await enter(two, room);
  c.send('from the other server');
  assert.equal(await nextText(a), 'from the other server');
  // It is full now, as both know by the topics of servers; a code is found by its own.
  assert.equal((await closing(openSocket(two, `room=${room}`))).code, 4409);
  const place = JSON.parse(await nextText(openSocket(one, 'nameplate=new')));
  assert.deepEqual(JSON.parse(await nextText(openSocket(two, `nameplate=${place.nameplate}`))), place);
  assert.deepEqual(seen, []);
  await assert.rejects(connectAsync(documented.webSocketUrl, { protocolVersion: 5, reconnectPeriod: 0 }, false));
  await page.endAsync();
  await Promise.all([one.close(), two.close()]);
  await documented.stop();
});
