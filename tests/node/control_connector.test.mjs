// The repair of the control connection, with connections that break when a test says so and a signalling in memory.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { connections, describe, FakeConnection } from './support/fake_connection.mjs';
import { quiet, Room } from './support/room.mjs';
import { bundle } from './support/web_module.mjs';

const { Configurations, ControlConnector, MillraceError, pair } = await bundle(`
  export { MillraceError } from './api/errors.ts';
  export { Configurations } from './rtc/configurations.ts';
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

/** Two connectors whose descriptions are exchanged, the one that makes offers first, and what happens to each. `rtc`: of both; `lose`: see `Room`. */
async function openingPair({ rtc = { iceServers: [] }, patient = false, lose = () => false } = {}) {
  const room = new Room();
  room.lose = lose;
  const signal = new AbortController().signal;
  const members = [room.join(), room.join()];
  const pairings = await Promise.all(members.map((member) => pair(member, signal)));
  if (!pairings[0].initiator) {
    pairings.reverse();
    members.reverse();
  }
  const configurations = [await Configurations.start(rtc, false), await Configurations.start(rtc, false)];
  const sides = pairings.map((pairing, index) => {
    const side = { pairing, member: members[index], happened: [], inBand: [], handshake: [], lanes: [], attached: 0, checks: 0 };
    const note = (what) => () => side.happened.push(what);
    side.connector = new ControlConnector({
      rtc: configurations[index],
      pairing,
      patient,
      attach: (channel, lane) => {
        assert.equal(channel.label, `millrace-${lane}`);
        if (lane === 'control') side.attached += 1;
        side.current = connections.at(-1);
      },
      ondescribed: () => {},
      onhandshake: (index, message) => side.handshake.push([index, [...message]]),
      onlane: (lane, messages) => side.lanes.push([lane, messages]),
      sayInBand: (text) => side.inBand.push(text),
      onnegotiated: () => {},
      check: note('check'),
      reopenSignaling: () => (side.checks += 1),
      onrenew: note('renew'),
      onmoved: note('moved'),
      onsteady: (steady) => side.happened.push(steady ? 'steady' : 'unsteady'),
      onfailed: (error) => {
        side.error = error;
        side.happened.push(error.code);
      },
      ongone: (error) => {
        side.error = error;
        side.happened.push(`gone ${error.code}`);
      },
    });
    connectors.push(side.connector);
    side.link = () => side.current;
    return side;
  });
  await quiet(room);
  return { room, sides };
}

/** The same, with both up. */
async function upPair(options) {
  const { room, sides } = await openingPair(options);
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

test('while both sides hear nothing, they look for another path at once and keep the connection', async () => {
  const { room, sides } = await upPair();
  const [offering, answering] = sides;
  // The one that answers hears of it first: its request waits until the other side hears nothing either.
  answering.connector.silence(true);
  await quiet(room);
  assert.deepEqual(offering.happened, ['check']);
  offering.connector.silence(true);
  await quiet(room);
  assert.equal(offering.link().restarts, 1);
  assert.equal(answering.link().described.length, 2);
  assert.equal(offering.link().signalingState, 'stable');
  assert.ok(sides.every(({ checks }) => checks === 1));
  for (const { connector } of sides) connector.silence(false);
  assert.deepEqual([offering.happened, answering.happened], [['check', 'moved'], ['moved']]);
  assert.deepEqual(sides.map(({ attached }) => attached), [1, 1]);
});

test('an ICE restart that came before the silence was noticed is taken when it is', async () => {
  const { room, sides: [offering, answering] } = await upPair();
  offering.connector.silence(true);
  await quiet(room);
  assert.deepEqual(answering.happened, ['check']);
  assert.equal(answering.link().described.length, 1);
  answering.connector.silence(true);
  await quiet(room);
  assert.equal(answering.link().described.length, 2);
  assert.equal(offering.link().signalingState, 'stable');
});

test('silence that ends before the other side answers changes nothing', async () => {
  const { room, sides: [offering, answering] } = await upPair();
  room.lose = () => true;
  answering.connector.silence(true);
  offering.connector.silence(true);
  await quiet(room);
  for (const { connector } of [offering, answering]) connector.silence(false);
  assert.deepEqual([offering.happened, answering.happened], [[], []]);
});

test('a side that gave the connection up gets a new one from a side that hears nothing', async () => {
  const { room, sides: [offering, answering] } = await upPair();
  offering.connector.silence(true);
  answering.connector.disconnected();
  await quiet(room);
  assert.deepEqual(offering.happened, ['unsteady', 'renew']);
  assert.deepEqual([offering.attached, answering.attached], [2, 2]);
});

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

test('a side that may be gone has five seconds to answer', async (context) => {
  for (const answers of [true, false]) {
    const { room, sides: [a, b] } = await upPair();
    context.mock.timers.enable({ apis: ['setTimeout'] });
    a.pairing.ondoubt();
    if (!answers) room.members.delete(b.member);
    a.connector.disconnected();
    await quiet(room);
    context.mock.timers.tick(5_000);
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
    context.mock.timers.tick(5_000);
    assert.deepEqual(a.happened, answers ? [] : ['connection-lost']);
    for (const { connector } of [a, b]) connector.close();
    context.mock.timers.reset();
  }
});

test('a side that may be gone is asked each second: it may be on its way back to the room', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const { room, sides: [a, b] } = await openingPair();
  room.members.delete(b.member);
  a.pairing.ondoubt();
  for (let second = 1; second < 4; second += 1) context.mock.timers.tick(1_000);
  await quiet(room);
  room.members.add(b.member);
  context.mock.timers.tick(1_000);
  await quiet(room);
  context.mock.timers.tick(7_000);
  assert.equal(room.log.filter(({ type }) => type === 'ping').length, 5);
  assert.deepEqual(a.happened, []);
});

for (const lost of ['offer', 'answer']) {
  for (const back of [0, 1]) {
    test(`the ${lost} of a first connection was lost: when the ${back === 0 ? 'offering' : 'answering'} side has a new way to the room, it is said again`, async () => {
      const { room, sides } = await openingPair({
        lose: (message, sent) => message.kind === lost && sent.filter(({ kind }) => kind === lost).length === 1,
      });
      const [offering, answering] = sides;
      assert.equal(offering.link().signalingState, 'have-local-offer');
      sides[back].pairing.onreopened();
      await quiet(room);
      // Whatever was heard before is ignored.
      assert.equal(offering.link().signalingState, 'stable');
      assert.deepEqual([offering.link().described.length, answering.link().described.length], [1, 1]);
      assert.ok(room.log.filter(({ kind }) => kind === lost).length >= 2);
      for (const { happened } of sides) assert.deepEqual(happened, []);
    });
  }
}

test('the descriptions of a repair are said again, too, also where the other side knows only of the connection before', async () => {
  const { room, sides } = await upPair({ lose: ({ kind, link }, sent) => kind === 'offer' && link === 1 && sent.filter((message) => message.link === 1).length === 1 });
  for (const { connector } of sides) connector.disconnected();
  await quiet(room);
  assert.equal(sides[1].attached, 1);
  sides[1].pairing.onreopened();
  await quiet(room);
  assert.equal(sides[1].attached, 2);
  assert.equal(sides[0].link().signalingState, 'stable');
});

test('a connection that works says nothing again by itself, and nobody can make a side repeat itself without end', async () => {
  const { room, sides: [offering, answering] } = await upPair();
  const before = room.log.length;
  offering.pairing.onreopened();
  await quiet(room);
  assert.equal(room.log.length, before);
  const { from, to } = room.log.findLast(({ kind }) => kind === 'offer');
  for (let i = 0; i < 100; i += 1) offering.member.onmessage({ millrace: 1, from: to, to: from, type: 'repeat', link: 0 });
  await quiet(room);
  assert.equal(room.log.filter(({ kind }) => kind === 'offer').length, 2);
  assert.equal(answering.link().described.length, 1);
});

test('the signalling is checked every three seconds until the first connection is up', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const { sides: [a, b] } = await openingPair();
  context.mock.timers.tick(9_000);
  assert.equal(a.checks, 3);
  a.connector.established();
  b.connector.close();
  context.mock.timers.tick(60_000);
  assert.deepEqual([a.checks, b.checks], [3, 3]);
});

test('when the network may have changed, a connection is checked, and a repair goes on at once', async () => {
  const { room, sides: [offering, answering] } = await openingPair();
  offering.connector.check();
  assert.deepEqual(offering.happened, []);
  for (const side of [offering, answering]) side.connector.established();
  offering.connector.check();
  assert.equal(offering.happened.at(-1), 'check');
  offering.link().become('disconnected');
  await quiet(room);
  assert.equal(offering.attached, 1);
  for (const count of [2, 3]) {
    offering.connector.check();
    assert.equal(offering.attached, count);
  }
  offering.connector.stopRepairs();
  offering.connector.check();
  assert.equal(offering.attached, 3);
});

test('a side that leaves after a long attempt had no path either', async (context) => {
  const now = performance.now();
  const { room, sides: [a, b] } = await openingPair();
  context.mock.method(performance, 'now', () => now + 11_000);
  a.pairing.sayBye();
  await quiet(room);
  assert.deepEqual(b.happened, ['connection-failed']);
});

test('a side that found no path says so when it leaves', async () => {
  const { room, sides: [a, b] } = await openingPair();
  a.pairing.sayBye(true);
  await quiet(room);
  assert.deepEqual(b.happened, ['connection-failed']);
  assert.equal(b.connector.explain(b.error).detail.reason, 'peer-unreachable');
});

test('a connection without a path ends 12 s after the descriptions, unless people carry the messages', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const start = performance.now();
  for (const patient of [false, true]) {
    const { sides } = await openingPair({ patient });
    context.mock.timers.tick(11_900);
    assert.deepEqual(sides.map(({ happened }) => happened), [[], []]);
    // The descriptions took a moment of real time.
    context.mock.timers.tick(100 + performance.now() - start);
    for (const { happened } of sides) assert.deepEqual(happened, patient ? [] : ['connection-failed']);
  }
});

test('a path that is found within the time ends the wait for one', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { sides } = await openingPair();
  for (const side of sides) side.link().become('connected');
  context.mock.timers.tick(60_000);
  assert.deepEqual(sides.map(({ happened }) => happened), [[], []]);
});

test('errors get a report while the connection does not work, and only those that it may have caused', async () => {
  const { sides: [a, b] } = await openingPair();
  const explain = (side, code, options) => side.connector.explain(new MillraceError(code, '', options)).detail?.reason;
  for (const code of ['connection-failed', 'connection-lost', 'timeout']) assert.equal(explain(a, code), 'peer-unreachable', code);
  assert.equal(explain(a, 'signaling-failed'), 'signaling-down');
  for (const code of ['aborted', 'authentication-failed', 'internal', 'handshake-failed']) assert.equal(explain(a, code), undefined, code);
  assert.equal(explain(a, 'timeout', { byPeer: true }), undefined);
  const explained = a.connector.explain(new MillraceError('timeout'));
  assert.equal(a.connector.explain(explained), explained);

  for (const side of [a, b]) {
    side.link().become('connected');
    side.connector.established();
  }
  for (const code of ['connection-lost', 'timeout']) assert.equal(explain(a, code), undefined, code);
  a.connector.signalingFailed();
  a.connector.disconnected();
  assert.equal(explain(a, 'connection-lost'), 'signaling-down');
  // A message came through: the signalling works again.
  b.pairing.send({ type: 'ping' });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.notEqual(explain(a, 'connection-lost'), 'signaling-down');
});

test('what the session sees of a connection without a path has that as its cause, until there is a path', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { sides: [a, b] } = await openingPair();
  const explain = ({ connector }, code, text) => {
    const { code: found, explanation, detail } = connector.explain(new MillraceError(code, text));
    return [found, explanation, detail.reason];
  };
  // Firefox closes the channels when it has found no path; the session may end before it has had the time to say why.
  a.connector.handshaking();
  a.link().become('failed');
  assert.deepEqual(a.happened, ['connection-failed'], 'at once: without a path, the session has nothing to say');
  for (const [code, text] of [['connection-lost', 'the connection to the peer closed'], ['timeout', 'the peer did not answer the handshake']]) {
    for (const side of [a, b]) assert.deepEqual(explain(side, code, text), ['connection-failed', 'no path to the other side', 'peer-unreachable']);
  }
  b.link().become('connected');
  assert.deepEqual(explain(b, 'timeout', 'the peer did not answer the handshake').slice(0, 1), ['timeout']);
});

test('a side that said goodbye needs no report', async () => {
  const { room, sides: [a, b] } = await upPair();
  a.pairing.sayBye();
  await quiet(room);
  b.connector.disconnected();
  await quiet(room);
  assert.deepEqual(b.happened.at(-1), 'gone connection-lost');
  assert.equal(b.connector.explain(b.error).detail, undefined);
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

test('each new connection and each ICE restart gets servers that the function rtc gave for it, on both sides', async () => {
  let asked = 0;
  const { room, sides } = await upPair({ rtc: () => {
    asked += 1;
    return { iceServers: [{ urls: 'turn:turn.example', username: `user-${asked}`, credential: 'secret' }] };
  } });
  const users = (side) => side.link().configurations.map(({ iceServers }) => iceServers[0].username);
  assert.equal(asked, 2);
  const known = sides.map((side) => users(side));
  assert.deepEqual(known.flat().sort(), ['user-1', 'user-2']);

  // Both see the connection drop: an ICE restart.
  for (const side of sides) side.link().become('disconnected');
  await quiet(room);
  assert.equal(asked, 4);
  for (const [index, side] of sides.entries()) assert.deepEqual([users(side)[0], users(side).length], [known[index][0], 2]);
  const restarted = sides.map((side) => users(side)[1]);
  assert.deepEqual(restarted.sort(), ['user-3', 'user-4']);

  // The restart does not help: a new connection, made with the known servers, gets new ones before its description.
  for (const side of sides) side.connector.disconnected();
  await quiet(room);
  assert.equal(asked, 6);
  for (const side of sides) {
    assert.match(users(side)[0], /user-[34]/);
    assert.match(users(side)[1], /user-[56]/);
    assert.equal(side.link().described.length, 1);
  }
});

test('a connection that looks for a better path does so over itself, and stays as it is', async () => {
  const { room, sides } = await upPair();
  const [a, b] = sides;
  const before = room.log.length;
  // The side that does not make offers cannot begin.
  b.connector.lookForBetterPath();
  a.connector.lookForBetterPath();
  await quiet(room);
  assert.equal(a.link().restarts, 1);
  const [offer] = a.inBand.splice(0);
  assert.equal(b.connector.hearInBand(offer), true);
  await quiet(room);
  const [answer] = b.inBand.splice(0);
  assert.equal(a.connector.hearInBand(answer), true);
  await quiet(room);
  assert.deepEqual([a.link().signalingState, a.link().described.length, b.link().described.length], ['stable', 2, 2]);
  assert.equal(room.log.length, before, 'the signalling has no part in it');
  for (const side of sides) assert.deepEqual(side.happened, []);
});

test('texts about a path that are invalid, or late, change nothing', async () => {
  const { room, sides } = await upPair();
  const [a, b] = sides;
  a.connector.lookForBetterPath();
  await quiet(room);
  const [offer] = a.inBand;
  for (const text of ['ice ', 'ice {}', 'ice null', 'ice [1]', `${offer}}`, offer.replace('"link":0', '"link":1'), offer.replace('"link":0', '"link":"0"')]) {
    assert.equal(b.connector.hearInBand(text), true);
  }
  assert.equal(b.connector.hearInBand('{"lane":1,"type":"lost"}'), false);
  await quiet(room);
  assert.equal(b.link().described.length, 1);
  // A repair that has begun goes over the signalling.
  b.link().become('disconnected');
  b.connector.hearInBand(offer);
  await quiet(room);
  assert.equal(b.link().described.length, 1);
});

test('before the channels are open, a goodbye after the handshake has begun waits for the session\'s reason, longer where that is on its way', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  for (const [type, wait] of [[5, 10_000], [1, 2_000]]) {
    const { room, sides } = await openingPair();
    const [a, b] = sides;
    a.connector.sendHandshake(0, Uint8Array.of(1, type));
    a.pairing.sayBye();
    await quiet(room);
    assert.deepEqual(b.handshake, [[0, [1, type]]]);
    context.mock.timers.tick(wait - 1);
    assert.deepEqual(b.happened, []);
    context.mock.timers.tick(1);
    assert.deepEqual(b.happened, ['connection-lost']);
  }
});

test('a side that says through the signalling that the secret is wrong, and leaves, is known to have left for that', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  for (const [reason, code] of [[21, 'authentication-failed'], [1, 'connection-lost'], [undefined, 'connection-lost']]) {
    const { room, sides: [a, b] } = await openingPair();
    b.link().become('connected');
    a.connector.sendHandshake(0, Uint8Array.of(1, 5, ...(reason === undefined ? [] : [reason])));
    a.pairing.sayBye();
    await quiet(room);
    const { code: found, detail } = b.connector.explain(new MillraceError('connection-lost', 'the connection to the peer closed'));
    assert.deepEqual([found, detail], [code, undefined]);
    context.mock.timers.tick(10_000);
    assert.deepEqual(b.happened, [code]);
  }
});

test('a goodbye waits for the session\'s reason, too, once there is a path: the other side may have its channels before this one', async (context) => {
  for (const hasPath of [false, true]) {
    const { room, sides: [a, b] } = await openingPair();
    context.mock.timers.enable({ apis: ['setTimeout'] });
    if (hasPath) b.link().become('connected');
    a.pairing.sayBye();
    await quiet(room);
    assert.deepEqual(b.happened, hasPath ? [] : ['connection-lost']);
    context.mock.timers.tick(2_000);
    assert.deepEqual(b.happened, ['connection-lost']);
    for (const { connector } of [a, b]) connector.close();
    context.mock.timers.reset();
  }
});

test('messages of the handshake count for the first connection only, and while it is being set up', async () => {
  const { room, sides } = await openingPair();
  const [a, b] = sides;
  a.pairing.send({ type: 'handshake', link: 1, index: 0, data: 'AQE' });
  a.pairing.send({ type: 'handshake', link: 0, index: 0, data: '!' });
  a.pairing.send({ type: 'handshake', link: 0, index: -1, data: 'AQE' });
  a.connector.sendHandshake(0, Uint8Array.of(1, 1));
  await quiet(room);
  assert.deepEqual(b.handshake, [[0, [1, 1]]]);
  for (const side of sides) {
    side.link().become('connected');
    side.connector.established();
  }
  const before = room.log.length;
  a.connector.sendHandshake(1, Uint8Array.of(1, 2));
  assert.equal(room.log.length, before);
  a.pairing.send({ type: 'handshake', link: 0, index: 1, data: 'AQI' });
  await quiet(room);
  assert.equal(b.handshake.length, 1);
});

test('what sets up a first lane goes through the signalling while the connection is being set up, whole and checked', async () => {
  const { room, sides } = await openingPair();
  const [a, b] = sides;
  const description = { type: 'description', kind: 'offer', sdp: 'v=0' };
  const candidate = { type: 'candidate', candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 };
  a.connector.sendLane(1, [description, candidate]);
  const bad = [
    { lane: 1 }, { lane: 1, messages: [] }, { lane: 1, messages: {} }, { lane: 1.5, messages: [description] }, { lane: -1, messages: [description] }, { lane: '1', messages: [description] },
    { lane: 1, messages: [description, { type: 'candidate' }] }, { lane: 1, messages: [null] }, { lane: 1, messages: [{ type: 'lane', lane: 2, messages: [] }] },
    { lane: 1, messages: Array(65).fill(candidate) }, { lane: 1, messages: [{ ...description, sdp: 'x'.repeat(50_000) }] },
  ];
  for (const fields of bad) a.pairing.send({ type: 'lane', ...fields });
  await quiet(room);
  assert.deepEqual(b.lanes, [[1, [description, candidate]]]);
  a.pairing.send({ type: 'lane', lane: 2, messages: Array(64).fill(candidate) });
  await quiet(room);
  assert.equal(b.lanes[1][1].length, 64);
  for (const side of sides) {
    side.link().become('connected');
    side.connector.established();
  }
  const before = room.log.length;
  a.connector.sendLane(3, [description]);
  assert.equal(room.log.length, before, 'the control connection carries it then');
});
