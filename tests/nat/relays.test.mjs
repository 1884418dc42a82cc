// TURN servers without room for another relay, and relays that are reached over TCP.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { servers, SPARE_PORT } from './lab/addresses.mjs';
import { iceServersOf, turnServer } from './lab/coturn.mjs';
import { Lab } from './lab/lab.mjs';
import { tryPair } from './lab/pair.mjs';
import { leastShare, throughTcpRelay } from './lab/throughput.mjs';

/** @typedef {'chromium' | 'firefox'} BrowserName */

const all = process.env.MILLRACE_NAT === 'all';
/** @type {readonly (readonly [BrowserName, BrowserName])[]} */
const pairings = all ? [['chromium', 'firefox'], ['firefox', 'chromium']] : [['chromium', 'firefox']];

/** The second look for a direct path comes after 22 s. */
const UPGRADE_MS = 30_000;
const CHECKING_MS = 15_000;

/** @type {Lab} */
let lab;
/** @type {[import('./lab/client.mjs').Client, import('./lab/client.mjs').Client]} */
let clients;

before(async () => {
  lab = await Lab.create();
  clients = [await lab.addClient(await lab.addNetworksOf('symmetric')), await lab.addClient(await lab.addNetworksOf('symmetric'))];
});
after(() => lab?.close());

const full = turnServer(servers.turn.four, 'udp');
const spare = turnServer(servers.stun.four, 'udp', SPARE_PORT);

/** The clients, behind symmetric NATs, need a relay. Opens their pages. `quota`: relays that the first TURN server gives. */
async function prepare(/** @type {readonly [BrowserName, BrowserName]} */ browsers, /** @type {number} */ quota) {
  const url = await lab.startServers({ quota });
  await Promise.all(clients.map((client, index) => client.open(browsers[index], url)));
}

/** @param {readonly RTCIceServer[]} iceServers */
async function connectBoth(iceServers, more = {}) {
  const room = randomBytes(16).toString('base64url');
  return Promise.all(clients.map((client) => client.call('connect', { room, worker: true, rtc: { iceServers }, ...more })));
}

for (const browsers of pairings) {
  const names = browsers.join(' and ');

  test(`${names}: a TURN server that answers 486 is passed over for the next one`, async () => {
    await prepare(browsers, 1);
    await lab.startSpareTurn();
    await clients[0].call('keepRelay', full);
    const { got, protocol, errors } = await tryPair(clients, [[full, spare], [full, spare]], 'relay');
    assert.deepEqual([got, protocol], ['relay', 'udp'], JSON.stringify(errors));
  });

  test(`${names}: where the relay has room for one lane, that one carries the file, and no others are tried meanwhile`, async () => {
    await prepare(browsers, 4);
    // Two for the control connection, two for a lane.
    assert.deepEqual(await connectBoth([full], { lanes: { min: 4, max: 4 } }), [null, null]);
    const [sender, receiver] = clients;
    await sender.call('prepare', [2_000_000], 1);
    const sending = await sender.call('send', 1);
    await receiver.call('nextOffer');
    const receiving = await receiver.call('accept', 'memory');
    for (const { error } of await Promise.all([sender.call('outcome', sending), receiver.call('outcome', receiving)])) assert.equal(error, undefined);
    await Promise.all(clients.map((client) => client.call('untilLog', 'the relay has no room')));
    const made = await sender.call('connectionsMade');
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    assert.equal(await sender.call('connectionsMade'), made, 'no connection is made in vain');
    assert.equal((await sender.call('peer')).state, 'connected');
    await Promise.all(clients.map((client) => client.call('closePeer')));
  });

  if (!all) continue;

  test(`${names}: where no TURN server has room, both sides fail in time and say why`, async () => {
    await prepare(browsers, 1);
    await clients[0].call('keepRelay', full);
    const { got, errors } = await tryPair(clients, [[full], [full]]);
    assert.equal(got, 'none');
    assert.deepEqual(errors.map((error) => error?.code), ['connection-failed', 'connection-failed']);
    for (const error of errors) {
      assert.equal(error?.detail?.reason, 'relay-refused');
      assert.match(error.detail.advice, /no room for another connection \(486\)/);
    }
  });

  test(`${names}: a relay without room for any lane ends the session, and both sides say why`, async () => {
    await prepare(browsers, 2);
    assert.deepEqual(await connectBoth([full]), [null, null]);
    const [sender, receiver] = clients;
    await sender.call('prepare', [2_000_000], 1);
    const sending = await sender.call('send', 1);
    await receiver.call('nextOffer');
    const receiving = await receiver.call('accept', 'memory');
    for (const { error } of await Promise.all([sender.call('outcome', sending), receiver.call('outcome', receiving)])) {
      assert.equal(error?.code, 'connection-failed', JSON.stringify(error));
      assert.equal(error.detail?.reason, 'relay-refused');
      assert.match(error.detail.advice, /no room/);
    }
  });

  test(`${browsers.join(' to ')}: a relay over TCP carries at least ${leastShare} of what a slow link can`, async () => {
    const { ofCeiling, mbps, lanes } = await throughTcpRelay(lab, await lab.startServers(), clients, browsers);
    assert.ok(ofCeiling >= leastShare, `${ofCeiling.toFixed(2)} (${mbps.toFixed(1)} Mbit/s, ${lanes} lanes)`);
  });
}

if (all) test('firefox and firefox: a direct path that opens later replaces a relay, also for lanes', async () => {
  const url = await lab.startServers();
  const networks = [await lab.addNetwork('port-restricted'), await lab.addNetwork('port-restricted')];
  await networks[0].closeUdp();
  for (const [index, client] of clients.entries()) await client.moveTo([networks[index]]);
  await Promise.all(clients.map((client) => client.open('firefox', url)));
  assert.deepEqual(await connectBoth(iceServersOf(4, { stun: true, turn: true })), [null, null]);
  const kinds = async () => (await Promise.all(clients.map((client) => client.call('routes')))).flat().map(({ local, remote }) => [local.type, remote.type].includes('relay'));
  assert.ok((await kinds()).every(Boolean), 'a relay at first');
  // Browsers check pairs of candidates for some seconds.
  await new Promise((resolve) => setTimeout(resolve, CHECKING_MS));
  await networks[0].openUdp();
  let relayed = [true];
  for (const end = performance.now() + UPGRADE_MS; relayed.some(Boolean) && performance.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    relayed = await kinds();
  }
  assert.deepEqual(relayed.filter(Boolean), [], `${relayed.length} connections`);
  assert.equal((await clients[0].call('peer')).state, 'connected');
  await Promise.all(clients.map((client) => client.call('closePeer')));
});
