// Which descriptions and certificates a connection accepts, and when its candidates are complete.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { beforeEach, test } from 'node:test';
import { connections, describe, FakeConnection, fingerprint } from './support/fake_connection.mjs';
import { bundle } from './support/web_module.mjs';

const { Configurations, fingerprintOf, PeerLink } = await bundle(`
  export { Configurations } from './rtc/configurations.ts';
  export { fingerprintOf } from './rtc/fingerprint.ts';
  export { PeerLink } from './rtc/peer_link.ts';
`);
globalThis.RTCPeerConnection = FakeConnection;
const noServers = await Configurations.start({ iceServers: [] }, false);

// Certificates are hashed in other threads.
const { subtle } = globalThis.crypto;
const hashing = new Set();
Object.defineProperty(subtle, 'digest', {
  value: (...args) => {
    const hashed = Object.getPrototypeOf(subtle).digest.apply(subtle, args);
    hashing.add(hashed);
    return hashed.finally(() => hashing.delete(hashed));
  },
});

/** When nothing is left to be done. */
async function settled() {
  do {
    await Promise.all(hashing);
    await new Promise((resolve) => setImmediate(resolve));
  } while (hashing.size > 0);
}

beforeEach(() => {
  connections.length = 0;
});

/** A link that waits for an offer, and what it says. `transport`: of its connection. */
function answering(transport) {
  const happened = [];
  const attached = [];
  const link = new PeerLink({
    rtc: noServers,
    channels: [{ label: 'test', ordered: true, reliable: true }, { label: 'second', ordered: false, reliable: false }],
    initiator: false,
    send: () => {},
    attach: (channel, index) => attached.push([index, channel]),
    onnegotiated: (maxMessageSize, fingerprints) => happened.push({ maxMessageSize, fingerprints }),
    onstate: () => {},
    onlost: ({ code }) => happened.push(code),
  });
  const connection = connections.at(-1);
  if (transport) connection.sctp.transport = transport;
  const offer = (sdp) => link.handle({ type: 'description', kind: 'offer', sdp });
  return { connection, happened, offer, attached };
}

test('a connection has its channels in the order of their ids, and an unreliable one sends nothing again', () => {
  const { attached } = answering();
  assert.deepEqual(attached, [
    [0, { label: 'test', negotiated: true, id: 0, ordered: true }],
    [1, { label: 'second', negotiated: true, id: 1, ordered: false, maxRetransmits: 0 }],
  ]);
});

/** A certificate that the browser shows, and its fingerprint. */
function certified() {
  const certificate = new Uint8Array(randomBytes(300));
  const digits = createHash('sha256').update(certificate).digest('hex').toUpperCase().match(/../g).join(':');
  const transport = Object.assign(new EventTarget(), { state: 'new', certificate, getRemoteCertificates: () => [transport.certificate.buffer] });
  return { transport, print: `sha-256 ${digits}` };
}

test('the fingerprint is read in one form, wherever it stands', () => {
  const lower = fingerprint.toLowerCase();
  const forms = [
    describe('x'), describe('x', lower), `a=fingerprint:SHA-256 ${fingerprint.slice(8)}\n`,
    `v=0\r\na=fingerprint:${fingerprint}\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=fingerprint:${lower}\r\na=setup:actpass\r\n`,
  ];
  for (const sdp of forms) assert.equal(fingerprintOf(sdp), fingerprint);
});

test('a description without one clear and strong fingerprint is refused', async () => {
  const other = `sha-256 ${Array(32).fill('CD').join(':')}`;
  for (const sdp of ['', 'v=0\r\n', describe('x') + describe('y', other), describe('x', 'sha-1 AB:CD'), describe('x', 'md5 AB:CD')]) {
    assert.throws(() => fingerprintOf(sdp), { code: 'signaling-failed' });
    const { connection, happened, offer } = answering();
    offer(sdp);
    await settled();
    assert.deepEqual(happened, ['signaling-failed']);
    assert.deepEqual(connection.described, []);
    assert.equal(connection.connectionState, 'closed');
  }
});

test('without access to the certificate, the descriptions count', async () => {
  const { connection, happened, offer } = answering();
  offer(describe('first'));
  await settled();
  assert.deepEqual(happened, [{ maxMessageSize: 262_144, fingerprints: { local: fingerprint, remote: fingerprint } }]);
  offer(describe('restart', fingerprint.toLowerCase()));
  await settled();
  assert.equal(happened.length, 1);
  assert.equal(connection.described.length, 2);
});

test('a description with a new fingerprint ends the connection before the browser sees it', async () => {
  const { connection, happened, offer } = answering();
  offer(describe('first'));
  await settled();
  offer(describe('restart', `sha-256 ${Array(32).fill('CD').join(':')}`));
  await settled();
  assert.equal(happened.at(-1), 'authentication-failed');
  assert.deepEqual(connection.described, [describe('first')]);
  assert.equal(connection.connectionState, 'closed');
});

test('the description as the browser parsed it counts, not the text', async () => {
  const { connection, happened, offer } = answering();
  const { setRemoteDescription } = connection;
  connection.setRemoteDescription = async (description) => {
    await setRemoteDescription.call(connection, description);
    connection.remoteDescription = { type: 'offer', sdp: describe('read', `sha-256 ${Array(32).fill('CD').join(':')}`) };
  };
  offer(describe('sent'));
  await settled();
  assert.deepEqual(happened, ['authentication-failed']);
});

