// Short codes at the signalling server: numbers that lead to a room once, and what guessing costs.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { WebSocket } from 'ws';
import { closing, nextText, openSocket, settle, startSite, until } from './support/site.mjs';
import { bundle } from './support/web_module.mjs';

globalThis.WebSocket ??= WebSocket;
const { webSocketSignaling, pair } = await bundle(`
  export { webSocketSignaling } from './signaling/websocket.ts';
  export { pair } from './signaling/rendezvous.ts';
`);

const open = [];
after(() => Promise.all(open.map((site) => site.close())));

async function start(limits = {}, options = {}) {
  const site = await startSite({ dist: '/nowhere', host: '127.0.0.1', port: 0, limits, ...options });
  open.push(site);
  return site;
}

/** A page that waits with a code: its socket, and what the server told it. */
async function wait(site, query = 'nameplate=new', options = {}) {
  const socket = openSocket(site, query, options);
  return { socket, place: JSON.parse(await nextText(socket)) };
}

/** What became of naming a number: the close code, or what the server told. */
async function guess(site, number, options = {}) {
  const socket = openSocket(site, `nameplate=${number}`, options);
  const code = closing(socket).then(({ code: value }) => value);
  const told = nextText(socket).then((text) => ({ socket, place: JSON.parse(text) }));
  return Promise.race([code, told]);
}

async function metric(site, line) {
  return (await (await fetch(`${site.url}metrics`)).text()).split('\n').includes(line);
}

test('a number leads to the room of whoever waits, once', async () => {
  const site = await start();
  const owner = await wait(site);
  assert.deepEqual(Object.keys(owner.place), ['millrace', 'type', 'room', 'nameplate']);
  assert.match(owner.place.room, /^[A-Za-z0-9_-]{22}$/);
  assert.ok(owner.place.nameplate >= 1 && owner.place.nameplate < 10);
  const joined = await guess(site, owner.place.nameplate);
  assert.deepEqual(joined.place, owner.place);
  joined.socket.send('hello');
  assert.equal(await nextText(owner.socket), 'hello');
  assert.equal(await guess(site, owner.place.nameplate), 4404);
  // The room itself is one like any other.
  owner.socket.close();
  await nextText(joined.socket);
  const back = openSocket(site, `room=${owner.place.room}`);
  await once(back, 'open');
  back.send('again');
  assert.equal(await nextText(joined.socket), 'again');
});

test('numbers that mean nothing are refused, and count', async () => {
  const site = await start({ freeGuesses: 3 });
  for (const number of ['5', '0', '-1', '7x', '99999999', '%00']) {
    assert.equal(await guess(site, number), 4404, number);
  }
  assert.equal(await guess(site, '6'), 4404);
  assert.equal(await guess(site, '7'), 4404);
  const { code, reason } = await closing(openSocket(site, 'nameplate=8'));
  assert.deepEqual({ code, reason }, { code: 4420, reason: 'too many wrong codes; wait 5 s' });
  assert.ok(await metric(site, 'millrace_guesses_total{result="miss"} 3'));
  assert.ok(await metric(site, 'millrace_guesses_total{result="blocked"} 1'));
  // Who waits or has a room is not concerned.
  const owner = await wait(site);
  assert.equal(await guess(site, owner.place.nameplate), 4420);
});

test('a hit counts as a wrong guess until the one who waits says that the words were right', async () => {
  const site = await start({ freeGuesses: 2 });
  for (let round = 0; round < 6; round += 1) {
    const owner = await wait(site);
    const joined = await guess(site, owner.place.nameplate);
    owner.socket.send('{"millrace":1,"type":"met"}');
    await settle(owner.socket);
    // That was for the server.
    joined.socket.on('message', () => assert.fail('it was forwarded'));
    await settle(joined.socket);
    for (const { socket } of [owner, joined]) socket.close();
  }
  assert.ok(await metric(site, 'millrace_met_total 6'));
  for (let round = 0; round < 2; round += 1) {
    const owner = await wait(site);
    const joined = await guess(site, owner.place.nameplate);
    // Whoever guessed cannot say so itself.
    joined.socket.send('{"millrace":1,"type":"met"}');
    await nextText(owner.socket);
    joined.socket.close();
    await nextText(owner.socket);
    owner.socket.close();
  }
  const owner = await wait(site);
  assert.equal(await guess(site, owner.place.nameplate), 4420);
});

test('many at once from one address get no more guesses than one after the other', async () => {
  const site = await start({ freeGuesses: 3, maxClientsPerAddress: 1000 });
  const codes = await Promise.all(Array.from({ length: 60 }, (_, index) => guess(site, 100 + index)));
  assert.equal(codes.filter((code) => code === 4404).length, 3);
  assert.equal(codes.filter((code) => code === 4420).length, 57);
});

