// The function `rtc` with a WebRTC stack that is not a browser's: sessions of the built package over a real TURN server.
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { startCoturn } from './support/daemon.mjs';
import { closeAll, connectedPair, next } from './support/session_pair.mjs';
import { RTCPeerConnection } from './support/web_rtc.mjs';

const peers = [];
after(() => closeAll(peers));

test('each connection of a session in Node.js gets an answer of its own from the function rtc, and a path with it', async () => {
  const secret = 'a shared secret';
  const coturn = await startCoturn(secret);
  const userOf = ({ iceServers }) => iceServers[0].username;
  /** The user names of each connection's configurations. */
  const made = [];
  class Watched extends RTCPeerConnection {
    constructor(configuration) {
      super(configuration);
      // The constructor may have set it, as that of `werift` does.
      this.users ??= [userOf(configuration)];
      made.push(this.users);
    }

    setConfiguration(configuration) {
      super.setConfiguration(configuration);
      (this.users ??= []).push(userOf(configuration));
    }
  }
  const given = [];
  const rtc = async () => {
    const username = `${Math.floor(Date.now() / 1000) + 3600}:${given.length}`;
    given.push(username);
    const credential = createHmac('sha1', secret).update(username).digest('base64');
    return { iceServers: [{ urls: coturn.url, username, credential }], iceTransportPolicy: 'relay' };
  };
  try {
    peers.push(...(await connectedPair({ RTCPeerConnection: Watched, rtc, lanes: { min: 3, max: 3 } })));
    const [a, b] = peers;
    const coming = next(b, 'incoming');
    const sending = a.send(randomBytes(300_000));
    const { offer } = await coming;
    const [sent, received] = await Promise.all([sending.done, offer.accept({ sink: 'memory' }).done]);
    assert.equal(sent.files[0].root, received.files[0].root);
    assert.ok(made.length >= 4, String(made.length));
    assert.deepEqual(made.map((users) => users.at(-1)).sort(), given.toSorted());
  } finally {
    await Promise.all(peers.map((peer) => peer.close()));
    await coturn.stop();
  }
});
