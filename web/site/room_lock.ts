/** A tab that is loaded again gets its room within this time, ms: the browser takes the lock from a page that is gone. */
const takenMs = 500;

/**
 * Takes a room for this tab alone, among the tabs of this browser. A duplicated tab copies the invite link of its original: the two
 * would meet each other, and the room would be full for the real other side.
 * `name`: the room and this tab's part in it; the two sides of a transfer may be two tabs. `onHeld`: this tab has the room, also later, when the other tab
 * has gone. `onTaken`: another tab has it. Where the browser has no locks or refuses them, every tab gets the room.
 * Returns a function that frees the room; nothing is called afterwards.
 */
export function lockRoom(name: string, { onHeld, onTaken }: { onHeld: () => void; onTaken: () => void }): () => void {
  const ending = new AbortController();
  const timer = setTimeout(onTaken, takenMs);
  const hold = (): Promise<void> | undefined => {
    clearTimeout(timer);
    if (ending.signal.aborted) return undefined;
    onHeld();
    return new Promise((free) => ending.signal.addEventListener('abort', () => free()));
  };
  void requestLock(name, ending.signal, hold);
  return () => {
    clearTimeout(timer);
    ending.abort();
  };
}

async function requestLock(name: string, signal: AbortSignal, hold: () => Promise<void> | undefined): Promise<void> {
  let wasHeld = false;
  try {
    await navigator.locks.request(`millrace-room-${name}`, { signal }, () => {
      wasHeld = true;
      return hold();
    });
  } catch {
    // No locks, or none for this page, as where it may not store anything.
    if (!wasHeld && !signal.aborted) void hold();
  }
}
