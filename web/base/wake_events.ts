/** Several events tell of one change. Only the end of being offline counts again within this time, ms. */
const GAP_MS = 1_000;

/**
 * Calls `onwake` when the network may have changed or the machine may have slept: the page is online again, is shown again, runs
 * again after the browser had stopped it, or is on another network (where the browser tells). Returns a function that stops this. Does nothing where there are no such events,
 * as in Node.js.
 */
export function watchWakeEvents(onwake: () => void): () => void {
  const { addEventListener: canListen, document, navigator } = globalThis as Partial<typeof globalThis>;
  if (typeof canListen !== 'function') return () => {};
  const listening = new AbortController();
  const { signal } = listening;
  let calledAt = -Infinity;
  const wake = ({ type }: Event): void => {
    const now = performance.now();
    if (type !== 'online' && now - calledAt < GAP_MS) return;
    calledAt = now;
    onwake();
  };
  globalThis.addEventListener('online', wake, { signal });
  globalThis.addEventListener('pageshow', wake, { signal });
  const { connection } = (navigator ?? {}) as { connection?: EventTarget };
  connection?.addEventListener('change', wake, { signal });
  // The browser had stopped the page.
  document?.addEventListener('resume', wake, { signal });
  document?.addEventListener(
    'visibilitychange',
    (event) => {
      if (document.visibilityState === 'visible') wake(event);
    },
    { signal },
  );
  return () => listening.abort();
}
