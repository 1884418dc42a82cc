// The best path that two kinds of clients can have, by the rules of ICE and of NATs.
import { kinds } from './kinds.mjs';

/**
 * `protocol`: how the relay is reached, on the side where it is harder; 'udp' for direct paths.
 * @typedef {{ path: 'direct' | 'relay' | 'none', protocol: 'udp' | 'tcp' | 'tls' | null, why: string }} Expected
 */

/**
 * The rules, the first one that applies:
 *
 * | both clients | path | why |
 * |---|---|---|
 * | in one network | direct | their local addresses reach each other, found by multicast DNS |
 * | in one network that isolates its clients | relay | the router does not send packets back in |
 * | have UDP and a common family, and one filters nothing | direct | that one answers to wherever the first packet comes from |
 * | have UDP and a common family, and independent mappings | direct | both send to the address that STUN told, and each opens its filter for the other |
 * | otherwise, one has a relay that the other one reaches | relay | the relay's address is public and filters by permission only |
 * | otherwise | none | |
 *
 * A relay has an IPv4 address for UDP, also where it is reached over TCP, TLS or IPv6 (RFC 8656, section 7.2).
 *
 * @param {string} a @param {string} b @param {{ stun: boolean, turn: boolean }} servers @returns {Expected}
 */
export function expectedPath(a, b, { stun, turn }) {
  const [one, other] = [kinds[a], kinds[b]];
  if (a === 'same-nat' && b === 'same-nat') return { path: 'direct', protocol: 'udp', why: 'one network' };
  const isolated = a === 'same-nat-isolated' && b === 'same-nat-isolated';
  if (!isolated && stun && one.udp && other.udp && one.family === other.family) {
    if (one.filtering === 'none' || other.filtering === 'none') return { path: 'direct', protocol: 'udp', why: 'one side filters nothing' };
    if (one.mapping === 'independent' && other.mapping === 'independent') return { path: 'direct', protocol: 'udp', why: 'both mappings can be learned' };
  }
  if (!turn) return { path: 'none', protocol: null, why: 'no relay' };
  const needed = [one, other].map(relayProtocol);
  return { path: 'relay', protocol: hardest(needed), why: reasonForRelay(one, other, isolated) };
}

const protocols = /** @type {const} */ (['udp', 'tcp', 'tls']);

/** @param {readonly ('udp' | 'tcp' | 'tls')[]} list */
export function hardest(list) {
  return protocols[Math.max(...list.map((protocol) => protocols.indexOf(protocol)))];
}

/** @param {import('./kinds.mjs').Kind} kind */
function relayProtocol({ udp, tcp }) {
  if (udp) return 'udp';
  return tcp === 443 ? 'tls' : 'tcp';
}

/** @param {import('./kinds.mjs').Kind} one @param {import('./kinds.mjs').Kind} other @param {boolean} isolated */
function reasonForRelay(one, other, isolated) {
  if (isolated) return 'the network isolates its clients';
  if (!one.udp || !other.udp) return 'UDP is blocked';
  if (one.family !== other.family) return 'no common family of addresses';
  return 'a symmetric NAT, and the other side filters';
}
