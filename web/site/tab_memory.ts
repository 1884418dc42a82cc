import { randomBase64Url } from '../base/ids.js';

/** What a tab remembers when it is loaded again. */

/** The room that this page made, to show its invite link again. */
export const ownRoom = remembered('millrace-own-room');

/** The files that were still to be sent, in words. */
export const lostNames = (() => {
  const kept = remembered('millrace-lost-files');
  const mostNames = 3;
  return {
    get: () => kept.get() ?? '',
    set(names: readonly string[]): void {
      const more = names.length - mostNames;
      kept.set(`${names.slice(0, mostNames).join(', ')}${more > 0 ? ` and ${more} more` : ''}`);
    },
  };
})();

/** Whether the tab was connected by a short code, which works only once. */
export const byCode = (() => {
  const kept = remembered('millrace-by-code');
  return { get: () => kept.get() === 'yes', set: (value: boolean): void => kept.set(value ? 'yes' : '') };
})();

/**
 * The name under which the server knows this tab, so that a page that is loaded again gets its place back. It is stored only between
 * two pages of the tab: a tab that is duplicated copies what is stored, and two tabs must not take each other's place.
 */
export const memberName = (() => {
  const kept = remembered('millrace-member');
  const take = (): string => {
    const name = kept.get() ?? randomBase64Url(16);
    kept.set('');
    return name;
  };
  let name: string | undefined;
  return {
    get: (): string => (name ??= take()),
    /** Another page has the name, too, and has taken the place. */
    forget: (): void => {
      name = undefined;
    },
    /** The page is left: the next page of the tab goes on under the name. */
    handOver: (): void => kept.set(name ?? ''),
    /** The page is back as it was, and goes on under its name. */
    takeBack: (): void => kept.set(''),
  };
})();

/** A text in `sessionStorage`; for the life of the page only where the browser refuses to store anything. */
export function remembered(key: string): { get(): string | null; set(value: string): void } {
  let refused = false;
  let inMemory: string | null = null;
  return {
    get() {
      if (refused) return inMemory;
      try {
        return sessionStorage.getItem(key);
      } catch {
        return inMemory;
      }
    },
    set(value) {
      inMemory = value === '' ? null : value;
      try {
        if (value === '') sessionStorage.removeItem(key);
        else sessionStorage.setItem(key, value);
        refused = false;
      } catch {
        // Site data is blocked, or there is no room for more.
        refused = true;
      }
    },
  };
}
