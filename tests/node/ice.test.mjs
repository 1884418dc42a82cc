// ICE servers from the signalling server, with credentials for a real coturn.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { startCoturn, startDocumentedCoturn } from './support/daemon.mjs';
import { parts } from './support/room_parts.mjs';
import { enter, nextText, settle, startSite } from './support/site.mjs';
import { TurnClient } from './support/turn_client.mjs';

// Node.js 20 has no WebSocket of its own; this one has the browser's interface.
globalThis.WebSocket ??= WebSocket;

const run = promisify(execFile);
const room = 'room-0123456789abcdef';

function start(ice, limits = {}) {
  return startSite({ dist: '/nowhere', host: '127.0.0.1', port: 0, limits, ice: { stunUrls: [], turnUrls: [], turnSecret: undefined, turnTtlSeconds: 600, openTurn: false, ...ice } });
}

/** Allocates at the TURN server and sends a little through it, as coturn's own client does. */
function allocate(coturn, { username, credential }) {
  return run('turnutils_uclient', ['-y', '-n', '2', '-m', '1', '-u', username, '-w', credential, '-p', String(coturn.port), '127.0.0.1'], { timeout: 15_000 });
}

/** The answer to a member that asks over its signalling socket. */
async function ask(site, member = undefined) {
  const socket = member ?? (await enter(site, room));
  socket.send('{"millrace":1,"type":"ice","id":"some-id"}');
  const answer = JSON.parse(await nextText(socket));
  if (member === undefined) socket.close();
  return answer;
}

test('coturn accepts the credentials that a member of a room gets, and no others', async () => {
  const coturn = await startCoturn('a shared secret');
  const site = await start({ turnUrls: [coturn.url], turnSecret: 'a shared secret' });
  const liar = await start({ turnUrls: [coturn.url], turnSecret: 'another secret' });
  try {
    const { iceServers, ...rest } = await ask(site);
    assert.deepEqual(rest, { millrace: 1, type: 'ice', id: 'some-id', ttlSeconds: 600 });
    assert.deepEqual(iceServers[0].urls, [coturn.url]);
    const { stdout } = await allocate(coturn, iceServers[0]);
    assert.match(stdout, /Total lost packets 0/);
    const [wrong] = (await ask(liar)).iceServers;
    const late = { ...iceServers[0], username: iceServers[0].username.replace(/^\d+/, '1000000000') };
    await Promise.all([wrong, late].map((server) => assert.rejects(allocate(coturn, server))));
  } finally {
    await Promise.all([site.close(), liar.close(), coturn.stop()]);
  }
});

test('GET /ice gives everyone STUN servers only, unless the operator opens TURN to everyone', async () => {
  const ice = { stunUrls: ['stun:s'], turnUrls: ['turn:t'], turnSecret: 's' };
  const [site, open] = await Promise.all([start(ice), start({ ...ice, openTurn: true })]);
  try {
    const answer = await fetch(`${site.url}ice`);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
    assert.deepEqual(await answer.json(), { iceServers: [{ urls: ['stun:s'] }], ttlSeconds: 600 });
    const { iceServers } = await (await fetch(`${open.url}ice`)).json();
    assert.deepEqual(iceServers.map(({ urls }) => urls), [['stun:s'], ['turn:t']]);
    assert.ok(iceServers[1].credential);
  } finally {
    await Promise.all([site.close(), open.close()]);
  }
});

test('only the member that asks gets ICE servers, and the others do not see the request', async () => {
  const site = await start({ turnUrls: ['turn:t'], turnSecret: 's' });
  const [asking, other] = [await enter(site, room), await enter(site, room)];
  const heard = [];
  other.on('message', (data) => heard.push(String(data)));
  // Without an id, with one that is no id, and messages that only resemble a request.
  asking.send('{"type":"ice"}');
  assert.deepEqual(Object.keys(JSON.parse(await nextText(asking))), ['millrace', 'type', 'iceServers', 'ttlSeconds']);
  asking.send('{"type":"ice","id":"<script>"}');
  assert.equal(JSON.parse(await nextText(asking)).id, undefined);
  const forwarded = ['{"type":"ice","from":"a"}', '["type","ice"]', '{"type":"ice"', `{"type":"ice","x":"${'x'.repeat(200)}"}`];
  for (const text of forwarded) asking.send(text);
  await settle(asking);
  await settle(other);
  assert.deepEqual(heard, forwarded);
  asking.close();
  other.close();
  await site.close();
});

test('requests for ICE servers are limited by address, over HTTP and over the socket together', async () => {
  const site = await start({ turnUrls: ['turn:t'], turnSecret: 's' }, { icePerMinute: 3 });
  const member = await enter(site, room);
  assert.equal((await ask(site, member)).iceServers.length, 1);
  const statuses = [];
  for (let index = 0; index < 3; index += 1) statuses.push((await fetch(`${site.url}ice`)).status);
  assert.deepEqual(statuses, [200, 200, 429]);
  assert.deepEqual(await ask(site, member), { millrace: 1, type: 'ice', id: 'some-id' });
  member.close();
  await site.close();
});

