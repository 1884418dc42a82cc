import { randomInt } from 'node:crypto';
import type { Limits } from './limits.js';

interface Nameplate {
  /** The room behind it. Only its owner is told before somebody names the number. */
  readonly room: string;
  /** Of the owner. */
  readonly address: string;
  state: 'waiting' | 'taken' | 'retired';
  /** What becomes of it then depends on the state. */
  until: number;
  /** State 'taken': what to do when the guess turns out right. */
  onmet?: () => void;
}

/** A number whose code is over is not given to anybody else for this long, ms: somebody may still be typing it. */
const RETIRED_MS = 600_000;
/** How long a waiting number is kept for an owner whose socket broke, ms. */
const GRACE_MS = 60_000;

/**
 * The numbers at the beginning of short codes (`7-crossover-clockwork`): each names a room until somebody comes, once. Numbers
 * are as short as those in use allow, and chosen at random. Times in ms of any one clock.
 */
export class Nameplates {
  readonly #limits: Limits;
  readonly #numbers = new Map<number, Nameplate>();
  readonly #byRoom = new Map<string, number>();
  readonly #byAddress = new Map<string, number>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Numbers that wait for somebody. */
  get waiting(): number {
    let count = 0;
    for (const { state } of this.#numbers.values()) if (state === 'waiting') count += 1;
    return count;
  }

  /** Whether the number means something here, or has until lately. */
  has(number: number): boolean {
    return this.#numbers.has(number);
  }

  /** A number that is free here, of `digits` at least. Cost: a few tries. */
  suggest(digits = 1): number {
    for (let most = 10 ** digits; ; most *= 10) {
      for (let attempt = 0; attempt < 8; attempt += 1) {
        const number = randomInt(1, most);
        if (!this.#numbers.has(number)) return number;
      }
    }
  }

  /** Whether the address may have one more, and there is one. */
  hasRoomFor(address: string): boolean {
    return (
      this.#byRoom.size < this.#limits.maxNameplates &&
      // Retired ones count here, or turning them over quickly would use up the numbers.
      this.#numbers.size < 4 * this.#limits.maxNameplates &&
      (this.#byAddress.get(address) ?? 0) < this.#limits.maxNameplatesPerAddress
    );
  }

  /**
   * Lets `number` stand for `room`. An owner that was away asks for the number that it has had. False where it stands for
   * another room, where it was used, or where there are too many.
   */
  claim(number: number, room: string, address: string, now: number): boolean {
    const present = this.#numbers.get(number);
    if (present !== undefined) {
      if (present.room !== room || present.state !== 'waiting') return false;
      present.until = now + this.#limits.nameplateMs;
      return true;
    }
    if (!this.hasRoomFor(address) || this.#byRoom.has(room)) return false;
    this.#numbers.set(number, { room, address, state: 'waiting', until: now + this.#limits.nameplateMs });
    this.#byRoom.set(room, number);
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    return true;
  }

  /** The room behind a number that waits, for the one who comes first; undefined otherwise. `onmet`: see `met`. */
  take(number: number, onmet: () => void): string | undefined {
    const nameplate = this.#numbers.get(number);
    if (nameplate?.state !== 'waiting') return undefined;
    nameplate.state = 'taken';
    nameplate.onmet = onmet;
    return nameplate.room;
  }

  /** The owner says that whoever took its number is the right one: the number has done its work. */
  met(room: string, now: number): void {
    const nameplate = this.#of(room);
    if (nameplate?.state !== 'taken') return;
    nameplate.onmet?.();
    this.#retire(nameplate, now);
  }

  /** The owner's socket is gone: a waiting number is kept for a moment, a used one is over. */
  ownerLeft(room: string, now: number): void {
    const nameplate = this.#of(room);
    if (nameplate === undefined) return;
    if (nameplate.state === 'waiting') nameplate.until = Math.min(nameplate.until, now + GRACE_MS);
    else this.#retire(nameplate, now);
  }

  /** Ends what has waited for too long. Gives the rooms of those. */
  sweep(now: number): string[] {
    const expired: string[] = [];
    for (const [number, nameplate] of this.#numbers) {
      if (nameplate.until > now) continue;
      if (nameplate.state === 'retired') {
        this.#numbers.delete(number);
      } else {
        if (nameplate.state === 'waiting') expired.push(nameplate.room);
        this.#retire(nameplate, now);
      }
    }
    return expired;
  }

  #of(room: string): Nameplate | undefined {
    const number = this.#byRoom.get(room);
    return number === undefined ? undefined : this.#numbers.get(number);
  }

  #retire(nameplate: Nameplate, now: number): void {
    nameplate.state = 'retired';
    nameplate.until = now + RETIRED_MS;
    delete nameplate.onmet;
    this.#byRoom.delete(nameplate.room);
    const count = (this.#byAddress.get(nameplate.address) ?? 1) - 1;
    if (count === 0) this.#byAddress.delete(nameplate.address);
    else this.#byAddress.set(nameplate.address, count);
  }
}
