let wanted = false;
let lock: WakeLockSentinel | undefined;

/** Keeps the screen on during a transfer: a phone that falls asleep stops its transfers. Does nothing where the browser cannot. */
export function keepAwake(busy: boolean): void {
  if (busy === wanted) return;
  wanted = busy;
  void update();
}

/** The browser takes the lock from a page that is hidden: once it is shown again, it asks anew. */
export function renewWakeLock(): void {
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
    // Refused, for example because of a low battery: the transfer continues without it.
  }
}
