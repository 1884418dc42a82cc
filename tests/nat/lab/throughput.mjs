// How fast a file goes through a relay that is reached over TCP.
import { randomBytes } from 'node:crypto';
import { ceilingOf } from '../../../scripts/lib/field_rows.mjs';
import { servers, SLOW_PORT } from './addresses.mjs';
import { iceServersOf, turnServer } from './coturn.mjs';

/** The link between the sender and the relay. */
export const slowLink = { mbps: 20, rttMs: 40 };
/** What a transfer must reach of what headers leave of the link. */
export const leastShare = 0.8;
const SECONDS = 20;

/**
 * Connects a sender in a network that lets only TCP out with a receiver that has a public address, and sends a file through the slow link.
 * `ofCeiling` counts from the call of `send` to the receipt.
 * Errors: rejects where the two do not connect, or the file does not arrive.
 *
 * @param {import('./lab.mjs').Lab} lab @param {string} url @param {readonly [import('./client.mjs').Client, import('./client.mjs').Client]} clients
 * @param {readonly ['chromium' | 'firefox', 'chromium' | 'firefox']} browsers
 * @returns {Promise<{ mbps: number, ofCeiling: number, lanes: number }>}
 */
export async function throughTcpRelay(lab, url, clients, browsers) {
  await lab.startSlowTurn(slowLink);
  await lab.place(clients, ['udp-blocked', 'open']);
  const [sender, receiver] = clients;
  await Promise.all(clients.map((client, index) => client.open(browsers[index], url)));
  const room = randomBytes(16).toString('base64url');
  const lists = [[turnServer(servers.turn.four, 'tcp', SLOW_PORT)], iceServersOf(4, { stun: true, turn: false })];
  const failures = await Promise.all(clients.map((client, index) => client.call('connect', { room, worker: true, rtc: { iceServers: lists[index] } })));
  for (const failure of failures) if (failure !== null) throw new Error(failure.error.message);
  const bytes = Math.round((ceilingOf(slowLink.mbps) * SECONDS * 1e6) / 8);
  await sender.call('prepare', [bytes], 1);
  const sending = await sender.call('send', 1);
  await receiver.call('nextOffer');
  const receiving = await receiver.call('acceptIntoStream', { hash: false });
  const outcomes = await Promise.all([sender.call('outcome', sending, { hash: false }), receiver.call('outcome', receiving, { hash: false })]);
  for (const { error } of outcomes) if (error !== undefined) throw new Error(`the transfer failed: ${error.message}`);
  const { lanes } = (await sender.call('peer')).stats;
  await Promise.all(clients.map((client) => client.call('closePeer')));
  const mbps = (bytes * 8) / 1e6 / outcomes[0].seconds;
  return { mbps, ofCeiling: mbps / ceilingOf(slowLink.mbps), lanes: lanes.filter((/** @type {{ lane: number }} */ { lane }) => lane > 0).length };
}
