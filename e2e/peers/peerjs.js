import { ofPeerJs } from '../../examples/other-libraries/channels.js';
import { Peer } from 'peerjs';

/** Stands for the connection to a PeerServer: greets, and carries messages to the one other page. */
function localSocket(id, signaling) {
  return class {
    readyState = WebSocket.CONNECTING;

    constructor() {
      setTimeout(() => {
        this.readyState = WebSocket.OPEN;
        this.onopen?.();
        this.onmessage?.({ data: JSON.stringify({ type: 'OPEN' }) });
        signaling.listen((message) => this.onmessage?.({ data: JSON.stringify(message) }));
      });
    }

    send(text) {
      const message = JSON.parse(text);
      if (message.dst !== undefined) void signaling.send({ ...message, src: id });
    }

    close() {
      this.readyState = WebSocket.CLOSED;
    }
  };
}

/** Its README, "Data connections": `conn.send(data)`, which cuts a file into chunks itself. */
export async function connectPeerJs(initiator, signaling) {
  const [own, other] = initiator ? ['a', 'b'] : ['b', 'a'];
  const Native = globalThis.WebSocket;
  globalThis.WebSocket = Object.assign(localSocket(own, signaling), { CONNECTING: Native.CONNECTING, OPEN: Native.OPEN, CLOSED: Native.CLOSED });
  const peer = new Peer(own, { host: location.hostname, config: { iceServers: [] } });
  // The other side may be faster: its offer can come right after the greeting.
  const incoming = new Promise((resolve) => peer.once('connection', resolve));
  await new Promise((resolve, reject) => {
    peer.once('open', resolve);
    peer.once('error', reject);
  });
  const connection = initiator ? peer.connect(other, { reliable: true }) : await incoming;
  await new Promise((resolve, reject) => {
    connection.once('open', resolve);
    connection.once('error', reject);
  });
  return {
    channel: () => ofPeerJs(connection),
    send: (file) => connection.send(file),
    received: (bytes) =>
      new Promise((resolve) => {
        connection.on('data', (file) => {
          if (file.byteLength === bytes) resolve();
        });
      }),
  };
}
