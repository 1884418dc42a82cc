// The lanes that are opened beside the first control connection: two connectors, and connections that open when a test says so.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { connections, describe, FakeConnection } from './support/fake_connection.mjs';
import { bundle } from './support/web_module.mjs';

const { Configurations, LaneConnector } = await bundle(`
  export { Configurations } from './rtc/configurations.ts';
  export { LaneConnector } from './rtc/lane_connector.ts';
`);

globalThis.RTCPeerConnection = FakeConnection;

const turn = { urls: ['turn:192.0.2.1:3478', 'stun:192.0.2.1:3478'], username: 'u', credential: 'c' };
const host = { candidate: 'candidate:1 1 udp 2122260223 192.168.1.2 50000 typ host', sdpMid: '0', sdpMLineIndex: 0 };

beforeEach(() => {
  connections.length = 0;
});

const settle = async () => {
  for (let turns = 0; turns < 30; turns += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** `path`: of the control connection. What the side says is kept in `said` and `inBand`, until `pass` takes it. */
async function makeSide({ path = {}, hasFirst = true, maxLanes = 8 } = {}) {
  const side = { said: [], inBand: [], lost: [], path, attached: [] };
  side.connector = new LaneConnector({
    rtc: await Configurations.start({ iceServers: [turn] }, false),
    maxLanes,
    reliable: true,
    pathKind: () => path.kind,
    onrelayfull: () => assert.fail('first lanes use no relay'),
    sayFirst: hasFirst ? (lane, messages) => side.said.push({ lane, messages }) : undefined,
    signal: (message) => side.inBand.push(message),
    attach: (lane) => side.attached.push(lane),
    onnegotiated: () => {},
    onlost: (lane, error) => side.lost.push([lane, error.explanation]),
  });
  side.connector.want(4);
  return side;
}

/** What is said in band waits for what comes soon, ms. */
const GATHERING_MS = 20;
const realTimeout = globalThis.setTimeout;
const wait = () => new Promise((resolve) => realTimeout(resolve, GATHERING_MS + 5));

/** Everything that one side has said reaches the other one, until both are silent. `tick` lets the time pass that messages wait for others. */
async function pass(a, b, tick = wait) {
  const settleAll = async () => {
    await settle();
    await tick();
    await settle();
  };
  await settleAll();
  while ([a, b].some(({ said, inBand }) => said.length + inBand.length > 0)) {
    for (const [from, to] of [[a, b], [b, a]]) {
      for (const { lane, messages } of from.said.splice(0)) to.connector.hearFirst(lane, messages);
      for (const text of from.inBand.splice(0)) to.connector.handle(text);
    }
    await settleAll();
  }
}

function gathered(connection, candidates = [host]) {
  for (const candidate of [...candidates, null]) connection.dispatchEvent(Object.assign(new Event('icecandidate'), { candidate }));
}

const gatherAll = () => connections.forEach((connection) => gathered(connection));

/** Both sides, with four lanes that are described at both. */
async function makePair(options = {}) {
  const offers = await makeSide(options);
  const answers = await makeSide(options);
  offers.connector.openFirst();
  await settle();
  gatherAll();
  await pass(offers, answers);
  gatherAll();
  await pass(offers, answers);
  return { offers, answers };
}

const states = () => connections.map(({ signalingState }) => signalingState);
const stop = (...sides) => sides.forEach(({ connector }) => connector.stop());

test('four lanes are described on both sides before the session is connected, in one message each way, and look for direct paths only', async () => {
  const offers = await makeSide();
  offers.connector.openFirst();
  await settle();
  assert.deepEqual(offers.attached, [1, 2, 3, 4]);
  assert.deepEqual(offers.said, [], 'the candidates go with the description');
  gatherAll();
  assert.deepEqual(offers.said.map(({ lane, messages }) => [lane, messages.map(({ type }) => type).join()]), [1, 2, 3, 4].map((lane) => [lane, 'description,candidate,candidate']));
  const answers = await makeSide();
  await pass(offers, answers);
  gatherAll();
  await pass(offers, answers);
  assert.deepEqual(states(), Array(8).fill('stable'));
  for (const connection of connections) assert.deepEqual(connection.configurations[0].iceServers.map(({ urls }) => urls), [['stun:192.0.2.1:3478']]);
  assert.deepEqual([offers.inBand, answers.inBand], [[], []]);
  stop(offers, answers);
});

for (const initiator of ['offers', 'answers']) {
  test(`they serve whichever side opens lanes afterwards, and the next one has the number 5 (${initiator})`, async () => {
    const { offers, answers } = await makePair({ path: { kind: 'direct' } });
    const sides = { offers, answers };
    for (const [name, { connector }] of Object.entries(sides)) connector.start(name === initiator);
    for (const lane of [1, 2, 3, 4]) for (const { connector } of [offers, answers]) connector.opened(lane);
    await pass(offers, answers);
    assert.deepEqual([offers.attached, answers.attached], [[1, 2, 3, 4], [1, 2, 3, 4]], 'four lanes are wanted, and are there');
    sides[initiator].connector.want(5);
    await pass(offers, answers);
    assert.deepEqual([offers.attached.at(-1), answers.attached.at(-1)], [5, 5]);
    stop(offers, answers);
  });
}

test('what was not said when the session was connected goes in band', async () => {
  const offers = await makeSide({ path: { kind: 'direct' } });
  const answers = await makeSide({ path: { kind: 'direct' } });
  offers.connector.openFirst();
  await settle();
  offers.connector.start(true);
  answers.connector.start(false);
  assert.deepEqual(offers.said, []);
  await pass(offers, answers);
  gatherAll();
  await pass(offers, answers);
  assert.deepEqual(states(), Array(8).fill('stable'));
  assert.deepEqual(answers.attached, [1, 2, 3, 4]);
  stop(offers, answers);
});

test('a description waits for candidates for 150 ms, and later ones go in band', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const offers = await makeSide({ maxLanes: 1 });
  offers.connector.openFirst();
  await settle();
  context.mock.timers.tick(149);
  assert.equal(offers.said.length, 0);
  context.mock.timers.tick(1);
  assert.deepEqual(offers.said.map(({ messages }) => messages.map(({ type }) => type).join()), ['description']);
  gathered(connections[0]);
  assert.deepEqual([offers.said.length, offers.inBand], [1, []]);
  offers.connector.start(true);
  assert.deepEqual(offers.inBand.map((text) => JSON.parse(text)), [{ lane: 1, type: 'say', candidates: [host.candidate] }]);
  stop(offers);
});

test('lanes that the other side does not answer are given up half a second after the session is connected, and others take their place', async (context) => {
  const offers = await makeSide({ path: { kind: 'direct' } });
  const answers = await makeSide({ path: { kind: 'direct' }, hasFirst: false });
  offers.connector.openFirst();
  await settle();
  gatherAll();
  await pass(offers, answers);
  assert.deepEqual(answers.attached, []);
  context.mock.timers.enable({ apis: ['setTimeout'] });
  answers.connector.start(false);
  offers.connector.start(true);
  await pass(offers, answers);
  context.mock.timers.tick(499);
  assert.deepEqual(offers.lost, []);
  context.mock.timers.tick(1);
  assert.deepEqual(offers.lost, [1, 2, 3, 4].map((lane) => [lane, `lane ${lane}: it did not open in time`]));
  context.mock.timers.tick(100);
  await pass(offers, answers, () => context.mock.timers.tick(GATHERING_MS));
  assert.deepEqual([answers.attached, answers.lost], [[5, 6, 7, 8], []]);
  stop(offers, answers);
});

test('lanes that were answered and do not open are given up after three seconds, at both sides', async (context) => {
  const { offers, answers } = await makePair({ path: { kind: 'direct' } });
  context.mock.timers.enable({ apis: ['setTimeout'] });
  answers.connector.start(true);
  offers.connector.start(false);
  answers.connector.opened(1);
  offers.connector.opened(1);
  context.mock.timers.tick(2_999);
  assert.deepEqual([offers.lost, answers.lost], [[], []]);
  context.mock.timers.tick(1);
  await pass(offers, answers);
  assert.deepEqual([offers.lost, answers.lost].map((lost) => lost.map(([lane]) => lane)), [[2, 3, 4], [2, 3, 4]]);
  context.mock.timers.tick(100);
  await pass(offers, answers, () => context.mock.timers.tick(GATHERING_MS));
  assert.deepEqual(offers.attached, [1, 2, 3, 4, 5, 6, 7]);
  stop(offers, answers);
});

test('where the control connection uses a relay, they make way at once for a lane that may use it, too', async (context) => {
  const { offers, answers } = await makePair();
  context.mock.timers.enable({ apis: ['setTimeout'] });
  for (const side of [offers, answers]) side.connector.start(side === offers);
  await pass(offers, answers);
  assert.equal(connections.length, 8);
  for (const { path, connector } of [offers, answers]) {
    path.kind = 'relay';
    connector.pathFound();
  }
  await pass(offers, answers);
  context.mock.timers.tick(100);
  await pass(offers, answers, () => context.mock.timers.tick(GATHERING_MS));
  assert.deepEqual([offers.attached.slice(4), answers.attached.slice(4)], [[5], [5]], 'alone, until it is open');
  assert.deepEqual(connections.at(-1).configurations[0].iceServers, [turn]);
  stop(offers, answers);
});

test('the signalling can neither open more than four lanes, nor one twice, nor concern one that is open', async () => {
  const side = await makeSide({ path: { kind: 'direct' } });
  const offer = (text = 'x') => ({ type: 'description', kind: 'offer', sdp: describe(text) });
  for (const lane of [0, 5, 70_000]) side.connector.hearFirst(lane, [offer()]);
  side.connector.hearFirst(1, [{ type: 'candidate', ...host }]);
  side.connector.hearFirst(1, [{ type: 'description', kind: 'answer', sdp: describe('x') }]);
  assert.deepEqual(side.attached, []);
  side.connector.hearFirst(1, [offer()]);
  await settle();
  connections[0].become('closed');
  side.connector.hearFirst(1, [offer()]);
  assert.deepEqual(side.attached, [1]);
  side.connector.hearFirst(2, [offer()]);
  await settle();
  side.connector.start(true);
  side.connector.opened(2);
  side.connector.hearFirst(2, [offer('another')]);
  side.connector.hearFirst(3, [offer()]);
  await settle();
  assert.equal(connections[1].described.length, 1);
  assert.ok(!side.attached.includes(3), 'once the session is connected, lanes are offered in band');
  stop(side);
});

test('a side that has no first lanes opens none, and one that ends meanwhile stops', async () => {
  const none = await makeSide({ hasFirst: false });
  none.connector.openFirst();
  none.connector.hearFirst(1, [{ type: 'description', kind: 'offer', sdp: describe('x') }]);
  await settle();
  assert.equal(connections.length, 0);
  const ends = await makeSide();
  ends.connector.openFirst();
  ends.connector.stop();
  await settle();
  assert.equal(connections.length, 0);
  stop(none);
});
