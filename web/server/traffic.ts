import { TokenBucket } from '../base/token_bucket.js';
import type { Limits } from './limits.js';
import { Recent } from './recent.js';

/** Addresses and the server as a whole may send this many seconds' worth at once. */
const BURST_SECONDS = 4;
/** Addresses that are remembered; beyond these the oldest is forgotten. */
const MAX_ADDRESSES = 10_000;

interface Rate {
  readonly messages: number;
  readonly bytes: number;
}

/** An allowance of messages and of bytes. */
export class Allowance {
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;

  constructor(burst: Rate, perSecond: Rate, now: number) {
    this.#messages = new TokenBucket(burst.messages, perSecond.messages, now);
    this.#bytes = new TokenBucket(burst.bytes, perSecond.bytes, now);
  }

  /** Takes a message of `bytes`. False: it exceeds the allowance. */
  take(now: number, bytes: number): boolean {
    return this.#messages.take(now) && this.#bytes.take(now, bytes);
  }

  /** Takes `messages` with `bytes` altogether in any case. Gives the time until the debt is paid, ms. */
  overdraw(now: number, messages: number, bytes: number): number {
    return Math.max(this.#messages.overdraw(now, messages), this.#bytes.overdraw(now, bytes));
  }

  /** Whether less than half of the burst is left. */
  get isLow(): boolean {
    return this.#messages.isLow || this.#bytes.isLow;
  }
}

/** The allowance of one socket. */
export function socketAllowance(limits: Limits, now: number, sockets = 1): Allowance {
  const scaled = (messages: number, bytes: number): Rate => ({ messages: messages * sockets, bytes: bytes * sockets });
  return new Allowance(scaled(limits.messageBurst, limits.byteBurst), scaled(limits.messagesPerSecond, limits.bytesPerSecond), now);
}

/**
 * Counts what sockets send: per socket, per address and in all. A socket that exceeds its own allowance, or that of its address,
 * has to go. Where all together exceed what the server forwards, those that send most are made to wait.
 */
export class Traffic {
  readonly #limits: Limits;
  readonly #addresses = new Recent<string, Allowance>(MAX_ADDRESSES);
  readonly #total: Allowance;

  constructor(limits: Limits, now: number) {
    this.#limits = limits;
    this.#total = allowance({ messages: limits.totalMessagesPerSecond, bytes: limits.totalBytesPerSecond }, now);
  }

  /**
   * Counts a message of `bytes` from a socket at `address`, which is forwarded `copies` times. Gives the time for which the socket
   * should not be read, ms, or undefined where it has to be closed.
   */
  spend(socket: Allowance, address: string, now: number, bytes: number, copies: number): number | undefined {
    if (!socket.take(now, bytes) || !this.#of(address, now).take(now, bytes)) return undefined;
    const wait = this.#total.overdraw(now, copies, bytes * copies);
    // A socket that sends little does not wait for the others.
    return socket.isLow ? wait : 0;
  }

  #of(address: string, now: number): Allowance {
    const { addressMessagesPerSecond, addressBytesPerSecond } = this.#limits;
    const found = this.#addresses.get(address) ?? allowance({ messages: addressMessagesPerSecond, bytes: addressBytesPerSecond }, now);
    this.#addresses.set(address, found);
    return found;
  }
}

function allowance(perSecond: Rate, now: number): Allowance {
  return new Allowance({ messages: perSecond.messages * BURST_SECONDS, bytes: perSecond.bytes * BURST_SECONDS }, perSecond, now);
}
