// The links that are measured, by name.

/**
 * @typedef {object} Link
 * @property {string} name
 * @property {number} rttMs of the empty link
 * @property {number} loss of packets of the file's direction and of the other, 0–1 each
 * @property {number} mbps of wire bytes, each direction
 * @property {number} queueBytes of each direction
 * @property {number} [jitterMs] of each direction
 * @property {number} [burstPackets] how many packets in a row a loss takes, on average
 * @property {Partial<Omit<Link, 'name' | 'back'>>} [back] what differs in the direction opposite to the file's
 */

/** @type {readonly Link[]} */
export const links = [
  { name: 'wan20', rttMs: 20, loss: 0, mbps: 100, queueBytes: 250_000 },
  { name: 'wan50-0.1', rttMs: 50, loss: 0.001, mbps: 100, queueBytes: 625_000 },
  { name: 'wan100', rttMs: 100, loss: 0, mbps: 100, queueBytes: 625_000 },
  { name: 'wan50-1', rttMs: 50, loss: 0.01, mbps: 100, queueBytes: 625_000 },
  { name: 'mobile', rttMs: 80, loss: 0.005, mbps: 20, queueBytes: 200_000 },
  { name: 'gbit-ish', rttMs: 4, loss: 0, mbps: 180, queueBytes: 200_000 },
  { name: 'shallow', rttMs: 40, loss: 0, mbps: 50, queueBytes: 50_000 },
  { name: 'deep', rttMs: 40, loss: 0, mbps: 20, queueBytes: 2_000_000 },
];

/**
 * A link of the table, or `name:rttMs:loss:mbps:queueBytes`.
 * Errors: throws where it is neither.
 *
 * @param {string} text
 * @returns {Link}
 */
export function parseLink(text) {
  const known = links.find(({ name }) => name === text);
  if (known !== undefined) return known;
  const [name, ...fields] = text.split(':');
  const [rttMs, loss, mbps, queueBytes] = fields.map(Number);
  const sane = fields.length === 4 && fields.every((field) => field !== '') && name !== '' && rttMs >= 0 && loss >= 0 && loss < 1 && mbps > 0 && queueBytes > 0;
  if (!sane) throw new Error(`no link "${text}": there are ${links.map((link) => link.name).join(', ')}, and NAME:RTT_MS:LOSS:MBPS:QUEUE_BYTES`);
  return { name, rttMs, loss, mbps, queueBytes };
}

/**
 * What the emulator has to be set to, direction by direction.
 *
 * @param {Omit<Link, 'name'>} link
 * @returns {import('./emulator.mjs').LinkSettings[]}
 */
export function settingsOf(link) {
  return [
    { direction: 'ab', ...settingsOfDirection(link) },
    { direction: 'ba', ...settingsOfDirection({ ...link, ...link.back }) },
  ];
}

function settingsOfDirection({ rttMs, loss, mbps, queueBytes, jitterMs = 0, burstPackets = 1 }) {
  const common = { delayMs: rttMs / 2, jitterMs, rateMbps: mbps, queueBytes };
  if (burstPackets <= 1) return { ...common, loss };
  // A burst ends after each of its packets with the chance `burstLeave`; the share of packets in bursts is enter / (enter + leave).
  const burstLeave = 1 / burstPackets;
  return { ...common, loss: 0, burstEnter: (burstLeave * loss) / (1 - loss), burstLeave, burstLoss: 1 };
}
