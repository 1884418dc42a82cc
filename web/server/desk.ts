import { randomBase64Url } from '../base/ids.js';
import { closeCodes } from '../signaling/close_codes.js';
import { Guesses } from './guesses.js';
import type { Limits } from './limits.js';
import type { Metrics } from './metrics.js';
import { Nameplates } from './nameplates.js';
import type { Refusal } from './rooms.js';

/** The nameplates of other servers. */
export interface NameplateBridge {
  /** Resolves to whether no other server has the number. */
  claim(number: number): Promise<boolean>;
  /** Takes a number that waits at another server, and gives its room. `onmet`: called when the guess turns out right. */
  take(number: number, onmet: () => void): Promise<string | undefined>;
}

export interface Place {
  readonly room: string;
  readonly nameplate: number;
}

/** Other servers may have numbers that seem free here. Each attempt chooses among ten times as many numbers. */
const CLAIM_ATTEMPTS = 5;

/**
 * Hands out the nameplates of short codes and takes them back. A nameplate leads one visitor to a room, once. Wrong numbers and
 * wrong words cost the address that guessed them a pause. The server never sees the words of a code.
 */
export class Desk {
  readonly nameplates: Nameplates;
  readonly #guesses: Guesses;
  readonly #metrics: Metrics;
  readonly #bridge: NameplateBridge | undefined;

  /** `makeBridge`: makes the bridge to other servers, if there are any. */
  constructor(limits: Limits, metrics: Metrics, makeBridge: (nameplates: Nameplates) => NameplateBridge | undefined) {
    this.nameplates = new Nameplates(limits);
    this.#guesses = new Guesses(limits);
    this.#metrics = metrics;
    this.#bridge = makeBridge(this.nameplates);
  }

  /** Gives a new number with a room of its own. */
  async open(address: string): Promise<Place | Refusal> {
    const room = randomBase64Url(16);
    for (let attempt = 1; attempt <= CLAIM_ATTEMPTS && this.nameplates.hasRoomFor(address); attempt += 1) {
      const nameplate = this.nameplates.suggest(attempt);
      if (this.#bridge !== undefined && !(await this.#bridge.claim(nameplate))) continue;
      if (this.nameplates.claim(nameplate, room, address, performance.now())) return { room, nameplate };
    }
    return { code: closeCodes.serverFull, reason: 'no more codes at the moment' };
  }

  /** An owner asks for its number again, after its socket broke or the server was restarted. */
  async reopen(room: string, nameplate: number, address: string): Promise<Place | Refusal> {
    const known = this.nameplates.has(nameplate);
    const free = known || this.#bridge === undefined || (await this.#bridge.claim(nameplate));
    if (free && this.nameplates.claim(nameplate, room, address, performance.now())) return { room, nameplate };
    return { code: closeCodes.expired, reason: 'this code is over' };
  }

  /**
   * A visitor names the number of a code. This counts as a wrong guess until the owner confirms that the words were right: a
   * visitor with wrong words need not tell. A visitor that comes again under its name, because its socket broke, makes no other guess.
   */
  async take(nameplate: number, address: string, visitor?: string): Promise<Place | Refusal> {
    const visited = this.nameplates.roomFor(nameplate, visitor);
    if (visited !== undefined) return { room: visited, nameplate };
    const now = performance.now();
    const wait = this.#guesses.waitMs(address, now);
    if (wait > 0) {
      this.#count('blocked');
      return { code: closeCodes.tooManyGuesses, reason: `too many wrong codes; wait ${Math.ceil(wait / 1000)} s` };
    }
    this.#guesses.strike(address, now);
    const onmet = (): void => {
      this.#metrics.add('millrace_met_total');
      this.#guesses.forgive(address);
    };
    const known = this.nameplates.has(nameplate);
    const room = known ? this.nameplates.take(nameplate, onmet, visitor) : await this.#bridge?.take(nameplate, onmet);
    this.#count(room === undefined ? 'miss' : 'hit');
    return room === undefined ? { code: closeCodes.noSuchNameplate, reason: 'no such code is waiting' } : { room, nameplate };
  }

  /** Ends codes that have waited for too long, and gives their rooms. */
  sweep(now: number): string[] {
    this.#guesses.sweep(now);
    return this.nameplates.sweep(now);
  }

  #count(result: 'hit' | 'miss' | 'blocked'): void {
    this.#metrics.add('millrace_guesses_total', 1, `result="${result}"`);
  }
}
