/** A relay that had no room for another lane is asked again after this time, ms. */
const PAUSE_MS = 60_000;

/** The number of lanes that a relay has room for, as far as is known. */
export class RelayRoom {
  readonly #onretry: () => void;
  #lanes = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `onretry`: more lanes may be tried again. */
  constructor(onretry: () => void) {
    this.#onretry = onretry;
  }

  get lanes(): number {
    return this.#lanes;
  }

  /** The relay refused a lane while `open` were open. */
  refused(open: number): void {
    this.forget();
    this.#lanes = Math.max(open, 1);
    this.#timer = setTimeout(() => {
      this.#lanes = Infinity;
      this.#onretry();
    }, PAUSE_MS);
  }

  forget(): void {
    clearTimeout(this.#timer);
    this.#lanes = Infinity;
  }
}
