// Connects two clients of the laboratory through the package, sends a file, and tells by which path.
import { randomBytes } from 'node:crypto';
import { hardest } from './expected.mjs';

/** By now each attempt has connected or failed, ms. */
export const LIMIT_MS = 15_000;
/** Beyond the limit, for a slow machine to report in, ms. */
const GRACE_MS = 1_000;
const FILE_BYTES = 300_000;
/** ICE may begin on a relay and find a better path meanwhile, ms. */
const SETTLING_MS = 3_000;

/** @typedef {import('./client.mjs').Client} Client */
/** @typedef {import('../../../e2e/support/bare.js').Route} Route */
/** @typedef {import('../../../e2e/support/bare.js').PlainError} PlainError */

/**
 * @typedef {object} Outcome
 * @property {'direct' | 'relay' | 'none' | 'silent'} got 'none': both sides failed in time. 'silent': one did not.
 * @property {'udp' | 'tcp' | 'tls' | null} protocol To the relay, on the side where it is harder; 'udp' for a direct path.
 * @property {number} seconds Until both sides were connected, or the later one failed.
 * @property {(PlainError | null)[]} errors Of each side.
 * @property {string} first The path right after connecting.
 */

/**
 * Both clients have the bare page open. Tries to connect them and sends a file from the first one to the second one.
 * Errors: rejects where the file does not arrive as it was.
 *
 * @param {readonly [Client, Client]} clients @param {readonly (readonly RTCIceServer[])[]} iceServers Of each client.
 * @param {string} [wanted] The path to wait for. @returns {Promise<Outcome>}
 */
export async function tryPair(clients, iceServers, wanted) {
  const room = randomBytes(16).toString('base64url');
  const startedAt = performance.now();
  let silent = false;
  const limit = setTimeout(() => {
    silent = true;
    for (const client of clients) void client.call('abortSession').catch(() => {});
  }, LIMIT_MS + GRACE_MS);
  const results = await Promise.all(clients.map((client, index) => client.call('connect', { room, worker: true, rtc: { iceServers: iceServers[index] } })));
  const seconds = (performance.now() - startedAt) / 1000;
  clearTimeout(limit);
  const errors = results.map((failure) => failure?.error ?? null);
  if (silent) return { got: 'silent', protocol: null, seconds, errors, first: 'silent' };
  if (errors.some((error) => error !== null)) return { got: 'none', protocol: null, seconds, errors, first: 'none' };

  const first = (await readPath(clients)).path;
  await sendFile(clients);
  let read = await readPath(clients);
  for (const end = performance.now() + SETTLING_MS; read.path !== wanted && performance.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    read = await readPath(clients);
  }
  await Promise.all(clients.map((client) => client.call('closePeer')));
  return { got: read.path, protocol: read.protocol, seconds, errors, first };
}

/**
 * The path of the control connection. Only a side's own statistics tell that it uses a relay: the other side may see a
 * peer-reflexive address. While a connection looks for a better path, its statistics may have no selected pair for a moment.
 *
 * @param {readonly Client[]} clients @returns {Promise<{ path: 'direct' | 'relay', protocol: 'udp' | 'tcp' | 'tls' }>}
 */
async function readPath(clients) {
  const control = await Promise.all(clients.map((client) => readControl(client)));
  const relayed = control.map(({ local }) => local).filter(({ type }) => type === 'relay');
  if (relayed.length === 0) return { path: 'direct', protocol: 'udp' };
  return { path: 'relay', protocol: hardest(relayed.map(({ relayProtocol }) => /** @type {'udp'} */ (relayProtocol))) };
}

/** @param {Client} client @returns {Promise<Route>} */
async function readControl(client) {
  for (const end = performance.now() + SETTLING_MS; ; ) {
    const found = (await client.call('routes')).find((/** @type {Route} */ { lane }) => lane === 0);
    if (found !== undefined) return found;
    if (performance.now() >= end) throw new Error('a control connection without a selected pair of candidates');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** @param {readonly [Client, Client]} clients */
async function sendFile([sender, receiver]) {
  await sender.call('prepare', [FILE_BYTES], 1);
  const sending = await sender.call('send', 1);
  await receiver.call('nextOffer');
  const receiving = await receiver.call('accept', 'memory');
  const [sent, received] = await Promise.all([sender.call('outcome', sending, { seed: 1 }), receiver.call('outcome', receiving)]);
  for (const { error } of [sent, received]) if (error !== undefined) throw new Error(`the transfer failed: ${error.message}`);
  if (received.files[0].sha256 !== sent.files[0].sha256) throw new Error('the file arrived with other bytes');
}