test('addresses are told apart by what the proxy says, where it is trusted, and only then', async () => {
  const limits = { freeGuesses: 1 };
  const from = (address) => ({ headers: { 'X-Forwarded-For': address } });
  const trusting = await start(limits, { trustedProxies: 1 });
  const other = await start(limits);
  const codes = [];
  for (const site of [trusting, other]) {
    for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2']) codes.push(await guess(site, 5, from(address)));
  }
  assert.deepEqual(codes, [4404, 4420, 4404, 4404, 4420, 4404, 4420, 4420, 4420, 4420]);
});

test('an owner whose socket broke gets its number back, and so it does when the server started again', async () => {
  const site = await start();
  const owner = await wait(site);
  const query = `nameplate=${owner.place.nameplate}&room=${owner.place.room}`;
  owner.socket.terminate();
  const back = await wait(site, query);
  assert.deepEqual(back.place, owner.place);
  // Nobody else does.
  assert.equal((await closing(openSocket(site, `nameplate=${owner.place.nameplate}&room=${'x'.repeat(22)}`))).code, 4410);
  const fresh = await start();
  const again = await wait(fresh, query);
  assert.deepEqual(again.place, owner.place);
  assert.deepEqual((await guess(fresh, owner.place.nameplate)).place, owner.place);
});

test('a code that waits for too long is over, and its page is told', async () => {
  const site = await start({ nameplateMs: 60, pingIntervalMs: 20 });
  const owner = await wait(site);
  assert.equal((await closing(owner.socket)).code, 4410);
  assert.equal(await guess(site, owner.place.nameplate), 4404);
});

test('codes are limited, in all and by address', async () => {
  const site = await start({ maxNameplates: 2 });
  await wait(site);
  await wait(site);
  assert.equal((await closing(openSocket(site, 'nameplate=new'))).code, 4503);
  const narrow = await start({ maxNameplatesPerAddress: 1 });
  await wait(narrow);
  assert.equal((await closing(openSocket(narrow, 'nameplate=new'))).code, 4503);
});

test('two sides meet by webSocketSignaling with a number, and come back by the room', async () => {
  const site = await start({ freeGuesses: 1 });
  const url = `${site.url.replace('http', 'ws')}signal`;
  const never = new AbortController().signal;
  const waiting = webSocketSignaling(`${url}?nameplate=new`);
  const { nameplate, room } = await waiting.place;
  const coming = webSocketSignaling(`${url}?nameplate=${nameplate}`);
  const [a, b] = await Promise.all([pair(waiting, never), pair(coming, never)]);
  assert.deepEqual(await coming.place, { nameplate, room });
  assert.notEqual(a.initiator, b.initiator);
  for (const side of [waiting, coming]) side.established();
  await until(() => metric(site, 'millrace_met_total 1'));

  const failed = new Promise((resolve) => (waiting.onerror = resolve));
  await site.close();
  assert.equal((await failed).code, 'signaling-failed');
  assert.equal(waiting.closeCode, 1001);
  await startSite({ dist: '/nowhere', host: '127.0.0.1', port: Number(new URL(site.url).port) }).then((again) => open.push(again));
  const heard = new Promise((resolve) => (b.onmessage = resolve));
  for (const side of [waiting, coming]) side.reopen();
  await until(() => open.at(-1).rooms.clientCount === 2);
  a.send({ type: 'ping' });
  assert.deepEqual(await heard, { type: 'ping' });
  for (const side of [waiting, coming]) side.close();
});

test('what the server tells is checked, and a code that is refused is a signaling-failed', async () => {
  const site = await start();
  const url = `${site.url.replace('http', 'ws')}signal`;
  const wrong = webSocketSignaling(`${url}?nameplate=5`);
  const failed = new Promise((resolve) => (wrong.onerror = resolve));
  await assert.rejects(wrong.place, { code: 'signaling-failed' });
  assert.equal((await failed).code, 'signaling-failed');
  assert.equal(wrong.closeCode, 4404);
  // Without a code there is no place to tell, also not for whoever is in the room.
  const plain = webSocketSignaling(`${url}?room=room-0123456789abcdef`);
  const heard = new Promise((resolve) => (plain.onmessage = resolve));
  const other = openSocket(site, 'room=room-0123456789abcdef');
  await once(other, 'open');
  await until(() => site.rooms.clientCount === 2);
  other.send('{"millrace":1,"type":"room","room":"elsewhere-0123456789","nameplate":3}');
  assert.equal((await heard).type, 'room');
  plain.close();
  await assert.rejects(plain.place, { code: 'signaling-failed' });
});
