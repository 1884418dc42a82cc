import { findLostFragment, markExposed, repairFragment } from '../base/invite_link.js';

/**
 * The fragment of the page's address names the room and the link key. The key does not stay in the address bar, where it could be
 * read over a shoulder, in a screenshot or on a shared screen: the tab's history keeps the fragment instead, so that a reload, or
 * the way back to this page, still finds it.
 */
let current = '';

/** The fragment with which this page was opened, with its '#', repaired; '' without one. */
export function takeFragment(): string {
  const lost = findLostFragment(location.search);
  const hash = repairFragment(lost === undefined ? location.hash : markExposed(lost.fragment));
  // A new fragment wins: it was pasted into the address bar.
  current = hash === '' ? kept() : hash;
  if (new URLSearchParams(hash.slice(1)).has('key')) keepFragment(hash, lost?.before);
  return current;
}

/** From now on, the page stands for `fragment`, which its address does not show. `search`: the query of its address. */
export function keepFragment(fragment: string, search = location.search): void {
  current = fragment;
  history.replaceState({ fragment }, '', location.pathname + search);
}

/** Opens an invite link that a person pasted into the page, as if into the address bar. False: it leads to another site. */
export function openLink(link: string, fragment: string): boolean {
  const address = /https?:\/\/[^\s#<>"']+/i.exec(link)?.[0];
  if (address !== undefined && URL.canParse(address) && new URL(address).host !== location.host) return false;
  location.hash = fragment;
  return true;
}

/** Calls `onchange` when the tab goes to another fragment without loading the page. */
export function watchFragment(onchange: () => void): void {
  const check = (): void => {
    if (location.hash !== '' || kept() !== current) onchange();
  };
  window.addEventListener('hashchange', check);
  window.addEventListener('popstate', check);
}

function kept(): string {
  const state: unknown = history.state;
  return typeof state === 'object' && state !== null && 'fragment' in state ? String(state.fragment) : '';
}
