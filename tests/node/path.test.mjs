// The path of a connection, from statistics that Chromium 156 and Firefox 153 gave of real connections, with hidden host addresses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundle } from './support/web_module.mjs';

const { PathMonitor, readConnection } = await bundle(`
  export { PathMonitor } from './rtc/path_monitor.ts';
  export { readConnection } from './rtc/connection_stats.ts';
`);

const recorded = {
  'chromium, within a network, IPv6 chosen after IPv4': {
    entries: [
      { id: 'CPX1bTUc1V_BE9ApAF7', type: 'candidate-pair', timestamp: 1796013180608.233, state: 'succeeded', nominated: true, localCandidateId: 'IX1bTUc1V', remoteCandidateId: 'IBE9ApAF7', currentRoundTripTime: 0.003, bytesSent: 0, bytesReceived: 0, packetsSent: 0, packetsReceived: 0 },
      { id: 'CPwyz2cE8G_T/PvfPGz', type: 'candidate-pair', timestamp: 1796013180608.233, state: 'succeeded', nominated: true, localCandidateId: 'Iwyz2cE8G', remoteCandidateId: 'IT/PvfPGz', currentRoundTripTime: 0.006, bytesSent: 2065, bytesReceived: 2227, packetsSent: 7, packetsReceived: 7 },
      { id: 'IBE9ApAF7', type: 'remote-candidate', candidateType: 'host', address: '', port: 43106, protocol: 'udp', priority: 2113942271 },
      { id: 'IBPc9I1I+', type: 'local-candidate', candidateType: 'host', address: '', port: 9, protocol: 'tcp', priority: 1509957375, tcpType: 'active' },
      { id: 'IT/PvfPGz', type: 'remote-candidate', candidateType: 'host', address: '', port: 53029, protocol: 'udp', priority: 2113937151 },
      { id: 'IX1bTUc1V', type: 'local-candidate', candidateType: 'host', address: '', port: 35679, protocol: 'udp', priority: 2113942271 },
      { id: 'Iwyz2cE8G', type: 'local-candidate', candidateType: 'host', address: '', port: 56996, protocol: 'udp', priority: 2113937151 },
      { id: 'T01', type: 'transport', selectedCandidatePairId: 'CPX1bTUc1V_BE9ApAF7', packetsSent: 7, packetsReceived: 7 },
    ],
    path: { kind: 'direct', protocol: 'udp', family: 6, local: 'host', remote: 'host' },
    rtt: 3,
  },
  'chromium, relay over UDP': {
    entries: [
      { id: 'CPIK4ybUjh_hJqgiFvX', type: 'candidate-pair', timestamp: 1796013180604.494, state: 'succeeded', nominated: true, localCandidateId: 'IIK4ybUjh', remoteCandidateId: 'IhJqgiFvX', currentRoundTripTime: 0.016, bytesSent: 3836, bytesReceived: 2723, packetsSent: 10, packetsReceived: 9 },
      { id: 'IIK4ybUjh', type: 'local-candidate', candidateType: 'relay', address: '127.0.0.1', port: 62251, protocol: 'udp', relayProtocol: 'udp', url: 'turn:127.0.0.1:43615?transport=udp', priority: 50339839 },
      { id: 'IhJqgiFvX', type: 'remote-candidate', candidateType: 'relay', address: '127.0.0.1', port: 49649, protocol: 'udp', priority: 50339839 },
      { id: 'T01', type: 'transport', selectedCandidatePairId: 'CPIK4ybUjh_hJqgiFvX', packetsSent: 10, packetsReceived: 9 },
    ],
    path: { kind: 'relay', protocol: 'udp', family: 4, local: 'relay', remote: 'relay' },
    rtt: 16,
  },
  'chromium, relay over TCP': {
    entries: [
      { id: 'CP2AkZ6gcj_Rw2U+yGt', type: 'candidate-pair', timestamp: 1796013180656.645, state: 'succeeded', nominated: true, localCandidateId: 'I2AkZ6gcj', remoteCandidateId: 'IRw2U+yGt', currentRoundTripTime: 0.017, bytesSent: 2065, bytesReceived: 2227, packetsSent: 7, packetsReceived: 7 },
      { id: 'I2AkZ6gcj', type: 'local-candidate', candidateType: 'relay', address: '127.0.0.1', port: 61059, protocol: 'udp', relayProtocol: 'tcp', url: 'turn:127.0.0.1:43615?transport=tcp', priority: 16785407 },
      { id: 'IRw2U+yGt', type: 'remote-candidate', candidateType: 'relay', address: '127.0.0.1', port: 50357, protocol: 'udp', priority: 16785407 },
      { id: 'T01', type: 'transport', selectedCandidatePairId: 'CP2AkZ6gcj_Rw2U+yGt', packetsSent: 7, packetsReceived: 7 },
    ],
    path: { kind: 'relay', protocol: 'tcp', family: 4, local: 'relay', remote: 'relay' },
    rtt: 17,
  },
  'firefox, within a network, before the name of the other side was known': {
    entries: [
      { id: 'c27b9159', type: 'candidate-pair', timestamp: 1796013277857, state: 'succeeded', nominated: true, selected: true, localCandidateId: 'b9dc8738', remoteCandidateId: 'd86b0006', currentRoundTripTime: 0.006, bytesSent: 2297, bytesReceived: 2356 },
      { id: 'b9dc8738', type: 'local-candidate', candidateType: 'host', address: 'e82a9f1c-cf65-46ef-98b0-7868e3e2aae8.local', port: 40921, protocol: 'udp', priority: 2122187007 },
      { id: '2e4ef1e7', type: 'local-candidate', candidateType: 'host', address: '5a0edee8-4ef6-4acd-b66f-e05b9ea90bbd.local', port: 44097, protocol: 'udp', priority: 2122252543 },
      { id: 'd86b0006', type: 'remote-candidate', candidateType: 'prflx', address: '(redacted)', port: 37700, protocol: 'udp', priority: 1853751551 },
      { id: '3d45ec26', type: 'transport', selectedCandidatePairId: 'c27b9159' },
    ],
    path: { kind: 'direct', protocol: 'udp', family: 4, local: 'host', remote: 'prflx' },
    rtt: 6,
  },
  'firefox, relay over TCP': {
    entries: [
      { id: 'a6872264', type: 'candidate-pair', timestamp: 1796013278965, state: 'succeeded', nominated: true, selected: true, localCandidateId: 'f3e3b372', remoteCandidateId: '544ed376', currentRoundTripTime: 0.08, bytesSent: 4226, bytesReceived: 3871 },
      { id: 'f3e3b372', type: 'local-candidate', candidateType: 'relay', address: '127.0.0.1', port: 58779, protocol: 'udp', relayProtocol: 'tcp', priority: 8265727 },
      { id: '544ed376', type: 'remote-candidate', candidateType: 'relay', address: '127.0.0.1', port: 58869, protocol: 'udp', priority: 8265727 },
      { id: '7a52c5c5', type: 'transport', selectedCandidatePairId: 'a6872264' },
    ],
    path: { kind: 'relay', protocol: 'tcp', family: 4, local: 'relay', remote: 'relay' },
    rtt: 80,
  },
};

