// Stands in front of a server and keeps what it gets to see.
import { connect, createServer } from 'node:net';

const keptBytes = 64 * 1024 * 1024;

/**
 * WebSocket frames of clients are masked; they are kept as the server reads them.
 *
 * @param {number} port Of the server, on loopback.
 * @returns {Promise<{ url: string, seen: () => Buffer, stop: () => Promise<void> }>}
 */
export async function startRecorder(port) {
  /** @type {Buffer[][]} */
  const connections = [];
  const sockets = new Set();
  let kept = 0;
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    /** @type {Buffer[]} */
    const parts = [];
    connections.push(parts);
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
    client.on('data', (data) => {
      kept += data.length;
      if (kept <= keptBytes) parts.push(data);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    seen: () => Buffer.concat(connections.flatMap((parts) => unmask(Buffer.concat(parts)))),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * What stands before a WebSocket's frames, and their payloads (RFC 6455, section 5.2).
 *
 * @param {Buffer} bytes
 * @returns {Buffer[]}
 */
function unmask(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0 || !/upgrade: websocket/i.test(bytes.subarray(0, end).toString('latin1'))) return [bytes];
  const parts = [bytes.subarray(0, end + 4)];
  for (let at = end + 4; at + 2 <= bytes.length; ) {
    let length = bytes[at + 1] & 0x7f;
    let header = 2;
    if (length === 126) {
      length = bytes.readUInt16BE(at + 2);
      header = 4;
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at + 2));
      header = 10;
    }
    const mask = bytes.subarray(at + header, at + header + 4);
    const payload = Buffer.from(bytes.subarray(at + header + 4, at + header + 4 + length));
    for (let index = 0; index < payload.length; index += 1) payload[index] ^= mask[index % 4];
    parts.push(payload);
    at += header + 4 + length;
  }
  return parts;
}
