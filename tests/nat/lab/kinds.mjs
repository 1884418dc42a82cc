// The kinds of clients, and what each of them can send and receive.

/**
 * @typedef {object} Kind
 * @property {readonly string[]} networks Those that the client is in; the first one has the default route.
 * @property {4 | 6} family Of its addresses.
 * @property {boolean} udp
 * @property {'any' | 443} tcp The ports of servers that it reaches.
 * @property {'independent' | 'dependent'} mapping Whether a socket has one public address for all destinations, or one for each
 *   (RFC 4787, section 4.1). Only independent mappings can be learned from a STUN server.
 * @property {'none' | 'endpoint'} filtering Who may send to the public address of a socket: everyone, or only addresses and ports that
 *   it has sent to (RFC 4787, section 5).
 * @property {boolean} [shared] Both sides are in one network.
 * @property {string} words
 */

/** @type {Record<string, Kind>} */
export const kinds = {
  open: {
    networks: ['open'], family: 4, udp: true, tcp: 'any', mapping: 'independent', filtering: 'none',
    words: 'a public address without a firewall',
  },
  'full-cone': {
    networks: ['full-cone'], family: 4, udp: true, tcp: 'any', mapping: 'independent', filtering: 'none',
    words: 'a home router that forwards UDP from anyone',
  },
  'port-restricted': {
    networks: ['port-restricted'], family: 4, udp: true, tcp: 'any', mapping: 'independent', filtering: 'endpoint',
    words: 'an ordinary home router',
  },
  symmetric: {
    networks: ['symmetric'], family: 4, udp: true, tcp: 'any', mapping: 'dependent', filtering: 'endpoint',
    words: 'a router, often in a company, with another public port for each destination',
  },
  cgnat: {
    networks: ['cgnat'], family: 4, udp: true, tcp: 'any', mapping: 'independent', filtering: 'endpoint',
    words: 'a home router behind a second NAT of the provider',
  },
  'udp-blocked': {
    networks: ['udp-blocked'], family: 4, udp: false, tcp: 'any', mapping: 'independent', filtering: 'endpoint',
    words: 'a network that lets only TCP out',
  },
  'tcp-443-only': {
    networks: ['tcp-443-only'], family: 4, udp: false, tcp: 443, mapping: 'independent', filtering: 'endpoint',
    words: 'a network that lets only TCP to port 443 out',
  },
  'ipv6-only': {
    networks: ['ipv6-only'], family: 6, udp: true, tcp: 'any', mapping: 'independent', filtering: 'endpoint',
    words: 'IPv6 without IPv4, behind a firewall',
  },
  'multi-homed': {
    // Pages without access to a camera use the default route only, so that the second network makes no difference.
    networks: ['port-restricted', 'symmetric'], family: 4, udp: true, tcp: 'any', mapping: 'independent', filtering: 'endpoint',
    words: 'two networks at once, the default route through an ordinary home router',
  },
  'same-nat': {
    networks: ['port-restricted'], family: 4, udp: true, tcp: 'any', mapping: 'independent', filtering: 'endpoint', shared: true,
    words: 'both in one network behind an ordinary home router',
  },
  'same-nat-isolated': {
    networks: ['port-restricted'], family: 4, udp: true, tcp: 'any', mapping: 'independent', filtering: 'endpoint', shared: true,
    words: 'both in one network that keeps its clients apart, as guest networks do',
  },
};
