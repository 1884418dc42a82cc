// A proxy before the site's server that delays the signalling and nothing else.
import { createServer, connect } from 'node:net';

/**
 * Serves what the server at `siteUrl` serves. Bytes of `/signal` sockets arrive `delayMs` later in each direction, in order; opening
 * the TCP connection is not delayed. `url`: of the proxy.
 *
 * @param {string} siteUrl @param {number} delayMs
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export async function delaySignaling(siteUrl, delayMs) {
  const { hostname, port } = new URL(siteUrl);
  const sockets = new Set();
  const proxy = createServer((near) => {
    near.once('data', (first) => {
      const ms = /^GET \/signal\b/.test(first.toString('latin1')) ? delayMs : 0;
      const far = connect(Number(port), hostname);
      near.pause();
      pass(near, far, ms, first);
      pass(far, near, ms);
      near.resume();
    });
    sockets.add(near);
    near.once('close', () => sockets.delete(near));
    near.on('error', () => near.destroy());
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const stop = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
  };
  return { url: `http://127.0.0.1:${proxy.address().port}/`, stop };
}

function pass(from, to, ms, first) {
  const later = (action) => (ms === 0 ? action() : setTimeout(action, ms));
  const write = (bytes) => later(() => to.write(bytes));
  if (first !== undefined) write(first);
  from.on('data', write);
  from.once('close', () => later(() => to.destroy()));
  to.on('error', () => to.destroy());
}
