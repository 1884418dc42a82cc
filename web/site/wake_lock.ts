let wanted = false;
let lock: WakeLockSentinel | undefined;

/** Keeps the screen on while something moves: a phone that falls asleep stops its transfers. Does nothing where it cannot. */
export function keepAwake(busy: boolean): void {
  if (busy === wanted) return;
  wanted = busy;
  void update();
}

async function update(): Promise<void> {
  if (!wanted) {
    await lock?.release();
    lock = undefined;
    return;
  }
  if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
  try {
    const taken = await navigator.wakeLock.request('screen');
    if (wanted) lock = taken;
    else await taken.release();
  } catch {
    // Refused, as with a low battery: the transfer goes on without.
  }
}

// The browser takes the lock away from a page that is not seen.
document.addEventListener('visibilitychange', () => void update());
