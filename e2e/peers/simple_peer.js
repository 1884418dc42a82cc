import { ofSimplePeer } from '../../examples/other-libraries/channels.js';
import SimplePeer from 'simple-peer/simplepeer.min.js';

/** Its README, "duplex stream": written in chunks, waiting for `drain` when it asks for it. */
const chunkBytes = 65_536;

export async function connectSimplePeer(initiator, signaling) {
  const peer = new SimplePeer({ initiator, config: { iceServers: [] } });
  const arrived = { bytes: 0, wanted: Infinity, resolve: null };
  peer.on('signal', (message) => signaling.send(message));
  signaling.listen((message) => peer.signal(message));
  peer.on('data', (chunk) => {
    arrived.bytes += chunk.length;
    if (arrived.bytes >= arrived.wanted) arrived.resolve();
  });
  await new Promise((resolve, reject) => {
    peer.once('connect', resolve);
    peer.once('error', reject);
  });
  return {
    channel: () => ofSimplePeer(peer),
    async send(file) {
      for (let at = 0; at < file.length; at += chunkBytes) {
        if (!peer.write(file.subarray(at, at + chunkBytes))) await new Promise((resolve) => peer.once('drain', resolve));
      }
    },
    received: (bytes) =>
      new Promise((resolve) => {
        arrived.wanted = bytes;
        arrived.resolve = resolve;
      }),
  };
}
