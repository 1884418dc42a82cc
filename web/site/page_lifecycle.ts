/** What the page does when its tab is left, kept, stopped, copied or thrown away. */
export interface LifecycleListener {
  /** Whether leaving the page now would lose something. */
  wouldLose(): boolean;
  /** The page is left: for good, to be loaded again, or until somebody comes back to it. */
  onLeave(): void;
  /** The page is back as it was left, with its files. Its connections are gone. */
  onReturn(): void;
  /** The page can be seen again, or not any more. */
  onVisibility(): void;
}

/**
 * Watches the life of this page's tab.
 *
 * | event | what happens | what is done |
 * |---|---|---|
 * | `beforeunload` | the person leaves the page | the browser asks first, while files wait, move or are being saved |
 * | `pagehide` | the page is left, for good or for the back/forward cache | the other side hears goodbye; the tab frees its room and stores its name for the next page |
 * | `pageshow`, `persisted` | the way back out of that cache | the page takes its room again and waits with the same files; what was interrupted is offered again |
 * | a load after a reload | the browser keeps no files | the invite link is the same; the page names the files that have to be chosen again; received bytes are kept, and go on |
 * | a load with `document.wasDiscarded` | the browser threw the page away to save memory | as after a reload, and the page says why |
 * | a load in a duplicated tab | the room belongs to the first tab (`lockRoom`) | the page says where the link is open; it goes on here when that tab is closed |
 * | `freeze` | the browser stops a page that nobody sees | nothing can be done: the other side waits for 60 s, and then for the next connection |
 * | `resume`, `online`, `visibilitychange` | the page runs again, or the network changed | each session checks its connections (`watchWakeEvents`); the screen is kept on again |
 */
export function watchLifecycle(listener: LifecycleListener): void {
  window.addEventListener('beforeunload', (event) => {
    if (listener.wouldLose()) event.preventDefault();
  });
  window.addEventListener('pagehide', () => listener.onLeave());
  window.addEventListener('pageshow', ({ persisted }) => {
    if (persisted) listener.onReturn();
  });
  document.addEventListener('visibilitychange', () => listener.onVisibility());
}

/** Whether the browser threw this page away to save memory, and has now loaded it again. */
export function wasDiscarded(): boolean {
  return (document as { wasDiscarded?: boolean }).wasDiscarded === true;
}
