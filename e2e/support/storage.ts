// How much a page may store, and how much of that is taken.
import type { Page } from '@playwright/test';
import type { BrowserName } from './fixtures.js';

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