/** A credential as the server makes it, which expires in `seconds`. */
function credentialFor(secret, seconds) {
  // coturn counts what one id has, whatever the time before it says.
  const username = `${Math.floor(Date.now() / 1000) + seconds}:${randomBytes(6).toString('hex')}`;
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
}

/** First and last address of each range that relays must not lead to. */
const deniedRanges = {
  4: ['0.0.0.0', '0.255.255.255', '10.0.0.0', '10.255.255.255', '100.64.0.0', '100.127.255.255', '127.0.0.1', '127.255.255.255', '169.254.0.0',
    '169.254.169.254', '169.254.255.255', '172.16.0.0', '172.31.255.255', '192.0.0.0', '192.0.0.255', '192.168.0.0', '192.168.255.255', '198.18.0.0',
    '198.19.255.255', '224.0.0.1', '239.255.255.255', '240.0.0.0', '255.255.255.255'],
  6: ['::', '::1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '64:ff9b::10.0.0.1', '64:ff9b::ffff:ffff', '64:ff9b:1::1',
    '100::1', '2001::1', '2001:db8::1', '2002:7f00:1::1', 'fc00::', 'fd12:3456::1', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'fe80::1', 'febf:ffff::1',
    'fec0::1', 'ff02::1'],
};
const publicAddresses = {
  4: ['8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '198.17.255.255', '223.255.255.255'],
  6: ['2001:4860:4860::8888', '2003::1', '2a00::1'],
};

test('the documented coturn relays to public addresses, and to no internal or special range', async () => {
  const coturn = await startDocumentedCoturn('documented');
  try {
    for (const family of [4, 6]) {
      const client = await TurnClient.open('udp', coturn.port, credentialFor('documented', 60));
      assert.equal(await client.allocate({ family }), 200);
      const answers = {};
      for (const address of [...deniedRanges[family], ...publicAddresses[family]]) answers[address] = await client.permit(address);
      const expected = [...deniedRanges[family].map((address) => [address, 403]), ...publicAddresses[family].map((address) => [address, 200])];
      assert.deepEqual(answers, Object.fromEntries(expected));
      client.close();
    }
  } finally {
    await coturn.stop();
  }
});

test('the documented coturn takes UDP, TCP and TLS, relays no TCP, and holds each credential to its quota', async () => {
  const coturn = await startDocumentedCoturn('documented');
  const open = (transport) => TurnClient.open(transport, transport === 'tls' ? coturn.tlsPort : coturn.port, credentialFor('documented', 60));
  const clients = [];
  try {
    for (const transport of ['udp', 'tcp', 'tls']) {
      const client = await open(transport);
      clients.push(client);
      assert.equal(await client.allocate(), 200, transport);
    }
    const relayingTcp = await open('tcp');
    clients.push(relayingTcp);
    assert.equal(await relayingTcp.allocate({ relay: 'tcp' }), 442);
    const credential = credentialFor('documented', 600);
    const codes = [];
    for (let index = 0; index < 125; index += 1) {
      const client = await TurnClient.open('udp', coturn.port, credential);
      clients.push(client);
      codes.push(await client.allocate());
    }
    assert.equal(codes.filter((code) => code === 200).length, 120, String([...new Set(codes)]));
    assert.deepEqual([...new Set(codes.slice(120))], [486]);
  } finally {
    for (const client of clients) client.close();
    await coturn.stop();
  }
});

test('a relay goes on after its credential has expired, and no new one starts with it', async () => {
  const coturn = await startDocumentedCoturn('documented');
  const credential = credentialFor('documented', 2);
  const [client, late] = await Promise.all([0, 1].map(() => TurnClient.open('udp', coturn.port, credential)));
  try {
    assert.equal(await client.allocate(), 200);
    await new Promise((resolve) => setTimeout(resolve, 3_100));
    assert.equal(await late.allocate(), 401);
    assert.equal(await client.refresh(600), 200);
    assert.equal(await client.permit('8.8.8.8'), 200);
  } finally {
    client.close();
    late.close();
    await coturn.stop();
  }
});

test('a room at the own server uses the servers that it hands out, unless `rtc` says something else', async () => {
  const sites = await Promise.all([start({ stunUrls: ['stun:s'], turnUrls: ['turn:t'], turnSecret: 's' }), start({})]);
  const rtcOf = async ({ url }) => {
    const ways = parts.resolveWhere(new URL('signal', url));
    const signaling = ways.open(room, 2);
    const { rtc } = parts.resolveRoomOptions({}, false, ways.rtc).connect;
    const { iceServers } = await rtc();
    signaling.close();
    return iceServers?.map(({ urls }) => urls);
  };
  try {
    assert.deepEqual(await rtcOf(sites[0]), [['stun:s'], ['turn:t']]);
    // Without a list, connections use the default servers.
    assert.equal(await rtcOf(sites[1]), undefined);
  } finally {
    await Promise.all(sites.map((site) => site.close()));
  }
  const own = { iceServers: [] };
  assert.equal(parts.resolveRoomOptions({ rtc: own }, false, () => assert.fail()).connect.rtc, own);
  assert.equal(parts.resolveRoomOptions({}, false, parts.resolveWhere({ send() {} }).rtc).connect.rtc, undefined);
});
