// T6, T7, T10: long waits, stopped pages, coarse clocks.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { startCoturn } from '../../tests/node/support/daemon.mjs';
import { launchBrowser } from '../support/browsers.mjs';
import { codeOf, connectByCode, expectDone, file, fileOnDisk, linkOf, newest, relayOnly } from '../support/demo.js';
import { savedFile } from '../support/downloads.mjs';
import { expect, test } from '../support/fixtures.js';
import { startSite } from '../support/site.mjs';
import { firefoxQuotaKiB, narrow } from '../support/storage.js';

/** Credentials for the TURN server expire within this time, s: the least that the server takes. */
const ttlSeconds = 60;

test('T6: chromium: credentials that expire while a page waits: who comes later by link or by code connects through the TURN server', { tag: '@long' }, async ({ openPage }) => {
  const secret = randomBytes(16).toString('hex');
  const coturn = await startCoturn(secret);
  const site = await startSite({ env: { TURN_URLS: coturn.url, TURN_SECRET: secret, TURN_TTL_SECONDS: String(ttlSeconds) } });
  try {
    const [byLink, byCode] = await Promise.all([0, 1].map(() => openPage('chromium', 'sender', site.url, { before: relayOnly })));
    for (const page of [byLink!, byCode!]) await page.getByTestId('files').setInputFiles([file('relayed.bin', 300_000)]);
    const [link, code] = [await linkOf(byLink!), await codeOf(byCode!)];
    await byLink!.waitForTimeout((ttlSeconds + 5) * 1000);
    expect(await codeOf(byCode!)).toBe(code);
    const linked = await openPage('chromium', 'receiver', link, { before: relayOnly });
    await linked.getByTestId('accept').click();
    await expectDone(byLink!, linked);
    const coded = await openPage('chromium', 'receiver', site.url, { before: relayOnly });
    await connectByCode(coded, code);
    await coded.getByTestId('accept').click();
    await expectDone(byCode!, coded);
  } finally {
    await site.stop();
    await coturn.stop();
  }
});

/** Stops a page as Chromium does to save power; answers how to let it run again. */
async function freeze(page: Page): Promise<() => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Page.setWebLifecycleState', { state: 'frozen' });
  return async () => {
    await session.send('Page.setWebLifecycleState', { state: 'active' });
  };
}

for (const seconds of [15, 70, 240]) {
  test(`T7: chromium: a page is stopped for ${seconds} s in mid-transfer on either side, while an offer waits, and while it waits; each file arrives`, { tag: '@long' }, async ({ openPage }) => {
    test.setTimeout((seconds + 900) * 1000);
    const path = await fileOnDisk('long.bin', 100_000_000);
    const begin = async (): Promise<Page> => {
      const page = await openPage('chromium', 'sender', '/');
      await page.getByTestId('files').setInputFiles(path);
      return page;
    };
    const arrived = async (sender: Page, receiver: Page): Promise<void> => {
      await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Received and verified', { timeout: 600_000 });
      await expectDone(sender, receiver);
    };
    const stopInMidTransfer = async (side: 'sender' | 'receiver'): Promise<() => Promise<void>> => {
      const sender = await begin();
      const receiver = await openPage('chromium', 'receiver', await linkOf(sender));
      await receiver.getByTestId('accept').click();
      await expect(newest(receiver).getByTestId('percent')).toHaveText(/^[1-9]\d? %$/);
      const wake = await freeze(side === 'sender' ? sender : receiver);
      return async () => {
        await wake();
        await arrived(sender, receiver);
        await Promise.all([sender.close(), receiver.close()]);
      };
    };
    const stopWithOffer = async (): Promise<() => Promise<void>> => {
      const sender = await begin();
      const receiver = await openPage('chromium', 'receiver', await linkOf(sender));
      await expect(receiver.getByTestId('accept')).toBeVisible();
      const wake = await freeze(sender);
      return async () => {
        await wake();
        await receiver.getByTestId('accept').click();
        await arrived(sender, receiver);
        await Promise.all([sender.close(), receiver.close()]);
      };
    };
    const stopWaiting = async (): Promise<() => Promise<void>> => {
      const sender = await begin();
      const link = await linkOf(sender);
      await codeOf(sender);
      const wake = await freeze(sender);
      return async () => {
        // The other side may come before the page runs again.
        const receiver = await openPage('chromium', 'receiver', link);
        await wake();
        await receiver.getByTestId('accept').click();
        await arrived(sender, receiver);
      };
    };
    const going = [await stopWithOffer(), await stopWaiting(), await stopInMidTransfer('sender'), await stopInMidTransfer('receiver')];
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    for (const goOn of going) await goOn();
  });
}

