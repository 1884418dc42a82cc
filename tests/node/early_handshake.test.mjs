// The handshake goes ahead over the signalling while the channels of the first connection are not open: two engines with the real core.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { channelPair, closePair, EngineSide, pulseLane } from './support/engine_pair.mjs';

const fingerprints = [{ local: 'sha-256 AA', remote: 'sha-256 BB' }, { local: 'sha-256 BB', remote: 'sha-256 AA' }];
const limit = 262_144;
/** The types of handshake messages (PROTOCOL.md). */
const [HELLO, REVEAL, ANSWER, CONFIRM] = [1, 2, 3, 4];

const typeOf = ({ message }) => message[1];
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Time for the core to load and for all that follows. */
async function settle() {
  for (let turns = 0; turns < 200; turns += 1) await turn();
}

/**
 * Two sides whose descriptions are set, and whose channels are not open. `carry`: which messages the signalling gives the other side, by what
 * it made of them.
 */
async function describedPair({ options = () => ({}), carry = (message) => [message] } = {}) {
  const sides = [new EngineSide(0), new EngineSide(1)];
  for (const side of sides) side.start(options());
  const channels = [pulseLane, 0].map((lane) => {
    const pair = channelPair(`lane-${lane}`);
    for (const [index, side] of sides.entries()) {
      side.channels.set(lane, pair[index]);
      side.post({ type: 'addLane', lane, channel: pair[index], reliable: lane === 0 });
    }
    return pair;
  });
  for (const [index, side] of sides.entries()) side.post({ type: 'described', maxMessageSize: limit, fingerprints: fingerprints[index] });
  const given = [0, 0];
  /** Carries until nobody says more. Gives the number of trips one way. */
  const exchange = async () => {
    for (let trips = 0; ; trips += 1) {
      const said = sides.map((side, index) => side.all('handshake').slice(given[index]));
      if (said.every(({ length }) => length === 0)) return trips;
      for (const [index, messages] of said.entries()) {
        given[index] += messages.length;
        for (const message of messages.flatMap(carry)) sides[1 - index].post(structuredClone(message));
      }
      await settle();
    }
  };
  await Promise.all(sides.map((side) => side.until('handshake')));
  const trips = await exchange();
  /** DTLS is ready: the certificates are known. */
  const verify = () => {
    for (const [index, side] of sides.entries()) side.post({ type: 'laneLimit', lane: 0, maxMessageSize: limit, fingerprints: fingerprints[index] });
  };
  const open = () => {
    verify();
    for (const channel of channels.flat()) channel.open();
  };
  return { sides, channels, verify, open, exchange, trips };
}

const agreed = (side) => side.all('established').length > 0;

test('the handshake waits for the certificate, and for the channel only to say that keys are agreed', async () => {
  const { sides, channels, verify, open, exchange, trips } = await describedPair();
  assert.equal(trips, 3);
  const said = () => sides.map((side) => side.all('handshake').map(typeOf)).toSorted((a, b) => a[1] - b[1]);
  assert.deepEqual(said(), [[HELLO, REVEAL], [HELLO, ANSWER]]);
  verify();
  await settle();
  assert.equal(await exchange(), 1);
  assert.deepEqual(said(), [[HELLO, REVEAL, CONFIRM], [HELLO, ANSWER]]);
  for (const side of sides) assert.deepEqual([agreed(side), side.all('laneOpened')], [false, []]);

  // Nothing has to cross any more.
  for (const channel of channels.flat()) channel.hold = true;
  open();
  const [a, b] = await Promise.all(sides.map((side) => side.until('established')));
  assert.deepEqual(a.agreement.sas, b.agreement.sas);
  assert.notEqual(a.initiator, b.initiator);
  for (const channel of channels.flat()) {
    channel.hold = false;
    channel.work();
  }
  sides[0].send('send-1', randomBytes(1_000));
  await sides[1].until('offer');
  await closePair(sides);
});

test('pings wait for their channel, which a long path opens late, and do not wait then', async () => {
  const { sides, verify, open, exchange } = await describedPair();
  verify();
  await settle();
  await exchange();
  // Longer than a ping may be unanswered.
  await sleep(1_500);
  open();
  await Promise.all(sides.map((side) => side.until('established')));
  // The first report, after a second.
  for (const side of sides) assert.ok((await side.until('progress')).stats.rtt < 1_000);
  await closePair(sides);
});

test('without a look at the certificate, the channel has to bring the rest', async () => {
  const { sides, channels, open } = await describedPair();
  for (const channel of channels.flat()) channel.hold = true;
  open();
  await settle();
  assert.deepEqual(sides.map(agreed).sort(), [false, true], 'one side needs nothing from its channel');
  for (const channel of channels.flat()) {
    channel.hold = false;
    channel.work();
  }
  await Promise.all(sides.map((side) => side.until('established')));
  await closePair(sides);
});