test('the certificate is awaited and must be that of the description', async () => {
  const { transport, print } = certified();
  const { connection, happened, offer } = answering(transport);
  offer(describe('first', print));
  await settled();
  assert.deepEqual(happened, []);
  // The connection says so before the certificate is there.
  connection.become('connected');
  await settled();
  assert.deepEqual(happened, []);
  transport.state = 'connected';
  transport.dispatchEvent(new Event('statechange'));
  await settled();
  assert.deepEqual(happened.map(({ fingerprints }) => fingerprints.remote), [print]);
});

test('a different certificate is refused, at once and after a restart', async () => {
  for (const when of ['at once', 'after a restart']) {
    const { transport, print } = certified();
    const { connection, happened, offer } = answering(transport);
    offer(describe('first', print));
    await settled();
    transport.state = 'connected';
    if (when === 'at once') transport.certificate = randomBytes(300);
    connection.become('connected');
    await settled();
    if (when === 'after a restart') {
      assert.equal(happened.length, 1);
      offer(describe('restart', print));
      transport.certificate = randomBytes(300);
      connection.become('connected');
      await settled();
    }
    assert.equal(happened.at(-1), 'authentication-failed');
    assert.equal(connection.connectionState, 'closed');
  }
});

/** An initiator, and what it says. */
function offering(options) {
  const said = [];
  const link = new PeerLink({
    rtc: noServers,
    channels: [{ label: 'test', ordered: true, reliable: true }],
    initiator: true,
    send: (message) => said.push(message),
    attach: () => {},
    onnegotiated: () => {},
    onstate: () => {},
    onlost: ({ code }) => said.push(code),
    ...options,
  });
  const connection = connections.at(-1);
  const find = (candidate) => {
    const found = candidate === null ? null : { candidate, sdpMid: '0', sdpMLineIndex: 0 };
    connection.dispatchEvent(Object.assign(new Event('icecandidate'), { candidate: found }));
  };
  return { link, connection, said, find };
}

test('an offer waits for the servers that the function rtc gives, and so does the offer of an ICE restart', async () => {
  const answers = [];
  const rtc = await Configurations.start(() => (answers.length === 0 ? { iceServers: [] } : answers.shift()), false);
  // The first connection has what the function gave before.
  const first = offering({ rtc });
  await settled();
  assert.deepEqual([first.connection.configurations.length, first.said.length], [1, 1]);

  for (const name of ['new', 'restart']) {
    let give;
    answers.push(new Promise((resolve) => (give = resolve)));
    const { link, connection, said } = name === 'new' ? offering({ rtc }) : first;
    if (name === 'restart') {
      connection.signalingState = 'stable';
      link.restart();
    }
    const before = said.length;
    await settled();
    assert.equal(said.length, before, name);
    const iceServers = [{ urls: `stun:${name}.example` }];
    give({ iceServers });
    await settled();
    assert.deepEqual(connection.configurations.at(-1).iceServers, iceServers, name);
    assert.equal(said.at(-1).kind, 'offer', name);
  }
});

test('a connection that is closed while it waits for its servers says and sets nothing', async () => {
  let give;
  const answers = [{ iceServers: [] }, new Promise((resolve) => (give = resolve))];
  const rtc = await Configurations.start(() => answers.shift(), false);
  offering({ rtc });
  const { link, connection, said } = offering({ rtc });
  await settled();
  link.close();
  give({ iceServers: [{ urls: 'stun:late.example' }] });
  await settled();
  assert.deepEqual([said, connection.configurations.length], [[], 1]);
  assert.deepEqual(rtc.current, { iceServers: [] });
});

test('candidates that people carry are complete without servers that do not answer, and others trickle until the end', async (context) => {
  const stun = { iceServers: [{ urls: 'stun:stun.example' }] };
  const turn = { iceServers: [...stun.iceServers, { urls: ['turn:turn.example'], username: 'u', credential: 'c' }] };
  const relay = 'candidate:1 1 udp 1 192.0.2.1 1 typ relay raddr 0.0.0.0 rport 0';
  const host = 'candidate:1 1 udp 1 abc.local 1 typ host';
  // [configuration, what the browser finds at which time (ms), when the end is said]
  const cases = [
    [stun, [[0, host]], 1_000],
    [stun, [[0, host], [900, 'candidate:2 1 udp 1 192.0.2.1 1 typ srflx']], 1_000],
    [stun, [[0, host], [300, null]], 300],
    [turn, [[0, host]], 4_000],
    [turn, [[0, host], [1_500, relay]], 2_500],
    [turn, [[0, host], [1_500, relay], [2_400, relay]], 2_500],
    [{ ...turn, iceTransportPolicy: 'relay' }, [[6_000, relay]], 7_000],
    [turn, [[0, host], [500, relay], [600, null]], 600],
  ];
  for (const patient of [true, false]) {
    for (const [configuration, finds, end] of cases) {
      const { link, said, find } = offering({ rtc: await Configurations.start(configuration, false), patient });
      context.mock.timers.enable({ apis: ['setTimeout'] });
      let endedAt;
      for (let now = 0; now <= 20_000; now += 100) {
        for (const [at, candidate] of finds) if (at === now) find(candidate);
        if (endedAt === undefined && said.some(({ candidate }) => candidate === '')) endedAt = now;
        context.mock.timers.tick(100);
      }
      const browsers = finds.find(([, candidate]) => candidate === null)?.[0];
      assert.equal(endedAt, patient ? end : browsers, JSON.stringify(finds));
      find(null);
      assert.equal(said.filter(({ candidate }) => candidate === '').length, patient || browsers === undefined ? 1 : 2);
      link.close();
      context.mock.timers.reset();
    }
  }
});
