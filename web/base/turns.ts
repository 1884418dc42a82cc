/**
 * Turns of something that is driven by what happens to it. What happens during a turn, such as a send that fails at once, makes
 * another one after it instead of one within it.
 */
export class Turns {
  readonly #work: () => void;
  #turning = false;
  #again = false;

  constructor(work: () => void) {
    this.#work = work;
  }

  /** False: within a turn; another one follows. */
  run(): boolean {
    if (this.#turning) {
      this.#again = true;
      return false;
    }
    this.#turning = true;
    do {
      this.#again = false;
      this.#work();
    } while (this.#again);
    this.#turning = false;
    return true;
  }
}