const carriers = {
  nothing: () => [],
  'each message twice': (message) => [message, message],
  'only the first messages': (message) => (message.index === 0 ? [message] : []),
  'only later messages': (message) => (message.index > 0 ? [message] : []),
  'each message and some more with invalid numbers': (message) => [-1, 4, 1e9].map((index) => ({ ...message, index })).concat(message),
  'each message with one that is too long': (message) => [{ ...message, message: new Uint8Array(4096).fill(1) }, message],
  'no handshake at all': (message) => [{ ...message, message: Uint8Array.of(2, 1, 1, 1) }],
};
for (const [name, carry] of Object.entries(carriers)) {
  test(`a signalling that carries ${name}: the channel does`, async () => {
    const { sides, open } = await describedPair({ carry });
    assert.equal(sides.some(agreed), false);
    open();
    await Promise.all(sides.map((side) => side.until('established')));
    await closePair(sides);
  });
}

test('a channel that is open before it says so carries the messages in their order', async () => {
  const { sides, channels, verify } = await describedPair({ carry: (message) => (message.index === 0 ? [message] : []) });
  for (const channel of channels.flat()) channel.readyState = 'open';
  // REVEAL was lost. The side that gets it now answers before it hears that its channel is open.
  verify();
  const revealed = sides.findIndex((side) => side.all('handshake').some((message) => typeOf(message) === REVEAL));
  sides[1 - revealed].post(structuredClone(sides[revealed].all('handshake')[1]));
  await settle();
  for (const channel of channels.flat()) channel.open();
  await Promise.all(sides.map((side) => side.until('established')));
  await closePair(sides);
});

test('once the channels are open, the signalling has no influence', async () => {
  const { sides, open } = await describedPair();
  open();
  await Promise.all(sides.map((side) => side.until('established')));
  for (const side of sides) for (const index of [0, 1, 2, 3]) side.post({ type: 'handshake', index, message: Uint8Array.of(1, HELLO, 0) });
  await settle();
  sides[0].send('send-1', randomBytes(1_000));
  await sides[1].until('offer');
  for (const side of sides) assert.deepEqual(side.all('closed'), []);
  await closePair(sides);
});

test('a forged message ends the handshake, as it would in the channel', async () => {
  const carry = (message) => [{ ...message, message: message.message.map((byte, at) => (at === 2 ? byte ^ 1 : byte)) }];
  const { sides } = await describedPair({ carry });
  for (const side of sides) assert.equal((await side.until('closed')).code, 'handshake-failed');
});

/** Two sides whose secrets are of different kinds, of which the first one has heard it. */
async function disagreeing() {
  const sides = [new EngineSide(0), new EngineSide(1)];
  sides[0].start();
  sides[1].start({ secretKind: 'key', secret: new Uint8Array(16).fill(7) });
  const channels = [pulseLane, 0].flatMap((lane) => {
    const pair = channelPair(`lane-${lane}`);
    for (const [index, side] of sides.entries()) side.post({ type: 'addLane', lane, channel: pair[index], reliable: lane === 0 });
    return pair;
  });
  for (const [index, side] of sides.entries()) side.post({ type: 'described', maxMessageSize: limit, fingerprints: fingerprints[index] });
  const hellos = await Promise.all(sides.map((side) => side.until('handshake')));
  sides[0].post(structuredClone(hellos[1]));
  assert.equal((await sides[0].until('closed')).code, 'authentication-failed');
  return { sides, channels };
}

test('sides with different kinds of secret learn it from each other before they have a path', async () => {
  const { sides } = await disagreeing();
  // The other side has heard nothing but what this one says.
  for (const message of sides[0].all('handshake')) sides[1].post(structuredClone(message));
  assert.equal((await sides[1].until('closed')).code, 'authentication-failed');
});

test('a side that leaves because of the handshake says so over a channel that opens a moment later, too', async () => {
  const { sides, channels } = await disagreeing();
  await settle();
  for (const [index, side] of sides.entries()) side.post({ type: 'laneLimit', lane: 0, maxMessageSize: limit, fingerprints: fingerprints[index] });
  for (const channel of channels) channel.open();
  assert.equal((await sides[1].until('closed')).code, 'authentication-failed');
});

test('it is heard, too, by a side whose channel closes before that side knows the limit of its messages', async () => {
  const { sides, channels } = await disagreeing();
  await settle();
  sides[0].post({ type: 'laneLimit', lane: 0, maxMessageSize: limit, fingerprints: fingerprints[0] });
  for (const channel of channels) channel.open();
  assert.equal((await sides[1].until('closed')).code, 'authentication-failed');
});

test('with a code, nothing is said before both channels are open that shows whether a guess is right', async () => {
  // Each start wipes its own.
  const pair = await describedPair({ options: () => ({ secretKind: 'code', secret: new TextEncoder().encode('7-correct-horse') }) });
  const expectNoAnswer = () => {
    for (const side of pair.sides) {
      assert.equal(side.all('handshake').map(typeOf).some((type) => type > REVEAL), false);
      assert.deepEqual(side.all('laneOpened'), [], 'the code is not used up');
    }
  };
  expectNoAnswer();
  pair.verify();
  const answered = [];
  const [, control] = pair.channels;
  for (const channel of control) {
    const { send } = channel;
    channel.send = (data) => {
      answered.push(data[1]);
      send.call(channel, data);
    };
    channel.open();
  }
  await settle();
  expectNoAnswer();
  assert.equal(answered.some((type) => type > REVEAL), false);
  pair.open();
  await Promise.all(pair.sides.map((side) => side.until('established')));
  await closePair(pair.sides);
});
