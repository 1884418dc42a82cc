// A transfer that runs while the networks of its clients change.
import { randomBytes } from 'node:crypto';

const BYTES_PER_SECOND = 200_000;
const FIRST_BYTES = 200_000;
const POLL_MS = 100;

/** @typedef {import('./client.mjs').Client} Client */

export class RunningTransfer {
  #sender;
  #receiver;
  #sending;
  #receiving;
  #bytes;

  /** @param {Client} sender @param {Client} receiver @param {number} sending @param {number} receiving @param {number} bytes */
  constructor(sender, receiver, sending, receiving, bytes) {
    this.#sender = sender;
    this.#receiver = receiver;
    this.#sending = sending;
    this.#receiving = receiving;
    this.#bytes = bytes;
  }

  /**
   * Connects two clients with open pages, and sends a stream of `seconds`, of which a part has arrived when this resolves.
   *
   * @param {readonly [Client, Client]} clients @param {readonly RTCIceServer[]} iceServers @param {number} seconds
   */
  static async start([sender, receiver], iceServers, seconds) {
    const room = randomBytes(16).toString('base64url');
    const connect = (/** @type {Client} */ client) => client.call('connect', { room, worker: true, rtc: { iceServers } });
    for (const failure of await Promise.all([sender, receiver].map(connect))) if (failure !== null) throw new Error(failure.error.message);
    const bytes = BYTES_PER_SECOND * seconds;
    const sending = await sender.call('sendSlowly', bytes, BYTES_PER_SECOND);
    await receiver.call('nextOffer');
    const receiving = await receiver.call('acceptIntoStream', {});
    const transfer = new RunningTransfer(sender, receiver, sending, receiving, bytes);
    await transfer.secondsUntil((arrived) => arrived >= FIRST_BYTES, 30);
    return transfer;
  }

  /** Bytes that have arrived. @returns {Promise<number>} */
  async arrived() {
    return (await this.#receiver.call('progressOf', this.#receiving)).bytes;
  }

  /** Seconds until `reached` is true of the bytes that have arrived. Errors: rejects after `limit` seconds. @param {(bytes: number) => boolean} reached @param {number} limit */
  async secondsUntil(reached, limit) {
    const startedAt = performance.now();
    const seconds = () => (performance.now() - startedAt) / 1000;
    while (!reached(await this.arrived())) {
      if (seconds() > limit) throw new Error(`no progress within ${limit} s`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return seconds();
  }

  /** Errors: rejects where the transfer fails, or other bytes arrived than were sent. */
  async finish() {
    const outcomes = await Promise.all([this.#sender.call('outcome', this.#sending, { hash: false }), this.#receiver.call('outcome', this.#receiving, { hash: false })]);
    for (const { error } of outcomes) if (error !== undefined) throw new Error(error.message);
    const [sent, received] = outcomes;
    if (received.bytes !== this.#bytes || sent.files[0].root !== received.files[0].root) throw new Error('other bytes arrived than were sent');
    await Promise.all([this.#sender, this.#receiver].map((client) => client.call('closePeer')));
  }
}