/** A connection with these statistics; `replace` gives others. */
function connectionWith(entries) {
  let list = entries;
  return { getStats: async () => new Map(list.map((entry) => [entry.id, entry])), replace: (others) => (list = others) };
}

for (const [name, { entries, path, rtt }] of Object.entries(recorded)) {
  test(`${name}: the path`, async () => {
    const stats = await readConnection(connectionWith(entries));
    assert.deepEqual(stats.path, path);
    assert.equal(stats.rtt, rtt);
  });
}

test('without transport statistics, the selected pair is the one that is marked', async () => {
  const { entries, path } = recorded['firefox, relay over TCP'];
  const stats = await readConnection(connectionWith(entries.filter(({ type }) => type !== 'transport')));
  assert.deepEqual(stats.path, path);
});

/** Both ends of one pair. */
function pairOf(local, remote) {
  const ends = [{ id: 'near', type: 'local-candidate', ...local }, { id: 'far', type: 'remote-candidate', ...remote }];
  const pair = { id: 'pair', type: 'candidate-pair', state: 'succeeded', nominated: true, localCandidateId: 'near', remoteCandidateId: 'far' };
  return [pair, ...ends, { id: 'T', type: 'transport', selectedCandidatePairId: 'pair' }];
}

test('TLS to the relay, a relay of the other side only, TCP without a relay, and IPv6', async () => {
  const read = async (...ends) => (await readConnection(connectionWith(pairOf(...ends)))).path;
  const far = { candidateType: 'srflx', address: '203.0.113.9', protocol: 'udp' };
  assert.deepEqual(await read({ candidateType: 'relay', address: '198.51.100.1', protocol: 'udp', relayProtocol: 'tls' }, far),
    { kind: 'relay', protocol: 'tls', family: 4, local: 'relay', remote: 'srflx' });
  assert.deepEqual(await read({ candidateType: 'prflx', address: '198.51.100.1', protocol: 'udp' }, { ...far, candidateType: 'relay' }),
    { kind: 'relay', protocol: 'udp', family: 4, local: 'prflx', remote: 'relay' });
  // An older name of the address.
  assert.deepEqual(await read({ candidateType: 'host', ip: '2001:db8::1', protocol: 'tcp' }, { candidateType: 'host', ip: '2001:db8::2', protocol: 'tcp' }),
    { kind: 'direct', protocol: 'tcp', family: 6, local: 'host', remote: 'host' });
  // The other end tells the family.
  assert.equal((await read({ candidateType: 'host', address: '', protocol: 'udp' }, { ...far, address: '2001:db8::2' })).family, 6);
});

