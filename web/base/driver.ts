import { TaskQueue } from './tasks.js';

/** Work of one turn, ms. The rest continues in a task of its own, so that a window stays responsive. */
const TURN_BUDGET_MS = 8;
/** A timer that is due within this time has to be exact, ms. */
const SOON_MS = 10;
/** Longest delay of a timer, ms: well below the 2^31 - 1 ms above which browsers fire at once. */
const MAX_DELAY_MS = 60_000;

/** The component that a `Driver` drives. Times are ms on the clock of `performance.now()`. */
export interface Driven {
  /**
   * Does what the component wants done. Returns false if the deadline passed before all was done: the rest gets a turn of its
   * own. It may call `Driver.run` (another turn follows) and `Driver.stop`.
   */
  work(deadline: number): boolean;
  /** When the next turn is due without any event; Infinity: never. Asked after each turn that did all its work. */
  nextTimeout(now: number): number;
  /** An exception ended the component. The driver has stopped; called at most once. */
  onfatal(error: unknown): void;
}

/**
 * Runs the turns of a component that reacts to events: an engine, a mesh, a set of lanes. An event is handed over and then
 * everything that follows from it is done, in one turn. Turns never nest. A turn that takes longer than 8 ms continues in a
 * task of its own, and one timer covers the component's next timeout.
 *
 * Errors: an exception in an event's handling or in a turn stops the driver and is reported once, to `Driven.onfatal`.
 * State: after `stop`, no turn, task or timer is left, and `run` has no effect.
 */
export class Driver {
  readonly #driven: Driven;
  readonly #tasks = new TaskQueue(() => this.run());
  #turning = false;
  /** `run` was called within a turn. */
  #again = false;
  #stopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;

  constructor(driven: Driven) {
    this.#driven = driven;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Hands over an event, if there is one, then runs a turn. Within a turn, the event is handed over at once and another turn
   * follows; an exception of such an event goes to the caller.
   */
  run(event?: () => void): void {
    if (this.#stopped) return;
    if (this.#turning) {
      this.#again = true;
      event?.();
      return;
    }
    let failure: { readonly error: unknown } | undefined;
    this.#turning = true;
    try {
      event?.();
      this.#turn();
    } catch (error) {
      failure = { error };
    } finally {
      this.#turning = false;
    }
    if (!failure) return;
    this.stop();
    this.#driven.onfatal(failure.error);
  }

  /** Ends everything that is scheduled. Safe at any time, also within a turn and more than once. */
  stop(): void {
    this.#stopped = true;
    this.#tasks.close();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #turn(): void {
    const deadline = performance.now() + TURN_BUDGET_MS;
    let finished: boolean;
    do {
      if (this.#stopped) return;
      this.#again = false;
      finished = this.#driven.work(deadline) && !this.#again;
    } while (this.#again && performance.now() < deadline);
    if (this.#stopped) return;
    if (finished) this.#setTimer();
    else this.#tasks.schedule();
  }

  #setTimer(): void {
    const now = performance.now();
    const at = this.#driven.nextTimeout(now);
    if (this.#timer !== undefined) {
      if (this.#timerAt === at) return;
      // An early timer makes a turn that sets the next timer, which costs less than to set it again with each turn. That does
      // not hold for a timer that is due soon, as while bulk is paced: browsers clamp timers that timers set to 4 ms.
      if (this.#timerAt < at && at - now > SOON_MS) return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = at;
    if (at === Infinity) return;
    // Rounded up, because timers may fire a little early by the clock of `performance.now()`.
    const delay = Math.min(Math.max(0, Math.ceil(at - now)), MAX_DELAY_MS);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.run();
    }, delay);
  }
}
