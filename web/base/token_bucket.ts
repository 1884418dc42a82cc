/** A token bucket: a burst, refilled at a constant rate. Times in ms of any one clock. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perSecond: number;
  #tokens: number;
  #at: number;

  constructor(burst: number, perSecond: number, now: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Takes `amount` tokens. False: there are not so many, and none is taken. */
  take(now: number, amount = 1): boolean {
    this.#refill(now);
    if (this.#tokens < amount) return false;
    this.#tokens -= amount;
    return true;
  }

  /** Takes `amount` tokens even where there are not so many. Gives the time until the debt is paid, ms. */
  overdraw(now: number, amount: number): number {
    this.#refill(now);
    this.#tokens -= amount;
    return Math.max(0, (-this.#tokens / this.#perSecond) * 1000);
  }

  /** Whether less than half of the burst is left. */
  get isLow(): boolean {
    return this.#tokens < this.#burst / 2;
  }

  #refill(now: number): void {
    const earned = ((now - this.#at) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    this.#at = now;
  }
}
