import type { RtcOption } from '../api/options.js';
import { Configurations } from './configurations.js';

/** Credentials that are younger than this, ms, are fresh. */
const FRESH_MS = 10_000;

/**
 * The configuration of the first connection. If `rtc` is a function, it is asked ahead, while the other side is looked for, so that its
 * answer costs no time; a side that waits long asks again.
 */
export class ConfigurationAhead {
  readonly #rtc: RtcOption;
  readonly #privacy: boolean;
  #answer: Promise<Configurations> | undefined;
  #askedAt = -Infinity;

  constructor(rtc: RtcOption, privacy: boolean) {
    this.#rtc = rtc;
    this.#privacy = privacy;
  }

  /** A connection may be made soon. */
  ask(): void {
    if (this.#answer && performance.now() - this.#askedAt < FRESH_MS) return;
    this.#askedAt = performance.now();
    this.#answer = Configurations.start(this.#rtc, this.#privacy);
    // `get` asks again.
    this.#answer.catch(() => (this.#askedAt = -Infinity));
  }

  /** The connection is made now. Errors: rejects as `Configurations.start`. */
  get(): Promise<Configurations> {
    this.ask();
    return this.#answer ?? Configurations.start(this.#rtc, this.#privacy);
  }
}
