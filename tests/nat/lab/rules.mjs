// The nftables rules of the routers, one set for each kind of network.

/**
 * @typedef {object} Router
 * @property {'masquerade' | 'masquerade random,fully-random' | null} nat The source NAT. Plain `masquerade` keeps the port of the client
 *   and uses one mapping for all destinations; with `random,fully-random` each destination gets a mapping of its own.
 * @property {boolean} opensPorts UDP from anyone to a mapped port is forwarded to the client.
 * @property {string} lets What the network may send out, as an expression of nftables; empty for everything.
 */

/** @type {Record<string, Router>} */
export const routers = {
  'full-cone': { nat: 'masquerade', opensPorts: true, lets: '' },
  'port-restricted': { nat: 'masquerade', opensPorts: false, lets: '' },
  symmetric: { nat: 'masquerade random,fully-random', opensPorts: false, lets: '' },
  'udp-blocked': { nat: 'masquerade', opensPorts: false, lets: 'meta l4proto tcp' },
  'tcp-443-only': { nat: 'masquerade', opensPorts: false, lets: 'tcp dport 443' },
  'ipv6-only': { nat: null, opensPorts: false, lets: '' },
};

/**
 * The rules of a router with the interfaces `lan` and `wan`. As home routers do, it drops what strangers send to itself: a
 * packet that the router's own stack took would be remembered as a connection, and hole punching would then get another port.
 *
 * @param {Router} router @param {string} client The address that open ports lead to.
 */
export function rulesOf({ nat, opensPorts, lets }, client) {
  const tables = [
    `table inet filter {
      chain input {
        type filter hook input priority 0; policy drop;
        iifname { "lo", "lan" } accept
        ct state established,related accept
        meta l4proto ipv6-icmp accept
      }
      chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        ct status dnat accept
        iifname "lan" oifname "wan" ${lets} accept
        # Between two clients, where the kernel shows bridged packets to this hook.
        iifname "lan" oifname "lan" accept
      }
    }`,
  ];
  if (nat !== null) {
    tables.push(`table ip nat {
      chain postrouting {
        type nat hook postrouting priority 100;
        oifname "wan" ${nat}
      }
      chain prerouting {
        type nat hook prerouting priority -100;
        ${opensPorts ? `iifname "wan" udp dport 1024-65535 dnat to ${client}` : ''}
      }
    }`);
  }
  return `flush ruleset\n${tables.join('\n')}\n`;
}
