// Which descriptions and certificates a connection accepts.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { beforeEach, test } from 'node:test';
import { connections, describe, FakeConnection, fingerprint } from './support/fake_connection.mjs';
import { bundle } from './support/web_module.mjs';

const { fingerprintOf, PeerLink } = await bundle(`
  export { fingerprintOf } from './rtc/fingerprint.ts';
  export { PeerLink } from './rtc/peer_link.ts';
`);
globalThis.RTCPeerConnection = FakeConnection;

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
  const link = new PeerLink({
    rtc: {},
    label: 'test',
    channel: { ordered: true, reliable: true },
    initiator: false,
    send: () => {},
    attach: () => {},
    onnegotiated: (maxMessageSize, fingerprints) => happened.push({ maxMessageSize, fingerprints }),
    onstate: () => {},
    onlost: ({ code }) => happened.push(code),
  });
  const connection = connections.at(-1);
  if (transport) connection.sctp.transport = transport;
  const offer = (sdp) => link.handle({ type: 'description', kind: 'offer', sdp });
  return { connection, happened, offer };
}

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