for (const name of ['chromium', 'firefox'] as const) {
  test(`T9: ${name}: a download that stands still while nobody sees its page has every byte`, { tag: '@long' }, async ({ openPage }) => {
    test.setTimeout(400_000);
    const downloads = await mkdtemp(join(tmpdir(), 'millrace-downloads-'));
    const browser = await launchBrowser(name, { downloads, ...(name === 'firefox' ? { quotaKiB: firefoxQuotaKiB } : {}) });
    // Timers of a page that has been hidden for minutes run once a minute.
    const hidden = (): void => {
      const original = window.setInterval.bind(window);
      window.setInterval = ((work: () => void, ms: number) => original(work, Math.max(ms, 60_000))) as typeof setInterval;
    };
    try {
      const sender = await openPage('chromium', 'sender', '/');
      await sender.getByTestId('files').setInputFiles(await fileOnDisk('large one.bin', 60_000_001));
      const options = narrow(name, browser);
      const before = async (page: Page): Promise<void> => {
        await page.addInitScript(hidden);
        await options.before?.(page);
      };
      const receiver = await openPage(name, 'receiver', await linkOf(sender), { ...options, before });
      const save = async (): Promise<void> => {
        await receiver.getByTestId('accept-download').click();
        await expect(newest(receiver).getByTestId('percent')).toHaveText(/^[1-9]\d? %$/);
        await sender.getByTestId('pause').click();
        await sender.waitForTimeout(75_000);
        await sender.getByTestId('resume').click();
        await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Received and verified', { timeout: 60_000 });
      };
      const path = await savedFile(receiver, { name, folder: downloads, timeoutMs: 240_000, isWhole: (_path, size) => size === 60_000_001, save });
      expect((await stat(path)).size).toBe(60_000_001);
    } finally {
      await browser.close();
      await rm(downloads, { recursive: true, force: true });
    }
  });
}

test('T10: firefox: a clock of 100 ms steps on both sides costs at most half of the speed', { tag: '@long' }, async ({ openPage }) => {
  test.setTimeout(400_000);
  const path = await fileOnDisk('long.bin', 60_000_000);
  const secondsWith = async (preferences: Record<string, string | number | boolean>): Promise<number> => {
    const browsers = await Promise.all([0, 1].map(() => launchBrowser('firefox', { preferences })));
    try {
      const sender = await openPage('firefox', 'sender', '/', { browser: browsers[0]! });
      await sender.getByTestId('files').setInputFiles(path);
      const receiver = await openPage('firefox', 'receiver', await linkOf(sender), { browser: browsers[1]! });
      await receiver.getByTestId('accept').click();
      const started = performance.now();
      await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Received and verified', { timeout: 150_000 });
      return (performance.now() - started) / 1000;
    } finally {
      await Promise.all(browsers.map((browser) => browser.close()));
    }
  };
  const exact = await secondsWith({});
  const coarse = await secondsWith({ 'privacy.resistFingerprinting': true, 'privacy.resistFingerprinting.reduceTimerPrecision.microseconds': 100_000 });
  expect(coarse).toBeLessThan(exact * 2);
});
