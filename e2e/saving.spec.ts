// How what was received gets to disk where the browser has no question for a folder: as a ZIP file, and straight into a download.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from '@playwright/test';
import { launchBrowser } from './support/browsers.mjs';
import { expectDone, file, fileOnDisk, linkOf, newest } from './support/demo.js';
import { savedFile } from './support/downloads.mjs';
import { expect, test } from './support/fixtures.js';
import { firefoxQuotaKiB, narrow } from './support/storage.js';
import { readZip } from './support/zip.js';

const MiB = 1024 * 1024;
const timeoutMs = 60_000;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

for (const name of ['chromium', 'firefox'] as const) {
  test.describe(name, () => {
    // Of its own, with its downloads where they are found, and with little room.
    let browser: Browser | undefined;
    let downloads = '';
    test.beforeAll(async () => {
      downloads = await mkdtemp(join(tmpdir(), 'millrace-downloads-'));
      if (name === 'firefox') browser = await launchBrowser(name, { downloads, quotaKiB: firefoxQuotaKiB });
    });
    test.afterAll(async () => {
      await browser?.close();
      await rm(downloads, { recursive: true, force: true });
    });

    test('a folder is saved as one ZIP file that holds what was sent', async ({ openPage, complaints }) => {
      const folder = test.info().outputPath('trip');
      const contents = new Map([
        ['trip/notes.txt', Buffer.from('Grüße')],
        ['trip/empty.bin', Buffer.alloc(0)],
        ['trip/inner/Ünïcode (1).bin', Buffer.alloc(3 * MiB + 1, 'picture')],
      ]);
      await mkdir(join(folder, 'inner'), { recursive: true });
      await Promise.all([...contents].map(([path, content]) => writeFile(join(folder, '..', path), content)));
      const sender = await openPage('chromium', 'sender', '/');
      await sender.getByTestId('folder').setInputFiles(folder);
      const receiver = await openPage(name, 'receiver', await linkOf(sender), narrow(name, browser));
      await receiver.getByTestId('accept').click();
      await expectDone(sender, receiver);
      const button = newest(receiver).getByTestId('save-all');
      await expect(button).toHaveText('Save all as ZIP');
      const isWhole = async (path: string): Promise<boolean> => {
        try {
          return readZip(await readFile(path)).size === contents.size;
        } catch {
          return false;
        }
      };
      const path = await savedFile(receiver, { name, folder: downloads, timeoutMs, isWhole, save: () => button.click() });
      const found = readZip(await readFile(path));
      expect([...found.keys()].sort()).toEqual([...contents.keys()].sort());
      for (const [path, content] of contents) expect(found.get(path)?.equals(content), path).toBe(true);
      await expect(button).toHaveText('Save all as ZIP');
      expect(complaints).toEqual([]);
    });

    test('what does not fit into the browser goes straight into a download', async ({ openPage, complaints }) => {
      const size = 24 * MiB + 7;
      const sender = await openPage('chromium', 'sender', '/');
      const original = await fileOnDisk('large one.bin', size);
      await sender.getByTestId('files').setInputFiles(original);
      const receiver = await openPage(name, 'receiver', await linkOf(sender), narrow(name, browser));
      await expect(newest(receiver).getByTestId('space-warning')).toContainText('This does not fit');
      const save = async (): Promise<void> => {
        await receiver.getByTestId('accept-download').click();
        await expectDone(sender, receiver);
      };
      const path = await savedFile(receiver, { name, folder: downloads, timeoutMs, isWhole: (_path, found) => found === size, save });
      expect(sha256(await readFile(path))).toBe(sha256(await readFile(original)));
      await expect(newest(receiver).getByTestId('place')).toHaveText('Among this browser’s downloads, as “large one.bin”.');
      expect(complaints).toEqual([]);
    });
  });
}

test('several that do not fit become one ZIP file as they come; who stops it is told, and the disk keeps no half of it', async ({ openPage }) => {
  const sender = await openPage('chromium', 'sender', '/');
  const sent = [file('first.bin', 9 * MiB), file('second.bin', 0), file('third.bin', 300_000)];
  await sender.getByTestId('files').setInputFiles(sent);
  const receiver = await openPage('chromium', 'receiver', await linkOf(sender), narrow('chromium'));
  const [download] = await Promise.all([receiver.waitForEvent('download'), receiver.getByTestId('accept-download').click()]);
  await expectDone(sender, receiver);
  const found = readZip(await readFile(await download.path()));
  expect([...found.keys()]).toEqual(sent.map(({ name }) => name));
  for (const { name, buffer } of sent) expect(found.get(name)?.equals(buffer), name).toBe(true);

  await sender.getByTestId('files').setInputFiles([await fileOnDisk('a.bin', 40 * MiB), await fileOnDisk('b.bin', 40 * MiB)]);
  const [cut] = await Promise.all([receiver.waitForEvent('download'), receiver.getByTestId('accept-download').click()]);
  await expect(newest(receiver).getByTestId('percent')).toHaveText(/^[1-9]\d? %$/);
  await sender.getByTestId('cancel').click();
  await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Cancelled');
  expect(await cut.failure()).not.toBeNull();

  await sender.getByTestId('files').setInputFiles(await fileOnDisk('c.bin', 60 * MiB));
  const [stopped] = await Promise.all([receiver.waitForEvent('download'), receiver.getByTestId('accept-download').click()]);
  await expect(newest(receiver)).toHaveAttribute('data-state', 'active');
  await stopped.cancel();
  await expect(newest(receiver).getByTestId('transfer-error')).toContainText('(sink-failed)');
  await expect(newest(sender).getByTestId('transfer-error')).toContainText('The other side could not store what it received.');
});
