import { isDomException } from './sink_error.js';

/** Ends a lock that `hold` took. */
export type Release = () => void;

/** Insecure pages have no locks, and no private file system either. */
export function hasLocks(): boolean {
  return navigator.locks !== undefined;
}

/**
 * Takes a lock that is exclusive within this origin, and keeps it until it is released or the worker ends.
 * Returns undefined if another page or worker still holds it after `waitMs`, milliseconds.
 */
export function hold(name: string, waitMs = 0): Promise<Release | undefined> {
  return new Promise((resolve, reject) => {
    const options = waitMs > 0 ? { signal: AbortSignal.timeout(waitMs) } : { ifAvailable: true };
    navigator.locks
      .request(name, options, (lock) => {
        if (lock) return new Promise<void>((release) => resolve(release));
        resolve(undefined);
        return undefined;
      })
      .catch((caught: unknown) => {
        if (isDomException(caught, 'TimeoutError')) resolve(undefined);
        else reject(caught);
      });
  });
}

/** Runs `action` under an exclusive lock of this origin, and settles as it does. */
export function exclusively<T>(name: string, action: () => Promise<T>): Promise<T> {
  return navigator.locks.request(name, action);
}
