// Random links as people have them, like those of the population in the model (tests/population). A seed gives the same links everywhere.

/** The most that two browsers on two processors can show: faster links measure the machine. */
const mostMbps = 40;
/** Eight packets. */
const leastQueueBytes = 10_000;

/**
 * SplitMix64 (Steele, Lea, Flood 2014), as tests/support/random.h has it.
 *
 * @param {number} seed @returns {() => number} from 0 to 1, without 1
 */
function randomFrom(seed) {
  const mask = (1n << 64n) - 1n;
  let state = BigInt(seed) & mask;
  return () => {
    state = (state + 0x9e3779b97f4a7c15n) & mask;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    return Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53;
  };
}

/**
 * What each kind of access network is like, with the way through the internet behind it: rates in Mbit/s, round trip, jitter and queue
 * in ms, the share of links that lose packets by themselves, their loss, and the longest mean burst of losses in packets. Values are
 * drawn evenly on a logarithmic scale.
 */
const kinds = {
  dsl: { down: [3, 100], up: [0.4, 20], rttMs: [20, 80], jitterMs: [0.05, 2], lossy: 0.3, loss: [0.0005, 0.005], mostBurst: 2, queueMs: [30, 1000] },
  cable: { down: [30, 400], up: [3, 40], rttMs: [12, 70], jitterMs: [0.5, 5], lossy: 0.2, loss: [0.0001, 0.002], mostBurst: 3, queueMs: [20, 400] },
  fibre: { down: [50, 400], up: [30, 400], rttMs: [2, 60], jitterMs: [0.02, 0.5], lossy: 0.1, loss: [0.0001, 0.001], mostBurst: 1, queueMs: [5, 100] },
  wifi: { down: [8, 200], up: [8, 150], rttMs: [4, 80], jitterMs: [1, 20], lossy: 0.5, loss: [0.0005, 0.01], mostBurst: 5, queueMs: [30, 400] },
  lte: { down: [4, 80], up: [1, 25], rttMs: [40, 150], jitterMs: [2, 15], lossy: 0.4, loss: [0.0003, 0.005], mostBurst: 3, queueMs: [100, 2000] },
  '5g': { down: [30, 300], up: [5, 60], rttMs: [15, 70], jitterMs: [1, 8], lossy: 0.3, loss: [0.0001, 0.003], mostBurst: 3, queueMs: [50, 800] },
  leo: { down: [25, 200], up: [4, 25], rttMs: [30, 110], jitterMs: [2, 10], lossy: 0.8, loss: [0.0005, 0.01], mostBurst: 6, queueMs: [40, 400] },
  geo: { down: [3, 60], up: [1, 6], rttMs: [560, 760], jitterMs: [1, 10], lossy: 0.5, loss: [0.0005, 0.01], mostBurst: 3, queueMs: [100, 1000] },
};

export const kindNames = Object.keys(kinds);

/** To three digits, so that a link reads well. */
const rounded = (value) => Number(value.toPrecision(3));

/** One link of the kind, of any rate. */
function drawLink(kind, random) {
  const between = ([low, high]) => rounded(low * (high / low) ** random());
  const down = between(kind.down);
  const up = Math.min(down, between(kind.up));
  const rttMs = between(kind.rttMs);
  const direction = (mbps) => {
    const isLossy = random() < kind.lossy;
    return {
      mbps,
      queueBytes: rounded(Math.max(leastQueueBytes, mbps * 125 * between(kind.queueMs))),
      jitterMs: between(kind.jitterMs),
      ...(isLossy ? { loss: between(kind.loss), burstPackets: rounded(1 + random() * (kind.mostBurst - 1)) } : { loss: 0, burstPackets: 1 }),
    };
  };
  const [there, back] = random() < 0.5 ? [up, down] : [down, up];
  return { rttMs, ...direction(there), back: direction(back) };
}

/**
 * `count` links up to 40 Mbit/s with all kinds in turn, so that few links cover all of them. More links with the same seed begin with
 * the same ones.
 *
 * @param {number} count @param {number} seed
 * @returns {import('../../e2e/emulator/links.mjs').Link[]}
 */
export function drawLinks(count, seed) {
  const random = randomFrom(seed);
  return Array.from({ length: count }, (_, index) => {
    const name = kindNames[index % kindNames.length];
    let link;
    do link = drawLink(kinds[name], random);
    while (link.mbps > mostMbps);
    return { name: `random-${seed}-${index + 1}-${name}`, ...link };
  });
}
