// What the engine says of its lanes: each of the four states of a channel, and the counts that go with it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { addControlConnection, addLane, closePair, connectedPair, EngineSide, pulseLane } from './support/engine_pair.mjs';

/** The lanes of the next report that begins after now. */
async function nextLanes(side) {
  const reports = side.all('progress').length;
  await side.until('progress', (report) => side.all('progress').indexOf(report) >= reports);
  return side.all('progress')[reports].stats.lanes;
}

const stateOf = (lanes, number) => lanes.find(({ lane }) => lane === number)?.state;

test('a lane is connecting, open, closing and, once, closed', async () => {
  const sides = await connectedPair();
  const [a] = sides;
  // Something crosses, so that there are counts. A second lane would be closed soon, since one is enough on a fast link.
  a.send('send-1', randomBytes(2_000_000));
  const { id } = await sides[1].until('offer');
  sides[1].post({ type: 'accept', id, sink: 'memory' });
  const { stats } = await a.until('done');
  const { bytesSent } = stats.lanes.find(({ lane }) => lane === 1);
  assert.ok(bytesSent > 0);

  const channels = addLane(sides, 2, { open: false });
  let lanes = await nextLanes(a);
  assert.deepEqual(lanes.map(({ lane }) => lane), [0, 1, 2]);
  assert.deepEqual([stateOf(lanes, 1), stateOf(lanes, 2)], ['open', 'connecting']);
  assert.deepEqual([lanes[2].bytesSent, lanes[2].rtt, lanes[2].reliable], [0, undefined, true]);

  const used = sides.map((side) => side.channels.get(1));
  for (const channel of used) channel.hold = true;
  a.post({ type: 'dropLane', lane: 1 });
  used[0].close();
  lanes = await nextLanes(a);
  assert.deepEqual([stateOf(lanes, 1), stateOf(lanes, 2)], ['closing', 'connecting']);
  assert.ok(lanes.find(({ lane }) => lane === 1).bytesSent >= bytesSent);

  for (const channel of used) {
    channel.hold = false;
    channel.work();
  }
  assert.equal(stateOf(await nextLanes(a), 1), 'closed');

  for (const channel of channels) channel.open();
  await a.until('laneOpened', ({ lane }) => lane === 2);
  lanes = await nextLanes(a);
  assert.deepEqual(lanes.map(({ lane, state }) => [lane, state]), [[0, 'open'], [2, 'open']]);
  await closePair(sides);
});

test('a channel that never says that it has closed counts as closed after a while', async () => {
  const sides = await connectedPair();
  const channels = addLane(sides, 2);
  await sides[0].until('laneOpened', ({ lane }) => lane === 2);
  for (const channel of channels) channel.hold = true;
  sides[0].post({ type: 'dropLane', lane: 2 });
  const seen = new Set();
  for (let report = 0; report < 6 && !seen.has(undefined); report += 1) seen.add(stateOf(await nextLanes(sides[0]), 2));
  assert.deepEqual([...seen], ['closing', 'closed', undefined]);
  for (const channel of channels) channel.hold = false;
  await closePair(sides);
});

test('a channel that the other side closes is closing before it is closed', async () => {
  const sides = await connectedPair();
  const channels = addLane(sides, 2);
  await sides[0].until('laneOpened', ({ lane }) => lane === 2);
  channels[0].hold = true;
  channels[0].close();
  assert.equal(stateOf(await nextLanes(sides[0]), 2), 'closing');
  channels[0].hold = false;
  channels[0].work();
  await sides[0].until('laneClosed', ({ lane }) => lane === 2);
  assert.equal(stateOf(await nextLanes(sides[0]), 2), 'closed');
  await closePair(sides);
});

test('the session begins when both channels of the control connection are open, in either order', async () => {
  for (const last of [0, pulseLane]) {
    const sides = [new EngineSide(0), new EngineSide(1)];
    for (const side of sides) side.start();
    const pulse = addLane(sides, pulseLane, { open: false });
    const control = addLane(sides, 0, { open: false });
    const [first, channels] = last === 0 ? [pulse, control] : [control, pulse];
    for (const channel of first) channel.open();
    // One side alone does not begin: what it sends waits for the other one.
    channels[0].open();
    await sides[0].until('laneOpened', ({ lane }) => lane === 0);
    assert.equal(sides[1].all('laneOpened').length, 0);
    channels[1].open();
    await Promise.all(sides.map((side) => side.until('established')));
    // The window hears of one lane.
    for (const side of sides) assert.deepEqual(side.all('laneOpened').map(({ lane }) => lane), [0]);
    await closePair(sides);
  }
});

test('without its pulse channel the control connection is lost', async () => {
  const sides = await connectedPair();
  sides[0].channels.get(pulseLane).close();
  await Promise.all(sides.map((side) => side.until('disconnected')));
  for (const side of sides) side.post({ type: 'renew' });
  addControlConnection(sides);
  await Promise.all(sides.map((side) => side.until('reconnected')));
  await closePair(sides);
});

test('a pulse channel that closes before the session begins ends it', async () => {
  const sides = [new EngineSide(0), new EngineSide(1)];
  for (const side of sides) side.start();
  await new Promise((resolve) => setTimeout(resolve, 50));
  addLane(sides, 0);
  const channels = addLane(sides, pulseLane, { open: false });
  channels[0].close();
  assert.equal((await sides[0].until('closed')).code, 'connection-lost');
  await closePair(sides);
});
