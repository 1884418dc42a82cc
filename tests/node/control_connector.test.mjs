// The repair of the control connection, with connections that break when a test says so and a signalling in memory.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { connections, describe, FakeConnection } from './support/fake_connection.mjs';
import { quiet, Room } from './support/room.mjs';
import { bundle } from './support/web_module.mjs';

const { ControlConnector, pair } = await bundle(`
  export { ControlConnector } from './rtc/control_connector.ts';
  export { pair } from './signaling/rendezvous.ts';
`);

globalThis.RTCPeerConnection = FakeConnection;

const connectors = [];

beforeEach(() => {
  connections.length = 0;
});

// They would go on repairing for ever.
afterEach(() => {
  for (const connector of connectors.splice(0)) connector.close();
});

/** Two connectors whose descriptions are exchanged, the one that makes offers first, and what happens to each. */
async function openingPair() {
  const room = new Room();
  const signal = new AbortController().signal;
  const members = [room.join(), room.join()];
  const pairings = await Promise.all(members.map((member) => pair(member, signal)));
  if (!pairings[0].initiator) {
    pairings.reverse();
    members.reverse();
  }
  const sides = pairings.map((pairing, index) => {
    const side = { pairing, member: members[index], happened: [], attached: 0 };
    const note = (what) => () => side.happened.push(what);
    side.connector = new ControlConnector({
      rtc: {},
      pairing,
      attach: () => {
        side.attached += 1;
        side.current = connections.at(-1);
      },
      onnegotiated: () => {},
      check: note('check'),
      reopenSignaling: () => {},
      onrenew: note('renew'),
      onsteady: (steady) => side.happened.push(steady ? 'steady' : 'unsteady'),
      onfailed: ({ code }) => side.happened.push(code),
      ongone: ({ code }) => side.happened.push(`gone ${code}`),
    });
    connectors.push(side.connector);
    side.link = () => side.current;
    return side;
  });
  await quiet(room);
  return { room, sides };
}

/** The same, with both up. */
async function upPair() {
  const { room, sides } = await openingPair();
  for (const side of sides) {
    side.link().become('connected');
    side.connector.established();
    side.happened = [];
  }
  return { room, sides };
}

test('after both sides see the connection drop, ICE is restarted, and the connection stays if that helps', async () => {
  const { room, sides: [offering, answering] } = await upPair();
  const [a, b] = [offering.link(), answering.link()];
  b.become('disconnected');
  await quiet(room);
  // The other side has not seen it: it asks over the connection itself.
  assert.deepEqual(offering.happened, ['check']);
  a.become('disconnected');
  await quiet(room);
  assert.equal(a.restarts, 1);
  assert.equal(b.described.length, 2);
  assert.equal(a.signalingState, 'stable');
  for (const connection of [a, b]) connection.become('connected');
  for (const { happened, attached } of [offering, answering]) {
    assert.deepEqual(happened.slice(-3), ['unsteady', 'steady', 'check']);
    assert.equal(attached, 1);
  }
});

test('a description that would replace a working connection is kept until that connection fails', async () => {
  const { room, sides: [offering, answering] } = await upPair();
  offering.link().become('disconnected');
  await quiet(room);
  assert.deepEqual(answering.happened, ['check']);
  assert.equal(answering.link().described.length, 1);
  answering.link().become('disconnected');
  await quiet(room);
  assert.equal(answering.link().described.length, 2);
  assert.equal(offering.link().signalingState, 'stable');
});

for (const first of [0, 1]) {
  test(`a session that lost its connection gets a new one, ${first === 0 ? 'offered' : 'asked for'}`, async () => {
    const { room, sides } = await upPair();
    const other = sides[1 - first];
    sides[first].connector.disconnected();
    await quiet(room);
    assert.deepEqual(other.happened, ['check']);
    assert.equal(other.attached, 1);
    other.connector.disconnected();
    await quiet(room);
    for (const side of sides) {
      assert.equal(side.attached, 2);
      assert.equal(side.happened.filter((what) => what === 'renew').length, 1);
      assert.ok(side.link().described.length === 1);
      side.link().become('connected');
      side.connector.established();
      assert.equal(side.happened.at(-1), 'steady');
    }
  });
}

test('a restart that does not help becomes a new connection, again and again until the session gives up', async (context) => {
  const { room, sides: [offering] } = await upPair();
  context.mock.timers.enable({ apis: ['setTimeout'] });
  offering.link().become('disconnected');
  context.mock.timers.tick(5_000);
  await quiet(room);
  assert.equal(offering.attached, 2);
  for (let attempt = 3; attempt < 6; attempt += 1) {
    context.mock.timers.tick(8_000);
    await quiet(room);
    assert.equal(offering.attached, attempt);
  }
  // One that fails at once is tried again sooner.
  offering.link().become('failed');
  context.mock.timers.tick(1_000);
  assert.equal(offering.attached, 6);
  offering.connector.close();
  context.mock.timers.tick(60_000);
  assert.equal(offering.attached, 6);
  assert.equal(offering.happened.filter((what) => what === 'unsteady').length, 1);
});

