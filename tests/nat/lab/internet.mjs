// Runs inside the internet's namespace: the site behind TLS, and coturn for STUN and TURN.
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { createServer } from 'node:tls';
import { startSite } from '../../../e2e/support/site.mjs';
import { startLabCoturn, startSpareCoturn } from './coturn.mjs';
import { servers, SITE_NAME, SLOW_PORT, STUN_PORT, TLS_PORT } from './addresses.mjs';
import { serve } from './helper.mjs';
import { startSlowTcp } from './slow_tcp.mjs';

/** @type {(() => Promise<void>)[]} */
const cleanups = [];

/** Every page comes from the address of the TLS server: none is to use up what another one needs. */
const limits = { ICE_PER_MINUTE: '600', FREE_GUESSES: '1000', MAX_CODES_PER_ADDRESS: '1000' };

/** Takes TLS off, and passes everything on to a port of loopback. @param {number} port @param {string} certificate @param {string} key */
async function startTls(port, certificate, key) {
  const options = { cert: await readFile(certificate), key: await readFile(key) };
  for (const host of [servers.site.four, servers.site.six]) {
    const sockets = new Set();
    const server = createServer(options, (client) => {
      const upstream = connect(port, '127.0.0.1');
      for (const [from, to] of [[client, upstream], [upstream, client]]) {
        sockets.add(from);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
    server.on('tlsClientError', () => {});
    await new Promise((resolve, reject) => server.once('error', reject).listen(TLS_PORT, host, () => resolve(undefined)));
    cleanups.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
  }
}

async function stop() {
  for (const end of cleanups.splice(0).reverse()) await end();
}

serve(
  {
    /** @param {{ certificate: string, key: string, quota?: number }} options */
    async start({ certificate, key, quota }) {
      await stop();
      const site = await startSite({ withPages: true, env: limits });
      cleanups.push(site.stop);
      await startTls(Number(new URL(site.url).port), certificate, key);
      const coturn = await startLabCoturn({ certificate, key, ...(quota === undefined ? {} : { quota }) });
      cleanups.push(coturn.stop);
      return `https://${SITE_NAME}/`;
    },
    /** @param {{ certificate: string, key: string, quota?: number }} options */
    async startSpare(options) {
      const coturn = await startSpareCoturn(options);
      cleanups.push(coturn.stop);
    },
    /** TURN over TCP at SLOW_PORT. @param {{ mbps: number, rttMs: number }} link */
    async startSlowTurn(link) {
      const proxy = await startSlowTcp({ ...link, host: servers.turn.four, port: SLOW_PORT, target: STUN_PORT });
      cleanups.push(proxy.stop);
    },
  },
  stop,
);
