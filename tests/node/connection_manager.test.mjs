// The connections of an application with its own signalling, over real WebRTC.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';
import { parts } from './support/parts.mjs';
import { until } from './support/site.mjs';
import { RTCPeerConnection } from './support/web_rtc.mjs';

const { ConnectionManager } = parts;
const invalid = { name: 'MillraceError', code: 'invalid-argument' };
const local = { rtc: { iceServers: [] }, RTCPeerConnection };

const managers = [];
afterEach(() => managers.splice(0).forEach((manager) => manager.close()));

/** A side with what it received, and what its events said. */
function makeSide(id, options = {}) {
  const manager = new ConnectionManager({ ...local, ...options });
  managers.push(manager);
  const side = { id, manager, data: [], said: [] };
  manager.addEventListener('data', ({ peerId, data }) => side.data.push([peerId, data]));
  for (const name of ['open', 'drain', 'close']) manager.addEventListener(name, ({ peerId }) => side.said.push(`${name} ${peerId}`));
  return side;
}

/** Candidates of `from` for `to` go to it, early ones too. */
function carry(from, to) {
  from.manager.addEventListener('candidate', ({ peerId, candidate }) => {
    if (peerId === to.id) void to.manager.addCandidate(from.id, candidate).catch(() => {});
  });
}

async function join(a, b) {
  carry(a, b);
  carry(b, a);
  const { offer } = await a.manager.createConnection(b.id);
  const { answer } = await b.manager.acceptOffer(a.id, offer);
  await a.manager.acceptAnswer(b.id, answer);
  await until(() => a.said.includes(`open ${b.id}`) && b.said.includes(`open ${a.id}`));
}

test('text and bytes cross both ways, as what they were, and are copied when they are given', async () => {
  const [a, b] = [makeSide('a'), makeSide('b')];
  carry(a, b);
  carry(b, a);
  const { offer, dataChannel } = await a.manager.createConnection('b');
  assert.equal(offer.type, 'offer');
  assert.ok(['connecting', 'open'].includes(dataChannel.readyState));
  const early = new Uint8Array([1, 2, 3]);
  assert.equal(a.manager.sendData('b', early), true);
  early.fill(9);
  const { answer } = await b.manager.acceptOffer('a', offer);
  assert.equal(answer.type, 'answer');
  await a.manager.acceptAnswer('b', answer);
  const bytes = randomBytes(20_000);
  for (const data of ['text ☂', bytes, new Uint8Array(bytes).buffer, new DataView(new Uint8Array([7, 8, 9]).buffer, 1)]) a.manager.sendData('b', data);
  b.manager.sendData('a', 'back');
  await until(() => b.data.length === 5 && a.data.length === 1);
  // Both ends take the default, an unreliable channel: without a loss the order stays.
  const got = b.data.map(([, data]) => (typeof data === 'string' ? data : Buffer.from(data).toString('hex')));
  assert.deepEqual(got.toSorted(), ['010203', 'text ☂', bytes.toString('hex'), bytes.toString('hex'), '0809'].toSorted());
  assert.deepEqual(a.data, [['b', 'back']]);
});

test('backpressure is each peer\'s own, and drain says when there is room', async () => {
  const [a, b, c] = [makeSide('a', { high: 100_000, low: 20_000 }), makeSide('b'), makeSide('c')];
  await join(a, b);
  await join(a, c);
  assert.deepEqual(a.manager.peerIds, ['b', 'c']);
  assert.deepEqual([a.manager.bufferLevel('b'), a.manager.hasBackpressure('b')], [0, false]);
  const chunk = new Uint8Array(50_000);
  const answers = [1, 2, 3].map(() => a.manager.sendData('b', chunk));
  assert.deepEqual(answers.slice(1), [false, false]);
  assert.deepEqual([a.manager.bufferLevel('b'), a.manager.hasBackpressure('b'), a.manager.hasBackpressure('c')], [1, true, false]);
  await until(() => a.said.includes('drain b'));
  assert.equal(a.manager.hasBackpressure('b'), false);
  assert.ok(!a.said.includes('drain c'));
  await until(() => b.data.length === 3);
});

test('one limit holds for all peers together, and each gets its turn', async () => {
  const [a, b, c] = [makeSide('a', { bandwidthLimit: 100_000 }), makeSide('b'), makeSide('c')];
  await join(a, b);
  await join(a, c);
  const begun = performance.now();
  for (let count = 0; count < 10; count += 1) for (const peer of ['b', 'c']) a.manager.sendData(peer, new Uint8Array(5_000));
  await until(() => b.data.length + c.data.length >= 10);
  assert.ok(Math.abs(b.data.length - c.data.length) <= 2, `${b.data.length} and ${c.data.length}`);
  await until(() => b.data.length === 10 && c.data.length === 10);
  // 100,000 bytes, of which the burst and the last message need not wait.
  assert.ok(performance.now() - begun >= 850, `${performance.now() - begun} ms`);
});

test('drain is told also where the limit and not the channel made the data wait, and where both marks are the same', async () => {
  const [a, b, c] = [makeSide('a', { bandwidthLimit: 200_000, high: 40_000, low: 20_000 }), makeSide('b'), makeSide('c', { high: 20_000, low: 20_000 })];
  await join(a, b);
  await join(c, b);
  while (a.manager.sendData('b', new Uint8Array(2_000)));
  while (c.manager.sendData('b', new Uint8Array(10_000)));
  await until(() => a.said.includes('drain b') && c.said.includes('drain b'));
  assert.ok(a.manager.bufferLevel('b') <= 0.5);
});

