// A download is not held in memory on its way from the network to the disk (scripts/test.sh e2e --long --only download).
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { launchBrowser } from './support/browsers.mjs';
import { fileOnDisk, linkOf } from './support/demo.js';
import { sha256OfFile } from './support/downloads.mjs';
import { expect, test, type BrowserName, type Side } from './support/fixtures.js';
import { memoryOf, watchStart } from './support/process_memory.js';
import { firefoxQuotaKiB, narrow } from './support/storage.js';
import { launchUnwatchedFirefox } from './support/unwatched_firefox.js';
import { readZip } from './support/zip.js';

const MiB = 1024 * 1024;
const size = 1024 * MiB;
/** Of all processes of the receiving browser together: connections, the engine, and garbage that waits to be collected. It does not depend on the size. */
const mostGrowth = 400 * MiB;
const lookEveryMs = 1_000;
const timeoutMs = 10 * 60_000;

type OpenPage = (name: BrowserName, side: Side, path: string, options?: object) => Promise<Page>;

/** The browser that receives, in processes of its own. */
interface Receiver {
  open(url: string): Promise<void>;
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

/** `little`: it can keep less than is offered. */
async function launchReceiver(name: BrowserName, openPage: OpenPage, downloads: string, little: boolean): Promise<Receiver> {
  if (name === 'firefox') {
    return launchUnwatchedFirefox({
      'browser.download.dir': downloads,
      'browser.download.folderList': 2,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      ...(little ? { 'dom.quotaManager.temporaryStorage.fixedLimit': firefoxQuotaKiB } : {}),
    });
  }
  const browser = await launchBrowser(name, { downloads });
  const page = await openPage(name, 'receiver', '/pages/blank.html', little ? narrow(name, browser) : { browser });
  return { open: async (url) => void (await page.goto(url)), evaluate: (expression) => page.evaluate(expression), close: () => browser.close() };
}

/** Bytes by which the memory of `processes` grows, at most, until `work` is done. */
async function growthWhile(processes: readonly number[], work: () => Promise<unknown>): Promise<number> {
  const before = await memoryOf(processes);
  let most = before;
  let running = true;
  const watching = (async () => {
    while (running) {
      most = Math.max(most, await memoryOf(processes));
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  })();
  await work().finally(() => (running = false));
  await watching;
  return most - before;
}

for (const name of ['chromium', 'firefox'] as const) {
  test.describe(name, () => {
    let downloads = '';
    let receiver: Receiver | undefined;
    test.beforeEach(async () => {
      test.setTimeout(2 * timeoutMs);
      downloads = await mkdtemp(join(tmpdir(), 'millrace-downloads-'));
    });
    test.afterEach(async () => {
      await receiver?.close();
      await rm(downloads, { recursive: true, force: true });
    });

    /** Sends files of `parts`, which the receiver takes with the button `accept`. Gives by how much it grew, bytes. */
    async function send(openPage: OpenPage, parts: readonly string[], accept: 'accept' | 'accept-download', query = ''): Promise<number> {
      const sender = await openPage('chromium', 'sender', '/');
      await sender.getByTestId('files').setInputFiles(parts);
      const link = (await linkOf(sender)).replace('#', `${query}#`);
      const { started, processes } = await watchStart(() => launchReceiver(name, openPage, downloads, accept === 'accept-download'));
      receiver = started;
      await started.open(link);
      const button = `document.querySelector('[data-testid=${accept}]')`;
      await expect.poll(() => started.evaluate(`${button} !== null`)).toBe(true);
      const growth = await growthWhile(processes, async () => {
        await started.evaluate(`${button}.click()`);
        const state = (): Promise<unknown> => started.evaluate(`document.querySelector('[data-testid=transfer]').dataset.state`);
        await expect.poll(state, { timeout: timeoutMs }).toMatch(/done|failed|cancelled/);
        expect(await state()).toBe('done');
      });
      console.log(`the browser grew by ${(growth / MiB).toFixed(0)} MiB at most`);
      return growth;
    }

    /** The file that was saved, once it is whole. */
    async function saved(): Promise<string> {
      const whole = async (): Promise<string | undefined> => {
        const paths = (await readdir(downloads)).filter((path) => !path.endsWith('.part')).map((path) => join(downloads, path));
        const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
        return paths.find((_, index) => sizes[index]! >= size);
      };
      await expect.poll(whole).toBeDefined();
      return (await whole())!;
    }

    test('one file straight into a download, in little memory', { tag: '@long' }, async ({ openPage }) => {
      const original = await fileOnDisk('large.bin', size);
      expect(await send(openPage, [original], 'accept-download')).toBeLessThan(mostGrowth);
      expect(await sha256OfFile(await saved())).toBe(await sha256OfFile(original));
    });

    test('several files as one ZIP file straight into a download, in little memory', { tag: '@long' }, async ({ openPage }) => {
      const parts = ['first.bin', 'second.bin'];
      const originals = await Promise.all(parts.map((part) => fileOnDisk(part, size / 2)));
      expect(await send(openPage, originals, 'accept-download')).toBeLessThan(mostGrowth);
      const found = readZip(await readFile(await saved()));
      expect([...found.keys()]).toEqual(parts);
      for (const [index, part] of parts.entries()) expect(found.get(part)?.equals(await readFile(originals[index]!)), part).toBe(true);
    });

    test('what is held in memory is seen', { tag: '@long' }, async ({ openPage }) => {
      expect(await send(openPage, [await fileOnDisk('large.bin', size / 2)], 'accept', '?sink=memory')).toBeGreaterThan(size / 2);
    });
  });
}
