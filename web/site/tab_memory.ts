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

function remembered(key: string): { get(): string | null; set(value: string): void } {
  return {
    get: () => sessionStorage.getItem(key),
    set: (value) => {
      if (value === '') sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, value);
    },
  };
}