test('there are no more peers than maxPeers, each once, and a place is free again when one leaves', async () => {
  const { manager } = makeSide('a', { maxPeers: 2 });
  await manager.createConnection('b');
  await assert.rejects(manager.createConnection('b'), invalid);
  await manager.createConnection('c');
  await assert.rejects(manager.createConnection('d'), { code: 'too-large' });
  manager.closeConnection('b');
  manager.closeConnection('nobody');
  await manager.createConnection('d');
  assert.deepEqual(manager.peerIds, ['c', 'd']);
  manager.close();
  assert.deepEqual(manager.peerIds, []);
  await assert.rejects(manager.createConnection('e'), { code: 'closed' });
});

test('by default there are ten', async () => {
  const { manager } = makeSide('a');
  for (let count = 0; count < 10; count += 1) await manager.createConnection(`peer ${count}`);
  await assert.rejects(manager.createConnection('one more'), { code: 'too-large' });
});

test('a peer whose connection ends is told, once, and what waits for it is gone', async () => {
  const [a, b] = [makeSide('a'), makeSide('b')];
  await join(a, b);
  const closed = once(a.manager, 'close');
  b.manager.close();
  await closed;
  assert.deepEqual(a.manager.peerIds, []);
  assert.throws(() => a.manager.sendData('b', 'x'), invalid);
  assert.deepEqual(b.said.filter((text) => text.startsWith('close')), [], 'who closes knows it');
  await join(a, makeSide('b'));
});

test('privacy needs a TURN server, and uses nothing else', async () => {
  assert.throws(() => new ConnectionManager({ ...local, privacy: true }), invalid);
  let seen;
  class Spy extends RTCPeerConnection {
    constructor(configuration) {
      super(configuration);
      seen = configuration;
    }
  }
  const turn = { urls: ['turn:127.0.0.1:9', 'stun:127.0.0.1:9'], username: 'u', credential: 'c' };
  const manager = new ConnectionManager({ rtc: { iceServers: [turn] }, privacy: true, RTCPeerConnection: Spy });
  managers.push(manager);
  await manager.createConnection('b');
  assert.equal(seen.iceTransportPolicy, 'relay');
  assert.deepEqual(seen.iceServers.map(({ urls }) => urls), [['turn:127.0.0.1:9']]);
});

test('whatever is not what it should be is an error at once, and changes nothing', async () => {
  for (const options of [{ maxPeers: 0 }, { maxPeers: 1.5 }, { maxPeers: '3' }, { bandwidthLimit: 1 }, { bandwidthLimit: 'fast' }, { privacy: 1 }, { rtc: 5 }, { rtc: { iceServers: {} } }, { high: -1 }, { RTCPeerConnection: 1 }]) {
    assert.throws(() => new ConnectionManager({ ...local, ...options }), invalid, JSON.stringify(options));
  }
  const [a, b] = [makeSide('a'), makeSide('b')];
  const { manager } = a;
  for (const id of ['', 5, null, undefined, {}, 'x'.repeat(257)]) {
    await assert.rejects(manager.createConnection(id), invalid);
    await assert.rejects(manager.acceptOffer(id, {}), invalid);
    await assert.rejects(manager.acceptAnswer(id, {}), invalid);
    await assert.rejects(manager.addCandidate(id, null), invalid);
    for (const call of ['hasBackpressure', 'bufferLevel']) assert.throws(() => manager[call](id), invalid);
    assert.throws(() => manager.sendData(id, 'x'), invalid);
  }
  for (const offer of [null, 'offer', {}, { type: 'answer', sdp: '' }, { type: 'offer' }, { type: 'offer', sdp: 5 }]) await assert.rejects(manager.acceptOffer('b', offer), invalid);
  await assert.rejects(manager.createConnection('b', { delivery: 'pigeon' }), invalid);
  assert.deepEqual(manager.peerIds, [], 'nothing is left of what failed');
  await join(a, b);
  await assert.rejects(manager.acceptAnswer('b', { type: 'answer', sdp: 'nonsense' }), { name: 'MillraceError', code: 'signaling-failed' });
  await assert.rejects(manager.addCandidate('b', 5), invalid);
  await manager.addCandidate('b', { candidate: 'nonsense', sdpMid: '0' });
  for (const data of [5, null, undefined, {}, [1], new Blob(['x'])]) assert.throws(() => manager.sendData('b', data), invalid);
  assert.throws(() => manager.sendData('b', new Uint8Array(20_000_000)), { code: 'too-large' });
  manager.sendData('b', 'still there');
  await until(() => b.data.length === 1);
});

test('no more than 16 MiB wait for a peer', async () => {
  const { manager } = makeSide('a');
  await manager.createConnection('b');
  const chunk = new Uint8Array(64_000);
  assert.throws(() => {
    for (let count = 0; count < 1_000; count += 1) manager.sendData('b', chunk);
  }, { name: 'MillraceError', code: 'too-large', message: /wait for the event drain/ });
  assert.equal(manager.bufferLevel('b'), 1);
});

test('while an offer to a peer is open, its own offer is refused, and both can begin again', async () => {
  const [a, b] = [makeSide('a'), makeSide('b')];
  await a.manager.createConnection('b');
  const { offer } = await b.manager.createConnection('a');
  await assert.rejects(a.manager.acceptOffer('b', offer), invalid);
  a.manager.closeConnection('b');
  const { answer } = await a.manager.acceptOffer('b', offer);
  await b.manager.acceptAnswer('a', answer);
  assert.deepEqual([a.manager.peerIds, b.manager.peerIds], [['b'], ['a']]);
});
