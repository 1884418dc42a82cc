// The rows of the benchmark `field`: links and scenarios by name, and what each must reach.

/** What headers leave of a link's rate: a full packet carries 1,160 bytes of file with IPv4, UDP, DTLS 1.2 and SCTP around them. */
const headerShare = 0.926;

/** @param {number} mbps of the link. Mbit/s of file that it can carry. */
export const ceilingOf = (mbps) => headerShare * mbps;

const leastBytes = 1_000_000;
const usualSeconds = 15;

/** What a link carries in about 15 s. */
export function bytesFor(mbps) {
  return Math.max(leastBytes, Math.round((ceilingOf(mbps) * usualSeconds * 1e6) / 8));
}

const usual = { rttMs: 40, loss: 0, mbps: 20, queueBytes: 250_000 };
const bdpBytes = (usual.mbps * 1e6 * usual.rttMs) / 8e3;
/** A queue of the bandwidth-delay product. */
const short = { ...usual, queueBytes: bdpBytes };
const slow = { ...usual, mbps: 2, queueBytes: 30_000 };

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {string} kind how it is measured (bench-field.mjs)
 * @property {Omit<import('../../e2e/emulator/links.mjs').Link, 'name'>} link
 * @property {Record<string, number>} [atLeast] targets, by the name of the figure
 * @property {Record<string, number>} [atMost]
 * @property {number} [bytes] of a transfer with an end
 * @property {object} [options] of the kind
 */

/** @returns {Row} */
const linkRow = (name, link, atLeast, atMost = {}, more = {}) => ({ name, kind: 'link', link, atLeast, atMost, bytes: bytesFor(link.mbps), ...more });

const geo = { rttMs: 600, loss: 0, mbps: 20, queueBytes: 1_000_000 };
const geoBytes = { bytes: 37_000_000 };
const long = { rttMs: 200, loss: 0, mbps: 20, queueBytes: 500_000 };
const middle = { rttMs: 100, loss: 0, mbps: 20, queueBytes: 250_000 };

/** One transfer, a file with its receipt, on a link that stays as it is. */
const plainRows = [
  linkRow('dsl-0.5', { rttMs: 60, loss: 0.005, mbps: 0.5, queueBytes: 30_000 }, { ofCeiling: 0.85 }, { sentAgain: 0.3, longestSilenceMs: 1000 }),
  linkRow('bufferbloat-1', { rttMs: 40, loss: 0, mbps: 1, queueBytes: 125_000 }, { ofCeiling: 0.9 }, { queueMsP95: 150 }),
  linkRow('long-lossy-2', { rttMs: 300, loss: 0.01, mbps: 2, queueBytes: 75_000 }, { ofCeiling: 0.85 }, { sentAgain: 0.25 }),
  linkRow('geo-600', geo, { ofCeiling: 0.6 }, {}, geoBytes),
  linkRow('geo-600-lossy', { ...geo, loss: 0.005 }, { ofCeiling: 0.45 }, {}, geoBytes),
  linkRow('rtt200', long, { ofCeiling: 0.92 }),
  linkRow('rtt200-1', { ...long, loss: 0.01 }, { ofCeiling: 0.8 }),
  linkRow('rtt100', middle, { ofCeiling: 0.95 }),
  linkRow('rtt100-1', { ...middle, loss: 0.01 }, { ofCeiling: 0.9 }),
  linkRow('rtt100-3', { ...middle, loss: 0.03 }, { ofCeiling: 0.82 }),
  linkRow('tiny-queue', { rttMs: 40, loss: 0, mbps: 10, queueBytes: 10_000 }, { ofCeiling: 0.88 }, { sentAgain: 0.25 }),
  linkRow('rtt50-1', { rttMs: 50, loss: 0.01, mbps: 40, queueBytes: 250_000 }, { ofCeiling: 0.88 }),
  linkRow('return-0.3', { ...short, back: { mbps: 0.3, queueBytes: 30_000 } }, { mbps: 12 }),
  linkRow('jitter20', { ...usual, jitterMs: 20 }, { ofCeiling: 0.92 }),
  linkRow('busy-processors', usual, { ofCeiling: 0.84 }, {}, { options: { busyLoops: 4 } }),
];

const stepRow = (name, rttMs, options) => ({ name, kind: 'delay-step', link: { ...usual, rttMs }, atLeast: { afterLonger: 0.7, afterShorter: 0.7 }, options: { longerSeconds: 12, ...options } });

