// How many trips of messages it takes to connect: two sessions of the built package with the real core. Nothing is measured in time.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { connect } from './support/session_pair.mjs';
import { TripNetwork } from './support/trips.mjs';

/** Six round trips: the target of `scripts/bench.sh latency connect`. */
const MOST_TRIPS = 12;

/** One side waits in a room, and another one comes. Gives the trips from its call until both are connected, and what was sent. */
async function tripsToConnect({ options = () => ({}), delayed = (_network) => ({}) } = {}) {
  const network = new TripNetwork();
  const room = network.room();
  const RTCPeerConnection = network.connectionClass();
  let connected = 0;
  const enter = () => {
    const peer = connect({ signaling: room.join(), RTCPeerConnection, rtc: { iceServers: [] }, lanes: { max: 1 }, ...options(), ...delayed(network) });
    void peer.then(() => (connected += 1), () => {});
    return peer;
  };
  const waiting = enter();
  await network.until(() => network.trips === 4);
  const begun = network.trips;
  const coming = enter();
  await network.until(() => connected === 2);
  const trips = network.trips - begun;
  const peers = await Promise.all([waiting, coming]);
  const log = [...network.log];
  const closing = Promise.all(peers.map((peer) => peer.close()));
  let closed = false;
  void closing.then(() => (closed = true));
  await network.until(() => closed);
  return { trips, log };
}

// The core is compiled once.
before(() => tripsToConnect());

const secrets = {
  'without a secret': {},
  'with a key': { secret: 'AAAAAAAAAAAAAAAAAAAAAA', secretKind: 'key' },
};
for (const [name, secret] of Object.entries(secrets)) {
  test(`${name}, both sides are connected after at most six round trips`, async () => {
    const { trips, log } = await tripsToConnect({ options: () => secret });
    assert.ok(trips <= MOST_TRIPS, `${trips} trips:\n${log.join('\n')}`);
  });
}

test('with a code, the answer to a guess waits for the channel: one round trip more', async () => {
  const { trips, log } = await tripsToConnect({ options: () => ({ secret: '7-correct-horse', secretKind: 'code' }) });
  assert.ok(trips <= MOST_TRIPS + 2, `${trips} trips:\n${log.join('\n')}`);
});

test('a function rtc that asks a server costs the side that waits nothing, and the other one no more than its greeting does', async () => {
  const { trips: without } = await tripsToConnect();
  // The server is as far away as the other side.
  const delayed = (network) => ({
    rtc: () => new Promise((resolve) => network.send('ask', () => network.send('servers', () => resolve({ iceServers: [] })))),
  });
  const { trips, log } = await tripsToConnect({ delayed });
  assert.equal(trips, without, log.join('\n'));
});
