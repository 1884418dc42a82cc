import type { Limits } from './limits.js';
import { Recent } from './recent.js';

interface Strikes {
  count: number;
  /** Time at which a strike was last added or forgiven. */
  at: number;
  blockedUntil: number;
}

/** One strike is forgiven for each hour without another one. */
const FORGIVE_MS = 3_600_000;
/** Strikes beyond these doublings are not counted: they would only take longer to be forgiven. */
const MOST_DOUBLINGS = 8;
/** Addresses that are remembered; beyond these the oldest is forgotten, so that memory does not grow. */
const MAX_ADDRESSES = 100_000;

/**
 * Wrong codes by address, and the pauses that follow from them. After `freeGuesses` strikes an address waits `guessPauseMs`
 * before its next guess, twice that after the next strike, and so on up to `maxGuessPauseMs`. With the defaults, this allows at
 * most 14 guesses in the first hour and 6 in each further hour.
 * Times in ms of any one clock.
 */
export class Guesses {
  readonly #limits: Limits;
  readonly #addresses = new Recent<string, Strikes>(MAX_ADDRESSES);

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** How long the address still has to wait, ms; 0 when it may guess. */
  waitMs(address: string, now: number): number {
    return Math.max(0, (this.#addresses.get(address)?.blockedUntil ?? 0) - now);
  }

  /** Counts a guess as wrong. One that turns out right is taken back with `forgive`. */
  strike(address: string, now: number): void {
    const { freeGuesses, guessPauseMs, maxGuessPauseMs } = this.#limits;
    const before = this.#addresses.get(address);
    const kept = before === undefined ? 0 : remaining(before, now);
    const count = Math.min(kept + 1, freeGuesses + MOST_DOUBLINGS);
    const pause = count < freeGuesses ? 0 : Math.min(maxGuessPauseMs, guessPauseMs * 2 ** (count - freeGuesses));
    this.#addresses.set(address, { count, at: now, blockedUntil: now + pause });
  }

  /** Takes one strike back, with its pause. */
  forgive(address: string): void {
    const strikes = this.#addresses.get(address);
    if (strikes === undefined) return;
    strikes.count -= 1;
    strikes.blockedUntil = 0;
    if (strikes.count <= 0) this.#addresses.delete(address);
  }

  /** Forgets addresses that have no strikes left. */
  sweep(now: number): void {
    for (const [address, strikes] of this.#addresses) if (remaining(strikes, now) === 0) this.#addresses.delete(address);
  }
}

function remaining({ count, at }: Strikes, now: number): number {
  return Math.max(0, count - Math.floor((now - at) / FORGIVE_MS));
}
