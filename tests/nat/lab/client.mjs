// A client of the laboratory: a network namespace, the networks that it is in, and a browser with the bare test page.
import { ip, run } from './command.mjs';

/** @typedef {import('./network.mjs').Network} Network */
/** @typedef {import('./network.mjs').Cable} Cable */

/** Of the default route through the first cable; also the number of its table of routes. */
const FIRST_METRIC = 100;

export class Client {
  #world;
  #namespace;
  #startHelper;
  #keyHash;
  /** @type {import('./helper.mjs').Helper | undefined} */
  #helper;
  /** Those of networks that the client left are used again: a device that changes its network is what browsers expect. @type {Cable[]} */
  #cables = [];
  /** @type {Map<Network, { cable: Cable, attachment: import('./network.mjs').Attachment }>} */
  #networks = new Map();

  /**
   * @param {import('./network.mjs').World} world @param {string} namespace
   * @param {() => import('./helper.mjs').Helper} startHelper
   * @param {string} keyHash Of the servers' key, for the browser to trust.
   */
  constructor(world, namespace, startHelper, keyHash) {
    this.#world = world;
    this.#namespace = namespace;
    this.#startHelper = startHelper;
    this.#keyHash = keyHash;
  }

  get namespace() {
    return this.#namespace;
  }

  /** Plugs the client into a network. Of several networks, the default route goes through the one of the first cable. @param {Network} network */
  async join(network) {
    const inUse = new Set([...this.#networks.values()].map(({ cable }) => cable));
    const cable = this.#cables.find((free) => !inUse.has(free)) ?? (await this.#addCable());
    const attachment = await network.attach(this.#namespace, cable, FIRST_METRIC + this.#cables.indexOf(cable));
    this.#networks.set(network, { cable, attachment });
  }

  /** Unplugs the client. @param {Network} network */
  async leave(network) {
    const { cable, attachment } = this.#find(network);
    this.#networks.delete(network);
    await network.detach(this.#namespace, cable, attachment);
  }

  /** Leaves all networks, and joins others. @param {readonly Network[]} networks */
  async moveTo(networks) {
    for (const network of [...this.#networks.keys()]) await this.leave(network);
    for (const network of networks) await this.join(network);
  }

  /** Moves the default route into a network that the client is in. @param {Network} network */
  async prefer(network) {
    const { device, gateway, family } = this.#find(network).attachment;
    await ip(this.#namespace, [`route add default via ${gateway} dev ${device} metric 1`], family);
  }

  /** Opens `url` in a page of its own. @param {'chromium' | 'firefox'} browser @param {string} url */
  async open(browser, url) {
    this.#helper ??= this.#startHelper();
    await this.#helper.call('open', browser, url, this.#keyHash);
  }

  /** Calls a function of e2e/pages/bare.js. @param {string} method @param {...unknown} args @returns {Promise<any>} */
  call(method, ...args) {
    if (this.#helper === undefined) throw new Error('open a page first');
    return this.#helper.call('call', method, args);
  }

  /** Stops all processes of the browser for this time, as sleep does. @param {number} ms */
  async sleep(ms) {
    await this.#helper?.call('sleep', ms);
  }

  /** Ends the browser and removes the client. */
  async close() {
    await this.#helper?.stop();
    this.#helper = undefined;
    await this.#world.namespaces.remove(this.#namespace);
  }

  async #addCable() {
    const { internet, label } = this.#world;
    const cable = { device: `eth${this.#cables.length}`, port: label() };
    await run('ip', ['link', 'add', cable.device, 'netns', this.#namespace, 'type', 'veth', 'peer', 'name', cable.port, 'netns', internet]);
    this.#cables.push(cable);
    return cable;
  }

  /** @param {Network} network */
  #find(network) {
    const found = this.#networks.get(network);
    if (found === undefined) throw new Error(`the client is not in this network (${network.kind})`);
    return found;
  }
}
