// Messages and requests between two sessions of the built package, over real connections.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { RTCPeerConnection } from './support/web_rtc.mjs';
import { closeAll, connectedPair, next } from './support/session_pair.mjs';

/** Every connection that the sessions made. */
const connections = [];
class Connection extends RTCPeerConnection {
  constructor(configuration) {
    super(configuration);
    connections.push(this);
  }
}

const limit = 65_536;
let peers;
before(async () => {
  peers = await connectedPair({ RTCPeerConnection: Connection });
});
after(() => closeAll(peers));

/** The next `count` messages of a peer. */
async function take(peer, count) {
  const taken = [];
  if (count === 0) return taken;
  for await (const data of peer.messages()) if (taken.push(data) === count) break;
  return taken;
}

test('strings, binary data and JSON cross in both directions, up to 64 KiB', async () => {
  const values = [
    'text', 'half a pair: \ud800', '', { a: [1, null, 'ü'] }, null, Float32Array.of(1.5, -2), new Uint8Array([1, 2]).buffer, BigUint64Array.of(7n),
    ...[0, 1, limit - 1, limit].map((bytes) => new Uint8Array(randomBytes(bytes))),
    'x'.repeat(limit),
  ];
  for (const [from, to] of [peers, [...peers].reverse()]) {
    const taking = take(to, values.length);
    await Promise.all(values.map((value) => from.message(value)));
    assert.deepEqual(await taking, values);
    await assert.rejects(from.message(new Uint8Array(limit + 1)), { code: 'too-large' });
    await assert.rejects(from.message(new Map()), { code: 'invalid-argument' });
  }
});

test('the event, the listener and requests work beside a transfer', async () => {
  const [a, b] = peers;
  const heard = next(b, 'message');
  const listened = new Promise((resolve) => (b.onmessage = resolve));
  b.onrequest = (data) => ({ got: data });
  const coming = next(b, 'incoming');
  const sending = a.send(randomBytes(20_000_000));
  const receiving = (await coming).offer.accept({ sink: 'memory' });
  await a.message({ at: 'once' });
  assert.deepEqual([(await heard).data, (await listened).data], [{ at: 'once' }, { at: 'once' }]);
  assert.equal((await listened).type, 'message');
  const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => a.request(index)));
  assert.deepEqual(answers, Array.from({ length: 50 }, (_, index) => ({ got: index })));
  assert.equal(sending.state, 'active');
  await Promise.all([sending.done, receiving.done]);
  b.onmessage = null;
  b.onrequest = null;
});

test('each message arrives exactly once and in order, while the connection is lost again and again', async () => {
  const [a, b] = peers;
  b.onrequest = (data) => data + 1;
  const count = 3_000;
  const taking = take(b, count);
  const answers = [];
  let lost = 0;
  for (let index = 0; index < count; index += 1) {
    // Of different lengths, so that some take several frames.
    const message = a.message({ index, filling: 'x'.repeat(index % 500 === 0 ? 60_000 : index % 50) });
    if (index % 100 === 0) await message;
    if (index % 100 === 50) answers.push(a.request(index));
    if (index % 1_000 !== 600) continue;
    const changed = [a, b].map((peer) => next(peer, 'statechange'));
    for (const connection of connections.splice(0)) connection.close();
    await Promise.all(changed);
    assert.deepEqual([a.state, b.state], ['reconnecting', 'reconnecting']);
    lost += 1;
  }
  assert.equal(lost, 3);
  assert.deepEqual((await taking).map(({ index }) => index), Array.from({ length: count }, (_, index) => index));
  assert.deepEqual(await Promise.all(answers), Array.from({ length: count / 100 }, (_, index) => index * 100 + 51));
  b.onrequest = null;
});

test('the end of the session rejects what is pending, and ends loops', async () => {
  const [a, b] = await connectedPair();
  b.onrequest = () => new Promise(() => {});
  const loop = b.messages();
  const arrived = loop.next();
  await a.message('arrives');
  assert.equal((await arrived).value, 'arrives');
  const asked = assert.rejects(a.request('never answered'), { code: 'closed', byPeer: false });
  const closed = next(b, 'statechange');
  const last = a.message('said before the end');
  last.catch(() => {});
  await a.close();
  await closed;
  await asked;
  await assert.rejects(last, { code: 'closed' });
  assert.deepEqual(await loop.next(), { done: false, value: 'said before the end' });
  assert.deepEqual(await loop.next(), { done: true, value: undefined });
  await assert.rejects(a.message('late'), { code: 'closed' });
  await assert.rejects(b.request('late'), { code: 'closed' });
  await b.close();
});
