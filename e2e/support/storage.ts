// How much a page may store, and how much of that is taken.
import type { Browser, Page } from '@playwright/test';
import type { BrowserName, PageOptions } from './fixtures.js';

/** What the page may store; Firefox has it from its start. */
export async function setQuota(name: BrowserName, page: Page, bytes: number | undefined): Promise<void> {
  if (name === 'firefox') return;
  const session = await page.context().newCDPSession(page);
  const origin = new URL(page.url()).origin;
  await session.send('Storage.overrideQuotaForOrigin', bytes === undefined ? { origin } : { origin, quotaSize: bytes });
}

/** Takes room from the site. What the browser says is left is not what it grants (Chromium rounds). */
export async function fill(page: Page, bytes: number): Promise<void> {
  await page.evaluate(async (size) => {
    const handle = await (await navigator.storage.getDirectory()).getFileHandle('ballast', { create: true });
    const writable = await handle.createWritable();
    await writable.write(new Uint8Array(size));
    await writable.close();
  }, bytes);
}

export async function empty(page: Page): Promise<void> {
  await page.evaluate(async () => (await navigator.storage.getDirectory()).removeEntry('ballast'));
}

/** Much less than a page has otherwise. Chromium tells every page that it has 10 GiB, so there the page is told something else. */
const narrowBytes = 8 * 1024 * 1024;
/** For `launchBrowser`: one site has a fifth of what all have. */
export const firefoxQuotaKiB = (5 * narrowBytes) / 1024;

/** For `openPage`: a page with little room. `browser`: one that was started for it; Firefox needs one, with `firefoxQuotaKiB`. */
export function narrow(name: BrowserName, browser?: Browser): PageOptions {
  const own = browser === undefined ? {} : { browser };
  if (name === 'firefox') return own;
  const tell = (quota: number): void => {
    navigator.storage.estimate = () => Promise.resolve({ quota, usage: 0 });
  };
  return { ...own, before: (page) => page.addInitScript(tell, narrowBytes) };
}