test('statistics that make no sense have no path', async () => {
  for (const [local, remote] of [[{}, {}], [{ candidateType: 'constructor' }, { candidateType: 'host' }], [{ candidateType: 7 }, { candidateType: null }]]) {
    const stats = await readConnection(connectionWith(pairOf(local, remote)));
    assert.equal(stats.path, undefined);
    assert.equal(stats.rtt, undefined);
  }
  assert.equal(await readConnection(connectionWith([])), undefined);
  assert.equal(await readConnection({ getStats: () => Promise.reject(new Error('closed')) }), undefined);
});

/** A running monitor of `connection`, and what it reports. */
function monitorOf(connection) {
  const seen = { paths: [], networks: 0, said: 0 };
  const monitor = new PathMonitor({
    connection: () => connection,
    say: () => (seen.said += 1),
    onpath: ({ kind }) => seen.paths.push(kind),
    onnetwork: () => (seen.networks += 1),
    onpackets: () => {},
  });
  monitor.run(true);
  return { monitor, seen };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('the path is read at once, then once a second; what costs the other side an answer waits for the second', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const { entries } = recorded['chromium, relay over UDP'];
  const { monitor, seen } = monitorOf(connectionWith(entries));
  await settled();
  assert.deepEqual(seen, { paths: ['relay'], networks: 0, said: 0 });
  context.mock.timers.tick(1_000);
  await settled();
  assert.deepEqual(seen, { paths: ['relay', 'relay'], networks: 1, said: 1 });
  monitor.stop();
  context.mock.timers.tick(5_000);
  await settled();
  assert.equal(seen.paths.length, 2);
});

test('a browser that does not know the path yet is asked again a moment later', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const connection = connectionWith([]);
  const { monitor, seen } = monitorOf(connection);
  await settled();
  assert.deepEqual(seen.paths, []);
  connection.replace(recorded['firefox, relay over TCP'].entries);
  context.mock.timers.tick(100);
  await settled();
  assert.deepEqual(seen.paths, ['relay']);
  monitor.stop();
});

test('a monitor that was stopped while it read the path keeps no timer', async (context) => {
  const timers = context.mock.method(globalThis, 'setTimeout');
  const { monitor } = monitorOf(connectionWith([]));
  monitor.stop();
  await settled();
  assert.equal(timers.mock.callCount(), 0);
  const waits = monitorOf(connectionWith([]));
  const cleared = context.mock.method(globalThis, 'clearTimeout');
  await settled();
  assert.equal(timers.mock.callCount(), 1);
  waits.monitor.stop();
  assert.ok(cleared.mock.calls.some(({ arguments: [timer] }) => timer === timers.mock.calls[0].result));
});