test('whatever the signalling says, a connection that works stays', async () => {
  const { room, sides } = await upPair();
  for (const { pairing, member } of sides) {
    // What is not for this member is ignored, so one of the two is heard.
    const { from, to } = room.log.findLast(({ type }) => type === 'description');
    const hear = (body) => {
      member.onmessage({ millrace: 1, from, to, ...body });
      member.onmessage({ millrace: 1, from: to, to: from, ...body });
    };
    for (const link of [0, 1, 7]) {
      for (const type of ['restart', 'renew']) hear({ type, link });
      hear({ type: 'description', kind: 'offer', sdp: describe('forged'), link });
      hear({ type: 'description', kind: 'answer', sdp: describe('forged'), link });
    }
    hear({ type: 'bye' });
    pairing.ondoubt();
  }
  await quiet(room);
  for (const { happened, attached, link } of sides) {
    assert.deepEqual([...new Set(happened)], ['check']);
    assert.equal(attached, 1);
    assert.ok(!link().described.includes(describe('forged')));
  }
});

test('a side that said goodbye is gone as soon as the session loses the connection', async () => {
  const { room, sides } = await upPair();
  sides[0].pairing.sayBye();
  await quiet(room);
  assert.deepEqual(sides[1].happened, ['check']);
  sides[1].connector.disconnected();
  assert.deepEqual(sides[1].happened, ['check', 'unsteady', 'gone connection-lost']);
});

test('a side that may be gone has three seconds to answer', async (context) => {
  for (const answers of [true, false]) {
    const { room, sides: [a, b] } = await upPair();
    context.mock.timers.enable({ apis: ['setTimeout'] });
    a.pairing.ondoubt();
    if (!answers) room.members.delete(b.member);
    a.connector.disconnected();
    await quiet(room);
    context.mock.timers.tick(3_000);
    assert.equal(a.happened.includes('gone connection-lost'), !answers);
    for (const { connector } of [a, b]) connector.close();
    context.mock.timers.reset();
  }
});

test('the same before the first connection is up, because a page may be reloaded during the attempt', async (context) => {
  for (const answers of [true, false]) {
    const { room, sides: [a, b] } = await openingPair();
    context.mock.timers.enable({ apis: ['setTimeout'] });
    if (!answers) room.members.delete(b.member);
    a.pairing.ondoubt();
    await quiet(room);
    context.mock.timers.tick(3_000);
    assert.deepEqual(a.happened, answers ? [] : ['connection-lost']);
    for (const { connector } of [a, b]) connector.close();
    context.mock.timers.reset();
  }
});

test('a side that leaves after a long attempt had no path either', async (context) => {
  const now = performance.now();
  const { room, sides: [a, b] } = await openingPair();
  context.mock.method(performance, 'now', () => now + 11_000);
  a.pairing.sayBye();
  await quiet(room);
  assert.deepEqual(b.happened, ['connection-failed']);
});

test('an ICE restart with another fingerprint ends the session as a forgery', async () => {
  const { room, sides } = await upPair();
  const [offering, answering] = sides;
  for (const side of sides) side.link().become('disconnected');
  const { from, to } = room.log.findLast(({ type, kind }) => type === 'description' && kind === 'answer');
  const forged = describe('forged', `sha-256 ${Array(32).fill('CD').join(':')}`);
  offering.member.onmessage({ millrace: 1, from, to, type: 'description', kind: 'answer', sdp: forged, link: 0 });
  await quiet(room);
  assert.equal(offering.happened.at(-1), 'gone authentication-failed');
  assert.equal(offering.link().connectionState, 'closed');
  assert.ok(!offering.link().described.includes(forged));
  assert.ok(!answering.happened.includes('gone authentication-failed'));
});

test('during the first handshake, a goodbye waits for the session\'s reason', async (context) => {
  for (const established of [true, false]) {
    const { room, sides: [a, b] } = await openingPair();
    context.mock.timers.enable({ apis: ['setTimeout'] });
    b.connector.handshaking();
    a.pairing.sayBye();
    await quiet(room);
    assert.deepEqual(b.happened, []);
    if (established) b.connector.established();
    context.mock.timers.tick(2_000);
    assert.deepEqual(b.happened, established ? ['steady'] : ['connection-lost']);
    for (const { connector } of [a, b]) connector.close();
    context.mock.timers.reset();
  }
});
