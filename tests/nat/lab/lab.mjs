// The laboratory: an "internet" with the site, STUN and TURN, and clients with real browsers behind real NATs.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hosts, PublicAddresses, servers } from './addresses.mjs';
import { makeCertificate } from './certificate.mjs';
import { Client } from './client.mjs';
import { ip } from './command.mjs';
import { Helper } from './helper.mjs';
import { kinds } from './kinds.mjs';
import { checkMachine } from './machine.mjs';
import { Namespaces, removeLeftovers } from './namespaces.mjs';
import { addBridge, FORWARDING, Network } from './network.mjs';

/** Servers take no more ahead than a link with a short queue would, so that the slow one does not hide behind megabytes of buffers. */
const SMALL_WINDOWS = 'net/ipv4/tcp_rmem=4096 131072 262144';

export class Lab {
  /** @type {import('./network.mjs').World} */
  #world;
  #folder;
  #certificate;
  /** @type {Helper[]} */
  #helpers = [];
  #internet;
  /** @type {Network[]} */
  #placed = [];

  /** @private @param {import('./network.mjs').World} world @param {string} folder @param {import('./certificate.mjs').Certificate} certificate */
  constructor(world, folder, certificate) {
    this.#world = world;
    this.#folder = folder;
    this.#certificate = certificate;
    this.#internet = this.startHelper(world.internet, 'internet.mjs');
  }

  /**
   * Removes what killed runs left behind, and sets up the internet. Without `servers`, nothing runs there yet.
   * Errors: rejects with what this machine lacks.
   */
  static async create() {
    await checkMachine();
    await removeLeftovers();
    const namespaces = await Namespaces.forThisProcess();
    try {
      const folder = await namespaces.addFolder();
      await writeFile(join(folder, 'hosts'), `${hosts}\n`);
      const [certificate, internet] = await Promise.all([makeCertificate(folder), addInternet(namespaces)]);
      let count = 0;
      const world = { namespaces, internet, addresses: new PublicAddresses(), label: () => `p${(count += 1)}` };
      await writePolicies(join(folder, 'distribution'), certificate.authority);
      return new Lab(world, folder, certificate);
    } catch (error) {
      await namespaces.removeAll();
      throw error;
    }
  }

  get internetNamespace() {
    return this.#world.internet;
  }

  /**
   * Starts the site and coturn. `quota`: allocations per user, 0 for any number. Gives the site's address.
   *
   * @param {{ quota?: number }} [options] @returns {Promise<string>}
   */
  startServers(options = {}) {
    const { certificate, key } = this.#certificate;
    return this.#internet.call('start', { certificate, key, ...options });
  }

  /** Starts a second TURN server, `turnServer(servers.stun.four, …, SPARE_PORT)`. After `startServers`, which ends it. */
  async startSpareTurn() {
    const { certificate, key } = this.#certificate;
    await this.#internet.call('startSpare', { certificate, key });
  }

  /** Starts a slow way to TURN over TCP, `turnServer(servers.turn.four, 'tcp', SLOW_PORT)`. After `startServers`, which ends it. @param {{ mbps: number, rttMs: number }} link */
  async startSlowTurn(link) {
    await this.#internet.call('startSlowTurn', link);
  }

  /** @param {string} kind @param {{ subnet?: number, isolated?: boolean }} [options] */
  addNetwork(kind, options) {
    return Network.create(this.#world, kind, options);
  }

  /**
   * Moves two clients into networks of their kinds, which are made for them, and removes those of the call before.
   *
   * @param {readonly [Client, Client]} clients @param {readonly [string, string]} kindsOfBoth The same one twice for a network for both.
   */
  async place(clients, kindsOfBoth) {
    const first = await this.addNetworksOf(kindsOfBoth[0]);
    const second = kinds[kindsOfBoth[0]].shared ? first : await this.addNetworksOf(kindsOfBoth[1]);
    await Promise.all([clients[0].moveTo(first), clients[1].moveTo(second)]);
    for (const network of this.#placed.splice(0)) await network.remove();
    this.#placed.push(...new Set([...first, ...second]));
  }

  /** A client in these networks; the first one has the default route. @param {readonly Network[]} [networks] */
  async addClient(networks = []) {
    const { namespaces, label } = this.#world;
    const namespace = await namespaces.add(`client-${label()}`, ['net/ipv6/conf/all/accept_dad=0', 'net/ipv6/conf/default/accept_dad=0']);
    const startHelper = () => this.startHelper(namespace, 'browser_helper.mjs');
    const client = new Client(this.#world, namespace, startHelper, this.#certificate.keyHash);
    for (const network of networks) await client.join(network);
    return client;
  }

  /** The networks of a client of this kind. @param {string} kind */
  async addNetworksOf(kind) {
    const networks = [];
    for (const [index, name] of kinds[kind].networks.entries()) networks.push(await this.addNetwork(name, { subnet: index + 1, isolated: kind === 'same-nat-isolated' }));
    return networks;
  }

  /** @param {string} namespace @param {string} file */
  startHelper(namespace, file) {
    const helper = new Helper(namespace, file, this.#folder);
    this.#helpers.push(helper);
    return helper;
  }

  /** Ends and removes everything. */
  async close() {
    await Promise.all(this.#helpers.splice(0).map((helper) => helper.stop()));
    await this.#world.namespaces.removeAll();
  }
}

/** Lets Firefox trust this authority. @param {string} folder Stands for the `distribution` of Firefox. @param {string} authority A file. */
async function writePolicies(folder, authority) {
  await mkdir(folder);
  await writeFile(join(folder, 'policies.json'), JSON.stringify({ policies: { Certificates: { Install: [authority] } } }));
}

/** @param {Namespaces} namespaces */
async function addInternet(namespaces) {
  const namespace = await namespaces.add('internet', [...FORWARDING, SMALL_WINDOWS]);
  const addresses = Object.values(servers).flatMap(({ four, six }) => [`addr add ${four}/24 dev net`, `addr add ${six}/64 dev net nodad`]);
  await ip(namespace, [addBridge('net'), 'link set net up', ...addresses]);
  return namespace;
}
