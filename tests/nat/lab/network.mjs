// One network that clients join: the internet itself, or a local network behind a router, or behind two.
import { randomBytes } from 'node:crypto';
import { ip, inside, run } from './command.mjs';
import { clientAddresses } from './addresses.mjs';
import { routers, rulesOf } from './rules.mjs';

/** @typedef {import('./namespaces.mjs').Namespaces} Namespaces */
/** @typedef {import('./addresses.mjs').PublicAddresses} PublicAddresses */

/**
 * What all networks of a laboratory share.
 * @typedef {object} World
 * @property {Namespaces} namespaces
 * @property {string} internet The namespace whose bridge `net` connects everything that has a public address.
 * @property {PublicAddresses} addresses
 * @property {() => string} label A text that no other interface or namespace has.
 */

export const FORWARDING = ['net/ipv4/ip_forward=1', 'net/ipv6/conf/all/forwarding=1', 'net/ipv6/conf/all/accept_dad=0', 'net/ipv6/conf/default/accept_dad=0'];

/** `device`: the end at the client. `port`: the other end, in the internet's namespace while it is plugged in nowhere. @typedef {{ device: string, port: string }} Cable */
/** How a client reaches a network. @typedef {{ device: string, address: string, gateway: string, family: 4 | 6, router: string }} Attachment */

/**
 * The command that makes a bridge with an address of its own. Without one, a bridge takes the lowest address of its ports, which changes as
 * they come and go: what a client then sends to the address that it knows is lost for seconds.
 *
 * @param {string} name
 */
export function addBridge(name) {
  const random = [...randomBytes(5)].map((byte) => byte.toString(16).padStart(2, '0'));
  return `link add ${name} address ${['02', ...random].join(':')} type bridge mcast_snooping 0`;
}

export class Network {
  /** @type {World} */
  #world;
  #kind;
  #subnet;
  #isolated;
  /** From the client's router to the one with the public address. @type {string[]} */
  #routers = [];
  #prefix = '';
  #clients = 0;

  /**
   * @param {World} world @param {string} kind 'open', 'cgnat', or one of `routers` in rules.mjs
   * @param {{ subnet?: number, isolated?: boolean }} options
   */
  constructor(world, kind, { subnet = 1, isolated = false }) {
    this.#world = world;
    this.#kind = kind;
    this.#subnet = subnet;
    this.#isolated = isolated;
  }

  /**
   * `subnet`: the third byte of the local addresses. `isolated`: the clients do not reach each other, as in a guest Wi-Fi.
   *
   * @param {World} world @param {string} kind @param {{ subnet?: number, isolated?: boolean }} [options]
   */
  static async create(world, kind, options = {}) {
    const network = new Network(world, kind, options);
    if (kind === 'cgnat') {
      const carrier = await network.#addRouter('port-restricted', '100.64.0', null);
      await network.#addRouter('port-restricted', `192.168.${network.#subnet}`, carrier);
    } else if (kind !== 'open') {
      await network.#addRouter(kind, `192.168.${network.#subnet}`, null);
    }
    return network;
  }

  get kind() {
    return this.#kind;
  }

  /**
   * Plugs a cable of a client in, and configures the client's end. Its default route has `metric`: the lowest one counts. Packets
   * from the address of this end leave through it, whatever the default route is.
   *
   * @param {string} client @param {Cable} cable @param {number} metric
   * @returns {Promise<Attachment>}
   */
  async attach(client, { device, port }, metric) {
    const { internet, addresses } = this.#world;
    const router = this.#routers[0] ?? internet;
    if (router !== internet) await ip(internet, [`link set ${port} netns ${router}`]);
    const isolation = this.#isolated ? [`link set dev ${port} type bridge_slave isolated on`] : [];
    await ip(router, [`link set ${port} master ${router === internet ? 'net' : 'lan'} up`, ...isolation]);

    const { address, gateway, family } = this.#attachmentOf(addresses);
    // Without IPv6, not even link-local addresses.
    await run('ip', inside(client, ['sh', '-c', `echo ${family === 6 ? 0 : 1} > /proc/sys/net/ipv6/conf/all/disable_ipv6`]));
    await ip(client, [
      `link set ${device} up`,
      `addr add ${address}/${family === 6 ? 64 : 24} dev ${device}${family === 6 ? ' nodad' : ''}`,
      `route add default via ${gateway} dev ${device} metric ${metric}`,
      `route add default via ${gateway} dev ${device} table ${metric}`,
      `rule add from ${address} lookup ${metric}`,
    ], family);
    return { device, address, gateway, family, router };
  }

