// A slow link for TCP: all connections through it share its rate, and everything arrives later by half of its round trip.
import { connect, createServer } from 'node:net';

/** What waits for the rate, in each direction: a bandwidth-delay product more than this fills the sockets of the sender. */
const QUEUE_BYTES = 100_000;
/** Pieces in which bytes leave, so that connections share the rate evenly. */
const PIECE_BYTES = 1_500;

/** @typedef {import('node:net').Socket} Socket */

/** One direction of the link, for all connections. */
class Direction {
  #bytesPerMs;
  #delayMs;
  #freeAt = 0;
  /** In order of arrival. @type {{ leavesAt: number, to: Socket, piece: Buffer }[]} */
  #pieces = [];
  /** The number of `#pieces` that have left and not arrived. */
  #onTheWay = 0;
  #waitingBytes = 0;
  /** @type {Set<Socket>} */
  #paused = new Set();
  #working = false;

  /** @param {{ mbps: number, rttMs: number }} link */
  constructor({ mbps, rttMs }) {
    this.#bytesPerMs = mbps * 125;
    this.#delayMs = rttMs / 2;
  }

  /** @param {Socket} from @param {Socket} to @param {Buffer} bytes */
  carry(from, to, bytes) {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      this.#freeAt = Math.max(this.#freeAt, performance.now()) + piece.length / this.#bytesPerMs;
      this.#pieces.push({ leavesAt: this.#freeAt, to, piece });
      this.#waitingBytes += piece.length;
    }
    if (this.#waitingBytes >= QUEUE_BYTES) {
      from.pause();
      this.#paused.add(from);
    }
    if (this.#working) return;
    this.#working = true;
    this.#workSoon();
  }

  #workSoon() {
    setTimeout(() => this.#work(), 1);
  }

  #work() {
    const now = performance.now();
    for (let next; (next = this.#pieces[this.#onTheWay]) && next.leavesAt <= now; this.#onTheWay += 1) this.#waitingBytes -= next.piece.length;
    for (let first; (first = this.#pieces[0]) && first.leavesAt + this.#delayMs <= now; this.#onTheWay -= 1) {
      first.to.write(first.piece);
      this.#pieces.shift();
    }
    if (this.#waitingBytes < QUEUE_BYTES) {
      for (const socket of this.#paused) socket.resume();
      this.#paused.clear();
    }
    this.#working = this.#pieces.length > 0;
    if (this.#working) this.#workSoon();
  }
}

/**
 * Forwards TCP connections from `host`:`port` to `host`:`target`. Errors: rejects where the port is taken.
 *
 * @param {{ mbps: number, rttMs: number, host: string, port: number, target: number }} options
 * @returns {Promise<{ stop: () => Promise<void> }>}
 */
export async function startSlowTcp({ host, port, target, ...link }) {
  const [up, down] = [new Direction(link), new Direction(link)];
  /** @type {Set<Socket>} */
  const sockets = new Set();
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host, port: target, noDelay: true });
    for (const [from, to, direction] of /** @type {const} */ ([[near, far, up], [far, near, down]])) {
      sockets.add(from);
      from.on('data', (bytes) => direction.carry(from, to, bytes));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, () => resolve(undefined)));
  return {
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
