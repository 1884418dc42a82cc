// The lanes behind a relay that has no room for all of them, with connections that open when a test says so.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { connections, FakeConnection } from './support/fake_connection.mjs';
import { bundle } from './support/web_module.mjs';

const { Configurations, diagnoseFullRelay, LaneConnector } = await bundle(`
  export { Configurations } from './rtc/configurations.ts';
  export { diagnoseFullRelay } from './rtc/diagnose.ts';
  export { LaneConnector } from './rtc/lane_connector.ts';
`);

globalThis.RTCPeerConnection = FakeConnection;

const turn = { urls: 'turn:192.0.2.1:3478?transport=udp', username: 'u', credential: 'c' };
const host = 'candidate:1 1 udp 2122260223 192.168.1.2 50000 typ host';
const relay = 'candidate:2 1 udp 41885439 192.0.2.1 60000 typ relay raddr 0.0.0.0 rport 0';

beforeEach(() => {
  connections.length = 0;
});

const settle = () => new Promise((resolve) => setImmediate(resolve));

const settleAll = async () => {
  for (let turns = 0; turns < 20; turns += 1) await settle();
};

/** The connector that opens lanes, from number 5 because it has no first lanes; its messages reach nobody. `path`: the kind of the control connection's path, which may change. */
async function start(wanted, path = { kind: 'relay' }) {
  const side = { full: [], lost: [], connections };
  side.connector = new LaneConnector({
    rtc: await Configurations.start({ iceServers: [turn] }, false),
    maxLanes: 8,
    reliable: true,
    pathKind: () => path.kind,
    onrelayfull: (record, open) => side.full.push({ record, open }),
    sayFirst: undefined,
    signal: () => {},
    attach: () => {},
    onnegotiated: () => {},
    onlost: (lane) => side.lost.push(lane),
  });
  side.connector.want(wanted);
  side.connector.start(true);
  await settleAll();
  return side;
}

/** A browser's end of looking for candidates. `code`: the error of the TURN server, where it gives no relay. */
function gathered(connection, { candidates = [host], code } = {}) {
  for (const candidate of candidates) connection.dispatchEvent(Object.assign(new Event('icecandidate'), { candidate: { candidate, sdpMid: '0', sdpMLineIndex: 0 } }));
  if (code !== undefined) connection.dispatchEvent(Object.assign(new Event('icecandidateerror'), { url: turn.urls, errorCode: code, errorText: 'Allocation Quota Reached' }));
  connection.iceGatheringState = 'complete';
  connection.dispatchEvent(new Event('icegatheringstatechange'));
}

test('where the relay refuses further lanes, those that are open must do, and more are tried after a minute', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const side = await start(3);
  assert.equal(connections.length, 1, 'the first lane has the relay for itself');
  gathered(connections[0], { candidates: [host, relay] });
  side.connector.opened(5);
  await settleAll();
  assert.equal(connections.length, 3);
  for (const connection of connections.slice(1)) gathered(connection, { code: 486 });
  context.mock.timers.tick(2_999);
  assert.deepEqual(side.lost, []);
  context.mock.timers.tick(1);
  assert.deepEqual(side.lost, [6, 7]);
  assert.deepEqual(side.full.map(({ open }) => open), [1, 1]);
  assert.match(diagnoseFullRelay(side.full[0].record).advice, /no room .* \(486\)/);
  for (let count = 0; count < 56; count += 1) {
    context.mock.timers.tick(1_000);
    await settle();
  }
  assert.equal(connections.length, 3, 'no lane is opened in vain');
  for (let count = 0; count < 8; count += 1) {
    context.mock.timers.tick(1_000);
    await settle();
  }
  assert.ok(connections.length > 3);
  side.connector.stop();
});

test('without any lane, the relay is asked again soon: relays that nobody uses expire', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const side = await start(2);
  for (const connection of connections) gathered(connection);
  context.mock.timers.tick(3_000);
  assert.deepEqual(side.lost, [5]);
  const { reason, advice } = diagnoseFullRelay(side.full[0].record);
  assert.equal(reason, 'relay-refused');
  assert.match(advice, /no room/, 'also where the browser reports no errors of servers');
  context.mock.timers.tick(100);
  for (let turns = 0; turns < 20; turns += 1) await settle();
  assert.equal(connections.length, 2, 'one lane at a time');
  side.connector.stop();
});

test('a relay at either side is enough for a lane, and a direct path needs none', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const side = await start(1);
  gathered(connections[0], { code: 486 });
  side.connector.handle(JSON.stringify({ lane: 5, type: 'say', candidates: [relay] }));
  const direct = await start(1, { kind: 'direct' });
  gathered(connections[1], { code: 486 });
  context.mock.timers.tick(10_000);
  assert.deepEqual([side.lost, direct.lost, side.full, direct.full], [[], [], [], []]);
  for (const { connector } of [side, direct]) connector.stop();
});

test('once the control connection has a direct path, lanes through a relay are replaced, and others stay', async () => {
  const side = await start(2);
  const ends = (type) => [
    ['pair', { type: 'candidate-pair', localCandidateId: 'near', remoteCandidateId: 'far' }],
    ['near', { type: 'local-candidate', candidateType: type, protocol: 'udp', address: '192.0.2.1' }],
    ['far', { type: 'remote-candidate', candidateType: 'host', protocol: 'udp', address: '192.0.2.9' }],
    ['T', { type: 'transport', selectedCandidatePairId: 'pair' }],
  ];
  for (const [index, type] of ['relay', 'srflx'].entries()) {
    connections[index].getStats = async () => new Map(ends(type));
    side.connector.opened(index + 5);
    await settleAll();
  }
  await side.connector.replaceRelayed();
  for (let turns = 0; turns < 20; turns += 1) await settle();
  assert.deepEqual([connections.length, side.lost], [3, []], 'the old lane stays until the new one is open');
  side.connector.opened(7);
  assert.deepEqual(side.lost, [5]);
  side.connector.stop();
});

test('one lane is opened until it is open, or the control connection is known to have a direct path', async () => {
  const path = { kind: undefined };
  const side = await start(3, path);
  assert.equal(connections.length, 1);
  path.kind = 'relay';
  side.connector.pathFound();
  await settleAll();
  assert.equal(connections.length, 1);
  path.kind = 'direct';
  side.connector.pathFound();
  await settleAll();
  assert.equal(connections.length, 3);
  side.connector.stop();
  const unknown = await start(3, { kind: undefined });
  unknown.connector.opened(5);
  await settleAll();
  assert.equal(connections.length, 6);
  unknown.connector.stop();
});

test('a side hears from the other one that the relay has no room, once it has not seen so itself', async () => {
  const path = { kind: 'relay' };
  const side = await start(1, path);
  const lose = (lane, more) => side.connector.handle(JSON.stringify({ lane, type: 'lost', ...more }));
  lose(5, {});
  lose(6, { full: true });
  assert.deepEqual(side.full, [], 'no such lane');
  side.connector.stop();

  const other = await start(1, path);
  other.connector.handle(JSON.stringify({ lane: 5, type: 'lost', full: true }));
  assert.deepEqual([other.full.length, other.full[0].open, other.lost], [1, 0, [5]]);
  assert.equal(diagnoseFullRelay(other.full[0].record).reason, 'relay-refused');
  other.connector.stop();

  const direct = await start(1, { kind: 'direct' });
  direct.connector.handle(JSON.stringify({ lane: 5, type: 'lost', full: true }));
  assert.deepEqual([direct.full, direct.lost], [[], [5]]);
  direct.connector.stop();
});