  /** Pulls the cable out; the client's end loses its address and its routes. @param {string} client @param {Cable} cable @param {Attachment} attachment */
  async detach(client, { device, port }, { address, family, router }) {
    const { internet } = this.#world;
    await ip(router, router === internet ? [`link set ${port} nomaster down`] : [`link set ${port} netns ${internet}`]);
    await ip(client, [`rule del from ${address}`, `addr flush dev ${device}`, `link set ${device} down`], family);
  }

  /** Forgets all mappings and connections, as routers do that were switched off and on. */
  async flush() {
    for (const router of this.#routers) await run('ip', inside(router, ['conntrack', '-F']));
  }

  /** Lets no UDP through between clients of different networks, until `openUdp`. Servers stay within reach. */
  async closeUdp() {
    const { first, last } = clientAddresses;
    const rules = ['daddr', 'saddr'].map((end) => `meta l4proto udp ip ${end} ${first}-${last} drop`).join('\n');
    await this.#filter(`table inet closed {\nchain forward {\ntype filter hook forward priority -10;\n${rules}\n}\n}\n`);
  }

  async openUdp() {
    await this.#filter('delete table inet closed\n');
  }

  /** Changes the rules of the router that has the public address. @param {string} rules */
  async #filter(rules) {
    await run('ip', inside(/** @type {string} */ (this.#routers.at(-1)), ['nft', '-f', '-']), rules);
  }

  async remove() {
    for (const router of this.#routers.splice(0)) await this.#world.namespaces.remove(router);
  }

  /** @param {PublicAddresses} addresses @returns {{ address: string, gateway: string, family: 4 | 6 }} */
  #attachmentOf(addresses) {
    if (this.#kind === 'open') return { address: addresses.take().four, gateway: '203.0.113.1', family: 4 };
    const host = 2 + this.#clients++;
    if (this.#kind === 'ipv6-only') return { address: `${this.#prefix}${host}`, gateway: `${this.#prefix}1`, family: 6 };
    return { address: `192.168.${this.#subnet}.${host}`, gateway: `192.168.${this.#subnet}.1`, family: 4 };
  }

  /**
   * A router in front of those that are there. `lan`: the first three bytes of its local addresses. `carrier`: the router
   * that it is a client of; null where it has a public address.
   *
   * @param {string} kind @param {string} lan @param {string | null} carrier
   */
  async #addRouter(kind, lan, carrier) {
    const { namespaces, internet, addresses, label } = this.#world;
    const name = await namespaces.add(`router-${label()}`, FORWARDING);
    this.#routers.unshift(name);
    const port = label();
    await run('ip', ['link', 'add', 'wan', 'netns', name, 'type', 'veth', 'peer', 'name', port, 'netns', carrier ?? internet]);
    await ip(carrier ?? internet, [`link set ${port} master ${carrier === null ? 'net' : 'lan'} up`]);
    const given = addresses.take();
    const [outside, gateway] = carrier === null ? [given.four, '203.0.113.1'] : ['100.64.0.2', '100.64.0.1'];
    const six = kind === 'ipv6-only';
    this.#prefix = given.prefix;
    await ip(name, [
      addBridge('lan'),
      six ? `addr add ${given.prefix}1/64 dev lan nodad` : `addr add ${lan}.1/24 dev lan`,
      'link set lan up',
      six ? `addr add ${given.six}/64 dev wan nodad` : `addr add ${outside}/24 dev wan`,
      'link set wan up',
      six ? 'route add default via 2001:db8::1 dev wan' : `route add default via ${gateway} dev wan`,
    ], six ? 6 : 4);
    if (six) await ip(internet, [`route add ${given.prefix}/64 via ${given.six}`], 6);
    await run('ip', inside(name, ['nft', '-f', '-']), rulesOf(routers[kind], `${lan}.2`));
    return name;
  }
}
