import SimplePeer from '@thaunknown/simple-peer/lite.js';
import WebTorrent from 'webtorrent/dist/webtorrent.min.js';

/** Nobody is looked for: the one connection is handed to both torrents. */
const alone = { tracker: false, dht: false, lsd: false, natUpnp: false, natPmp: false };

/** Its API documentation: `client.seed(file)` at one end, `client.add(torrent)` at the other, `torrent.addPeer(peer)`. */
export async function connectWebTorrent(initiator, signaling) {
  const client = new WebTorrent(alone);
  const peer = new SimplePeer({ initiator, config: { iceServers: [] } });
  const metadata = Promise.withResolvers();
  peer.on('signal', (message) => signaling.send(message));
  signaling.listen((message) => {
    if (message.torrent !== undefined) metadata.resolve(Uint8Array.from(message.torrent));
    else peer.signal(message);
  });
  await new Promise((resolve, reject) => {
    peer.once('connect', resolve);
    peer.once('error', reject);
  });
  return {
    // Hashing the file before the first byte goes out belongs to sending it this way.
    send(file) {
      client.seed(new File([file], 'file'), { announceList: [] }, (torrent) => {
        torrent.addPeer(peer);
        signaling.send({ torrent: [...torrent.torrentFile] });
      });
    },
    async received() {
      const torrent = client.add(await metadata.promise, { announce: [] });
      torrent.once('infoHash', () => torrent.addPeer(peer));
      await new Promise((resolve) => torrent.once('done', resolve));
    },
  };
}
