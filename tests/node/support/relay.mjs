// A TCP relay that can stop forwarding without closing anything, as a network does that is gone.
import { connect, createServer } from 'node:net';

/**
 * Forwards connections to a port of this machine. After `freeze`, the connections that exist carry nothing any more, and neither
 * end is told; with a text, this concerns those whose first bytes from the client contain it. Later connections work, until
 * `refuse`, or get no answer while `swallow` is true. `frozen` is the number of dead connections.
 *
 * @param {number} port
 * @returns {Promise<{ port: number, swallow: boolean, readonly frozen: number, freeze: (text?: string) => void, refuse: () => void, stop: () => Promise<void> }>}
 */
export async function startRelay(port) {
  /** @type {Set<{ begins: string, freeze: () => void, end: () => void }>} */
  const alive = new Set();
  const dead = new Set();
  let swallow = false;
  const server = createServer((client) => {
    if (swallow) {
      dead.add({ end: () => client.destroy() });
      client.on('error', () => {});
      return;
    }
    const upstream = connect(port, '127.0.0.1');
    const ends = [client, upstream];
    let frozen = false;
    const connection = {
      begins: '',
      freeze() {
        frozen = true;
        client.unpipe(upstream);
        upstream.unpipe(client);
        // A paused end does not hear of a close either.
        for (const end of ends) end.pause();
      },
      end: () => ends.forEach((end) => end.destroy()),
    };
    alive.add(connection);
    for (const end of ends) {
      end.on('error', () => {});
      end.on('close', () => {
        if (frozen) return;
        alive.delete(connection);
        connection.end();
      });
    }
    client.once('data', (data) => (connection.begins = data.toString('latin1')));
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay does not listen on a port');
  return {
    port: address.port,
    get swallow() {
      return swallow;
    },
    set swallow(value) {
      swallow = value;
    },
    get frozen() {
      return dead.size;
    },
    freeze(text = '') {
      for (const connection of alive) {
        if (!connection.begins.includes(text)) continue;
        connection.freeze();
        dead.add(connection);
        alive.delete(connection);
      }
    },
    refuse: () => void server.close(),
    async stop() {
      const closed = new Promise((resolve) => server.once('close', resolve));
      server.close();
      for (const connection of [...alive, ...dead]) connection.end();
      await closed;
    },
  };
}
