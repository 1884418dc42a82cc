/** Between two steps of a clock, timers tell the time: browsers let nested ones fire after 4 ms at the earliest. */
const TICK_MS = 4;
/** A clock that was seen to move by less is fine enough for the rate of a transfer. */
const FINE_MS = 5;
/** No browser's clock moves by more at a time. */
const MOST_STEP_MS = 100;
/** Without a question for this long, no timer runs, in ticks. */
const IDLE_TICKS = 250;

/**
 * Replaces a `performance.now()` that moves in steps of 16 to 100 ms, as browsers have it that make it hard to recognise a user: a
 * rate of sending cannot be kept by it. The time between two steps follows from timers, which run while the clock is asked. A clock
 * with smaller steps gets its own function back as soon as one is seen. Call it once, in a worker of one's own.
 */
export function refineClock(clock: { now: () => number } = performance): void {
  const coarse = clock.now.bind(clock);
  const own = Object.getOwnPropertyDescriptor(clock, 'now');
  let isFine = false;
  let step = coarse();
  let last = step;
  let ticks = 0;
  let unasked = IDLE_TICKS;

  const restore = (): void => {
    isFine = true;
    if (own === undefined) Reflect.deleteProperty(clock, 'now');
    else Object.defineProperty(clock, 'now', own);
  };
  const read = (): number => {
    const now = coarse();
    if (now !== step) {
      if (now - step < FINE_MS && !isFine) restore();
      step = now;
      ticks = 0;
    }
    // Ahead of the clock by less than one step, and never back.
    last = Math.max(last, isFine ? step : step + Math.min(ticks * TICK_MS, MOST_STEP_MS - TICK_MS));
    return last;
  };
  const tick = (): void => {
    ticks += 1;
    unasked += 1;
    // The clock may have moved without a question.
    read();
    if (unasked < IDLE_TICKS && !isFine) setTimeout(tick, TICK_MS);
  };
  clock.now = () => {
    const isRunning = unasked < IDLE_TICKS;
    unasked = 0;
    const now = read();
    if (!isRunning && !isFine) setTimeout(tick, TICK_MS);
    return now;
  };
}