const darkRow = (name, darkSeconds, recoverySeconds) => ({ name, kind: 'outage', link: short, atMost: { recoverySeconds }, options: { darkSeconds, waitSeconds: 8, windowSeconds: 0.2 } });

const networkRow = (name, link, { mbps: newMbps, queueBytes: newQueueBytes }) => ({ name, kind: 'network', link, atMost: { reachSeconds: 3 }, options: { newMbps, newQueueBytes, waitSeconds: 8, windowSeconds: 0.5 } });

/** Endless transfers on a link that changes. */
const changingRows = [
  stepRow('delay-30', 20, { moreMs: 30, second: 2 }),
  stepRow('delay-100', 40, { moreMs: 100, second: 3 }),
  darkRow('dark-3', 3, 1),
  darkRow('dark-10', 10, 1.5),
  networkRow('network-to-0.1', short, slow),
  networkRow('network-to-10', slow, short),
];

/** At least 0.9 of an equal share. */
const shareOf = (count) => Number((0.9 / count).toFixed(2));

/** `rttsMs`: the round trip of each transfer. The link has the least of them. */
function sharedRow(name, rttsMs, options = {}) {
  const link = { ...usual, rttMs: Math.min(...rttsMs) };
  const extraDelaysMs = rttsMs.map((rttMs) => (rttMs - link.rttMs) / 2);
  return { name, kind: 'shared', link, atLeast: { share: shareOf(rttsMs.length) }, options: { extraDelaysMs, measureAfter: 5, seconds: 30, ...options } };
}

const callRow = (name, link) => ({ name, kind: 'call', link, atMost: { addedMsP95: 25 }, options: { aloneSeconds: 8, seconds: 20 } });

/** Endless transfers that share the link with each other or with other traffic. */
const sharedRows = [
  sharedRow('two-20-100', [20, 100]),
  sharedRow('three-20-60-100', [20, 60, 100]),
  sharedRow('late-20', [20, 20], { startsAt: [0, 10] }),
  sharedRow('late-20-100', [20, 100], { startsAt: [0, 10] }),
  // The head start covers the losses and the silence in which a naive pump's start ends, so that it fills the queue.
  ...[1, 4, 10].map((bdps) => ({
    name: `raw-${bdps}bdp`,
    kind: 'rival',
    link: { ...usual, queueBytes: bdps * bdpBytes },
    atLeast: { ofLink: 0.35, rivalKept: 0.7 },
    options: { headStartSeconds: 15, measureAfter: 10, seconds: 30 },
  })),
  {
    name: 'background-raw',
    kind: 'rival',
    link: short,
    atLeast: { rivalKept: 0.9 },
    atMost: { ofLink: 0.1 },
    options: { background: true, headStartSeconds: 15, measureAfter: 10, seconds: 30 },
  },
  callRow('call-20', usual),
  callRow('call-5', { ...usual, mbps: 5, queueBytes: 125_000 }),
];

/** @type {readonly Row[]} */
export const rows = [...plainRows, ...changingRows, ...sharedRows];

/**
 * The row for a link that is in no list: at least as fast as the naive pump.
 *
 * @param {import('../../e2e/emulator/links.mjs').Link} link
 * @returns {Row}
 */
export function rowOf({ name, ...link }) {
  return linkRow(name, link, { ofNaive: 1 });
}

/**
 * Whether a row of figures meets all its targets; null if it has none. A figure that is missing misses its target.
 *
 * @param {Row} row @param {Record<string, unknown>} figures @returns {boolean | null}
 */
export function isMet({ atLeast = {}, atMost = {} }, figures) {
  const checks = [
    ...Object.entries(atLeast).map(([name, least]) => typeof figures[name] === 'number' && figures[name] >= least),
    ...Object.entries(atMost).map(([name, most]) => typeof figures[name] === 'number' && figures[name] <= most),
  ];
  return checks.length === 0 ? null : checks.every(Boolean);
}

/** The targets of a row in words. @param {Row} row */
export function describeTarget({ atLeast = {}, atMost = {} }) {
  const parts = [
    ...Object.entries(atLeast).map(([name, least]) => `${name} >= ${least}`),
    ...Object.entries(atMost).map(([name, most]) => `${name} <= ${most}`),
  ];
  return parts.join(', ');
}
