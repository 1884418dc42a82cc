// The link emulator (tests/emulator) in a process of its own, and how pages are put behind it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { rewriteCandidates } from './rewrite.mjs';

const program = fileURLToPath(new URL('../../build/release/tests/emulator/millrace_link_emulator', import.meta.url));

/** @typedef {import('@playwright/test').Page} Page */
/** @typedef {'a' | 'b'} Side */

/**
 * One direction of the link; what is not named stays as it is.
 * @typedef {object} LinkSettings
 * @property {'ab' | 'ba' | 'both'} direction
 * @property {number} [delayMs] one way
 * @property {number} [jitterMs]
 * @property {number} [loss] 0–1
 * @property {number} [burstEnter] @property {number} [burstLeave] @property {number} [burstLoss] 0–1
 * @property {number} [rateMbps] of wire bytes (payload of UDP + 28); 0: no limit
 * @property {number} [queueBytes]
 * @property {boolean} [blackout] an outage until it is set to false
 * @property {number} [blackoutMs] an outage that ends by itself
 */

/**
 * @typedef {object} DirectionStats
 * @property {number} offeredPackets @property {number} offeredBytes
 * @property {number} carriedPackets @property {number} carriedBytes
 * @property {number} droppedByQueue @property {number} droppedByLoss @property {number} droppedByBlackout
 * @property {number} queueMsP50 @property {number} queueMsP95 @property {number} queueMsMax
 */

/**
 * @typedef {object} LinkStats
 * @property {DirectionStats} ab @property {DirectionStats} ba
 * @property {number} unknownPackets from nobody that was mapped
 * @property {number} unsentPackets that the system did not take
 * @property {number} missedPackets that the system dropped before the emulator could read them
 * @property {number} reflexive endpoints that were seen before their candidate was
 */

/**
 * @typedef {object} DirectionTrace
 * @property {number[]} carriedBytes @property {number[]} queueUs @property {number[]} droppedByQueue @property {number[]} droppedOtherwise
 */

/** @typedef {{ bucketMs: number, ab: DirectionTrace, ba: DirectionTrace }} LinkTrace */

export class Emulator {
  #child;
  #ended;
  /** @type {{ resolve: (answer: any) => void, reject: (error: Error) => void }[]} */
  #waiting = [];

  /** @param {import('node:child_process').ChildProcessWithoutNullStreams} child */
  constructor(child) {
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('close', resolve));
    createInterface({ input: child.stdout }).on('line', (line) => this.#waiting.shift()?.resolve(JSON.parse(line)));
    child.stdin.on('error', () => {});
    const fail = () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the link emulator ended'));
    };
    child.once('error', fail);
    child.once('close', fail);
  }

  /** @param {object} command @returns {Promise<any>} Errors: rejects with what the emulator says against the command. */
  async #ask(command) {
    const answer = await new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    });
    if (answer.error !== undefined) throw new Error(`link emulator: ${answer.error}: ${JSON.stringify(command)}`);
    return answer;
  }

  /** @param {LinkSettings} settings */
  async set(settings) {
    await this.#ask({ cmd: 'set', ...settings });
  }

  /** Statistics count from now on. */
  async begin() {
    await this.#ask({ cmd: 'begin' });
  }

  /** @returns {Promise<LinkStats>} */
  stats() {
    return this.#ask({ cmd: 'stats' });
  }

  /** @returns {Promise<LinkTrace>} */
  trace() {
    return this.#ask({ cmd: 'trace' });
  }

  /**
   * The port of the relay that stands for a socket of this side. With `extraDelayMs`, packets of the socket reach the link that
   * much later.
   *
   * @param {Side} side @param {string} ip @param {number} port @param {{ extraDelayMs?: number }} [options]
   * @returns {Promise<number>}
   */
  async map(side, ip, port, { extraDelayMs = 0 } = {}) {
    return (await this.#ask({ cmd: 'map', side, ip, port, extraDelayMs })).port;
  }

  /**
   * Puts a page at one end of the link, from its next navigation on. With `extraDelayMs`, packets to the page take that much longer
   * than those to other pages on this side.
   *
   * @param {Page} page @param {Side} side @param {{ extraDelayMs?: number }} [options]
   */
  async attach(page, side, options = {}) {
    const other = side === 'a' ? 'b' : 'a';
    await page.exposeBinding('relayPortOf', (_source, ip, port) => this.map(other, ip, port, options));
    await page.addInitScript(rewriteCandidates);
  }

  /**
   * Errors: rejects where a connection of the page has a path around the link, or the page has fewer connected ones than
   * `atLeast`.
   *
   * @param {Page} page @param {number} [atLeast]
   */
  async checkPath(page, atLeast = 1) {
    const { connected, ports } = await page.evaluate(() => globalThis.remotePorts());
    const { relays } = await this.#ask({ cmd: 'ports' });
    if (connected < atLeast) throw new Error(`${connected} connections are connected, not ${atLeast}`);
    if (ports.length !== connected) throw new Error(`${connected} connections, ${ports.length} selected candidate pairs`);
    for (const port of ports) {
      if (!relays.includes(port)) throw new Error(`a connection goes around the link, to port ${port}`);
    }
  }

  /**
   * Packets that came through the link and that the browsers had no room for, since their sockets are open: losses that the
   * link knows nothing of, on a machine that is too busy to read them.
   */
  async unreadPackets() {
    const { sockets } = await this.#ask({ cmd: 'ports' });
    const table = (await readFile('/proc/net/udp', 'utf8')).trim().split('\n').slice(1);
    let packets = 0;
    for (const row of table) {
      // The kernel's Documentation/networking/proc_net_tcp.rst: local address as hexadecimal `address:port`; the last is `drops`.
      const fields = row.trim().split(/\s+/);
      if (sockets.includes(parseInt(fields[1].split(':')[1], 16))) packets += Number(fields.at(-1));
    }
    return packets;
  }

  async stop() {
    this.#child.stdin.end();
    await this.#ended;
  }
}

/**
 * `seed`: of the random losses and delays.
 * Errors: throws where the emulator is not built.
 *
 * @param {{ seed?: number }} [options]
 */
export function startEmulator({ seed = 1 } = {}) {
  if (!existsSync(program)) throw new Error('the link emulator is missing: run `scripts/build-core.sh release millrace_link_emulator` first');
  return new Emulator(spawn(program, [String(seed)], { stdio: ['pipe', 'pipe', 'inherit'] }));
}
