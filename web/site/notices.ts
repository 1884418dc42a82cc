import { wasDiscarded } from './page_lifecycle.js';
import { lostNames } from './tab_memory.js';

/** What a page says about itself. */

export const takenNotice =
  'This link is open in another tab of this browser, which also has the files. Go on there. When that tab is closed, this one takes its place.';

export const readingNotice = 'Reading the files…';

export const exposedNotice =
  'This link was damaged on its way, and its key was sent to the server of this site. It works, but the operator of the server could read what is sent. If that matters, ask for a new link.';

/** Which files a page lost when it was loaded again, and why; empty where it had none. `own`: it shows an invite link. */
export function lostNotice(own: boolean): string {
  if (lostNames.get() === '') return '';
  const why = wasDiscarded() ? 'The browser closed this page to save memory, and it' : 'This page was loaded again and';
  return `${why} has lost its files: choose ${lostNames.get()} again.${own ? ' The link is still the same.' : ''}`;
}
