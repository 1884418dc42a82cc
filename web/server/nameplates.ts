import { randomInt } from 'node:crypto';
import type { Limits } from './limits.js';

interface Nameplate {
  /** The room behind the number. Until somebody names the number, only its owner knows the room. */
  readonly room: string;
  /** The owner's address. */
  readonly address: string;
  state: 'waiting' | 'taken' | 'retired';
  /** Time at which the state ends. */
  until: number;
  /** State 'taken': called when the guess turns out right. */
  onmet?: () => void;
  /** State 'taken': the name of the member that took it (`nameOf`). */
  visitor?: string | undefined;
}

/** The number of a code that is over is not given out again for this time, ms: somebody may still be typing it. */
const RETIRED_MS = 600_000;
/** A waiting number is kept this long for an owner whose socket broke, ms. */
const GRACE_MS = 60_000;

/**
 * Nameplates: the numbers at the front of short codes (`7-crossover-clockwork`). Each leads one visitor to a room, once. Numbers
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

  /** Whether the number is in use here, or was until recently. */
  has(number: number): boolean {
    return this.#numbers.has(number);
  }

  /** A number that is free here, with at least `digits` digits. Cost: a few tries. */
  suggest(digits = 1): number {
    for (let most = 10 ** digits; ; most *= 10) {
      for (let attempt = 0; attempt < 8; attempt += 1) {
        const number = randomInt(1, most);
        if (!this.#numbers.has(number)) return number;
      }
    }
  }

  /** Whether the address may have one more number, and one is free. */
  hasRoomFor(address: string): boolean {
    return (
      this.#byRoom.size < this.#limits.maxNameplates &&
      // Retired numbers count, too: otherwise an address could use up the numbers quickly.
      this.#numbers.size < 4 * this.#limits.maxNameplates &&
      (this.#byAddress.get(address) ?? 0) < this.#limits.maxNameplatesPerAddress
    );
  }

  /**
   * Lets `number` lead to `room`. An owner that was away asks for its earlier number. False where the number leads to another
   * room, was used, or where there are too many.
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

  /** The room that `visitor` has already got for this number. */
  roomFor(number: number, visitor: string | undefined): string | undefined {
    const nameplate = this.#numbers.get(number);
    return visitor !== undefined && nameplate?.state === 'taken' && nameplate.visitor === visitor ? nameplate.room : undefined;
  }

  /** The room behind a waiting number, for its first visitor; undefined otherwise. `onmet`: see `met`. */
  take(number: number, onmet: () => void, visitor?: string): string | undefined {
    const nameplate = this.#numbers.get(number);
    if (nameplate?.state !== 'waiting') return undefined;
    nameplate.state = 'taken';
    nameplate.onmet = onmet;
    nameplate.visitor = visitor;
    return nameplate.room;
  }

  /** The owner confirms its visitor: the number is done. */
  met(room: string, now: number): void {
    const nameplate = this.#of(room);
    if (nameplate?.state !== 'taken') return;
    nameplate.onmet?.();
    this.#retire(nameplate, now);
  }

  /** The owner's socket is gone: a waiting number is kept for a while, a used one ends. */
  ownerLeft(room: string, now: number): void {
    const nameplate = this.#of(room);
    if (nameplate === undefined) return;
    if (nameplate.state === 'waiting') nameplate.until = Math.min(nameplate.until, now + GRACE_MS);
    else this.#retire(nameplate, now);
  }

  /** Ends numbers that have waited for too long, and gives their rooms. */
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
