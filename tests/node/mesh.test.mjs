// The mesh's WebAssembly node as a page drives it, and what the TypeScript adds: compression, and words of the room.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { compress, createMesh, decompress, parseRoomText, resolveMeshOptions, toRoomText } = await bundle(`
  export { compress, decompress } from './mesh/compression.ts';
  export { createMesh } from './mesh/create_mesh.ts';
  export { parseRoomText, toRoomText } from './mesh/room_messages.ts';
  export { resolveMeshOptions } from './mesh/options.ts';
`);
const dist = new URL('../../dist/', import.meta.url);
const { default: load } = await import(new URL('millrace_mesh.js', dist).href);
const { MeshNode } = await load({ wasmBinary: await readFile(new URL('millrace_mesh.wasm', dist)) });

const invalid = { name: 'MillraceError', code: 'invalid-argument' };
const signaling = () => ({ send() {}, onmessage: null });

/** Two nodes that know each other and are connected. */
function pairOfNodes(options = {}) {
  const selves = ['a', 'b'].map((id, index) => ({ id, incarnation: `000000000000000${index + 1}`, capacity: 0 }));
  const nodes = selves.map((self) => new MeshNode(self, options, 0));
  const say = (from, to) => {
    for (let said = from.pollSay(); said; said = from.pollSay()) to.handleRoom(said, 1);
  };
  say(nodes[0], nodes[1]);
  say(nodes[1], nodes[0]);
  nodes.forEach((node, index) => {
    node.advanceTime(100);
    node.linkUp(selves[1 - index].id, 100);
    while (node.pollEvent()) continue;
  });
  return nodes;
}

const how = { level: 'normal', unordered: false, compressed: false, timestamp: 5 };

function carry(from, to, name, now) {
  let batches = 0;
  for (let output = from.pollOutput(now); output; output = from.pollOutput(now)) {
    to.handleBatch(name, output.batch, now);
    batches += 1;
  }
  return batches;
}

test('a message goes from node to node and is acknowledged', () => {
  const [a, b] = pairOfNodes();
  const id = a.send('b', Uint8Array.of(1, 2, 3), how, 200);
  assert.deepEqual(id, { destination: 'b', level: 'normal', unordered: false, broadcast: false, sequence: 0 });
  assert.equal(carry(a, b, 'a', 200), 1);
  const { type, agent, payload, timestamp } = b.pollEvent();
  assert.deepEqual([type, agent, [...payload], timestamp], ['message', 'a', [1, 2, 3], 5]);
  assert.equal(carry(b, a, 'b', 201), 1);
  const delivered = a.pollEvent();
  assert.equal(delivered.type, 'delivered');
  assert.deepEqual(delivered.id, id);
  assert.equal(a.stats().keptBytes, 0);
  for (const node of [a, b]) node.delete();
});

test('what a node refuses comes back as a code, and what it drops as an event', () => {
  const [a, b] = pairOfNodes();
  assert.equal(a.send('nobody', new Uint8Array(1), how, 200).code, 'invalid-argument');
  assert.equal(a.send('b', new Uint8Array(65_538), how, 200).code, 'too-large');
  assert.equal(a.send('b', new Uint8Array(1_000_000), how, 200).code, 'too-large');
  b.handleBatch('a', Uint8Array.of(9, 9, 9), 200);
  const { type, reason, agent, count } = b.pollEvent();
  assert.deepEqual([type, reason, agent, count], ['dropped', 'malformed', 'a', 1]);
  b.handleBatch('a', new Uint8Array(1_000_000), 2_000);
  assert.equal(b.pollEvent().reason, 'malformed');
  assert.equal(b.stats().dropped.malformed, 2);
  for (const node of [a, b]) node.delete();
});

test('the mode follows what the channels hold, by the numbers that are asked for', () => {
  const [a, b] = pairOfNodes({ mediumAbove: 1000, lowAbove: 2000, mediumDelay: 70, sampleInterval: 10 });
  a.setBuffered('b', 1500);
  a.advanceTime(300);
  assert.equal(a.mode(), 'MEDIUM');
  const { oldMode, newMode, maxBuffered, avgBuffered, channelCount } = a.pollEvent();
  assert.deepEqual({ oldMode, newMode, maxBuffered, avgBuffered, channelCount }, {
    oldMode: 'HIGH', newMode: 'MEDIUM', maxBuffered: 1500, avgBuffered: 1500, channelCount: 1,
  });
  a.send('b', Uint8Array.of(1), how, 301);
  assert.equal(carry(a, b, 'a', 301), 0);
  assert.equal(carry(a, b, 'a', 371), 1);
  a.send('b', Uint8Array.of(1), how, 372);
  a.flush();
  assert.equal(carry(a, b, 'a', 372), 1);
  for (const node of [a, b]) node.delete();
});

test('compression only where it shrinks, and no more comes out than a payload may have', async () => {
  const many = new Uint8Array(20_000).fill(65);
  const packed = await compress(many);
  assert.ok(packed.length < 200);
  assert.deepEqual(await decompress(packed), many);
  assert.equal(await compress(crypto.getRandomValues(new Uint8Array(5_000))), undefined);
  assert.equal(await compress(new Uint8Array(100)), undefined);
  assert.equal(await decompress(Uint8Array.of(255, 255, 255)), undefined);
  const bomb = await compress(new Uint8Array(10_000_000));
  assert.ok(bomb.length < 20_000);
  assert.equal(await decompress(bomb), undefined);
});

test('words of the room are rebuilt from what they may have', () => {
  const agent = { id: 'a', incarnation: '0123456789abcdef', capacity: 7 };
  const message = { type: 'here', agents: [agent], asks: true, settled: false, to: '' };
  const parsed = parseRoomText(JSON.parse(JSON.stringify(toRoomText({ kind: 'room', message }))));
  assert.deepEqual(parsed, { kind: 'room', message });
  const words = [
    null, 7, {}, { millrace: 1 }, { millrace: 1, mesh: 1 }, { millrace: 1, mesh: 1, kind: 'room' },
    { millrace: 1, mesh: 1, kind: 'room', message: { ...message, type: 'hello' } },
    { millrace: 1, mesh: 1, kind: 'room', message: { ...message, agents: [] } },
    { millrace: 1, mesh: 1, kind: 'room', message: { ...message, agents: [{ ...agent, incarnation: '7' }] } },
    { millrace: 1, mesh: 1, kind: 'room', message: { ...message, agents: Array(300).fill(agent) } },
    { millrace: 1, mesh: 1, kind: 'pair', from: agent, to: { id: '', incarnation: agent.incarnation }, body: {} },
    { millrace: 1, mesh: 1, kind: 'pair', from: agent, to: agent, body: 'text' },
  ];
  for (const word of words) assert.equal(parseRoomText(word), undefined);
});

test('invalid options are refused at the call', async () => {
  const key = 'A-key-of-the-room-0123456789abcdefghijkl';
  const bad = [
    { agentId: '' }, { agentId: 'x'.repeat(65) }, { agentId: '\ud800' }, { agentId: 7 }, { topology: 'star' }, { topology: null }, { capacity: -1 },
    { bandwidth: { lowAbove: NaN } }, { bandwidth: null }, { bandwidth: { predictive: 1 } }, { neighbours: 0 }, { messagesPerSecond: 1.5 },
    { log: 'yes' }, { signaling: {} }, { signaling: null }, { signal: 5 }, { rtc: null }, { worker: 'yes' }, { RTCPeerConnection: {} },
    { RTCPeerConnection: class {}, worker: true },
    // A code, or half a key, would never connect.
    { secret: 5 }, { secret: '' }, { secret: null }, { secret: {} }, { secret: '7-crossover-clockwork' }, { secret: key.slice(0, 20) }, { secret: `${key}=` },
  ];
  for (const options of bad) {
    const given = { agentId: 'a', signaling: signaling(), ...options };
    assert.throws(() => resolveMeshOptions(given), invalid, JSON.stringify(options));
  }
  for (const options of [undefined, null, 7]) assert.throws(() => resolveMeshOptions(options), invalid);
  for (const secret of [undefined, key]) assert.equal(resolveMeshOptions({ agentId: 'a', signaling: signaling(), secret }).secret, secret);

  // The signalling was taken over, so it is closed.
  let closed = 0;
  const closing = { ...signaling(), close: () => (closed += 1) };
  await assert.rejects(createMesh({ agentId: '', signaling: closing }), invalid);
  await assert.rejects(createMesh({ agentId: 'a', signaling: closing, secret: '7-crossover-clockwork' }), invalid);
  await assert.rejects(createMesh({ agentId: 'a', signaling: closing, signal: AbortSignal.abort() }), { code: 'aborted' });
  assert.equal(closed, 3);
});
