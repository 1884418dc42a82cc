// The pairs of the matrix, and how they are run one after the other.
import { iceServersOf } from './coturn.mjs';
import { expectedPath } from './expected.mjs';
import { kinds } from './kinds.mjs';
import { tryPair } from './pair.mjs';
import { throughTcpRelay } from './throughput.mjs';

/** @typedef {'chromium' | 'firefox'} BrowserName */
/** Which servers both pages get. 'refused': TURN with a wrong password. @typedef {'all' | 'stun' | 'none' | 'refused'} Servers */

/**
 * @typedef {object} Row
 * @property {string} a @property {string} b Kinds.
 * @property {readonly [BrowserName, BrowserName]} browsers
 * @property {Servers} servers
 */

const separate = Object.keys(kinds).filter((name) => !kinds[name].shared);

/** @type {readonly (readonly [BrowserName, BrowserName])[]} */
const pairings = [['chromium', 'chromium'], ['firefox', 'firefox'], ['chromium', 'firefox']];

/** Pairs that have no path with these servers. @type {readonly [a: string, b: string, servers: Servers][]} */
const hopeless = [
  ['symmetric', 'symmetric', 'stun'],
  ['port-restricted', 'symmetric', 'stun'],
  ['open', 'udp-blocked', 'stun'],
  ['open', 'ipv6-only', 'stun'],
  ['same-nat-isolated', 'same-nat-isolated', 'stun'],
  ['port-restricted', 'port-restricted', 'none'],
  ['symmetric', 'symmetric', 'refused'],
];

/**
 * Every pair of kinds with every pair of browsers. Those in one network come first, because browsers find local names late after a change
 * of network. Where Firefox controls ICE, it keeps the first path that works, and that is the relay where it finds the local name a moment
 * later: with Firefox, there is no relay in this network.
 *
 * @returns {Row[]}
 */
export function allRows() {
  return pairings.flatMap((browsers) => [
    { a: 'same-nat', b: 'same-nat', browsers, servers: /** @type {Servers} */ (browsers.includes('firefox') ? 'stun' : 'all') },
    { a: 'same-nat-isolated', b: 'same-nat-isolated', browsers, servers: /** @type {Servers} */ ('all') },
    ...separate.flatMap((a, index) => separate.slice(index).map((b) => ({ a, b, browsers, servers: /** @type {Servers} */ ('all') }))),
    ...hopeless.map(([a, b, servers]) => ({ a, b, browsers, servers })),
  ]);
}

/**
 * The fewest pairs that need each mechanism once, between Chromium and Firefox: local names, addresses from STUN, a relay over UDP, relays over
 * TCP and TLS, a relay between two families of addresses, and the report where there is no path. The other rows of the matrix combine
 * these. @returns {Row[]}
 */
export function fastRows() {
  /** @type {readonly [string, string, Servers][]} */
  const list = [
    ['same-nat', 'same-nat', 'stun'],
    ['port-restricted', 'cgnat', 'all'],
    ['symmetric', 'port-restricted', 'all'],
    ['tcp-443-only', 'udp-blocked', 'all'],
    ['open', 'ipv6-only', 'all'],
    ['symmetric', 'symmetric', 'stun'],
  ];
  return list.map(([a, b, servers]) => ({ a, b, browsers: ['chromium', 'firefox'], servers }));
}

/** @param {Row} row @returns {import('./expected.mjs').Expected} */
export function expectedOf({ a, b, servers }) {
  return expectedPath(a, b, { stun: servers === 'all' || servers === 'stun' || servers === 'refused', turn: servers === 'all' });
}

/** @param {Row} row */
export function nameOf({ a, b, browsers, servers }) {
  const words = { all: '', stun: ', without TURN', none: ', without STUN and TURN', refused: ', with a wrong password for TURN' };
  return `${a} and ${b}, ${browsers.join(' and ')}${words[servers]}`;
}

/** Two clients of a laboratory for row after row. */
export class MatrixRunner {
  #lab;
  #url;
  #clients;

  /** @param {import('./lab.mjs').Lab} lab @param {string} url @param {readonly [import('./client.mjs').Client, import('./client.mjs').Client]} clients */
  constructor(lab, url, clients) {
    this.#lab = lab;
    this.#url = url;
    this.#clients = clients;
  }

  /** @param {import('./lab.mjs').Lab} lab */
  static async start(lab) {
    const url = await lab.startServers();
    return new MatrixRunner(lab, url, [await lab.addClient(), await lab.addClient()]);
  }

  /** Errors: rejects where a page does not load or a file arrives with other bytes. @param {Row} row @returns {Promise<import('./pair.mjs').Outcome>} */
  async run({ a, b, browsers, servers }) {
    await this.#lab.place(this.#clients, [a, b]);
    await Promise.all(this.#clients.map((client, index) => client.open(browsers[index], this.#url)));
    const which = { stun: servers !== 'none', turn: servers === 'all' || servers === 'refused' };
    const lists = [a, b].map((kind) => iceServersOf(kinds[kind].family, which, servers === 'refused' ? 'wrong' : undefined));
    return tryPair(this.#clients, lists, expectedOf({ a, b, browsers, servers }).path);
  }

  /** As `throughTcpRelay`. @param {readonly [BrowserName, BrowserName]} browsers */
  throughTcpRelay(browsers) {
    return throughTcpRelay(this.#lab, this.#url, this.#clients, browsers);
  }
}
