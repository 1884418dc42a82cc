// P1 to P4: what people drop, choose and save.
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Page } from '@playwright/test';
import { expectDone, linkOf, newest } from '../support/demo.js';
import { expect, test } from '../support/fixtures.js';
import { readZip } from '../support/zip.js';

/** A new folder of this test with files; answers its path. */
async function makeFolder(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = test.info().outputPath(name);
  await mkdir(folder, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

/** Drops paths of the disk on the page, as a file manager does. */
async function dropFromDisk(page: Page, paths: string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) await session.send('Input.dispatchDragEvent', { type, x: 200, y: 200, data });
}

for (const name of ['chromium', 'firefox'] as const) {
  test(`P1: ${name}: a drop whose item has no entry is taken as a file; text and nothing are told`, async ({ openPage }) => {
    const page = await openPage(name, 'sender', '/');
    const drop = (fill: string): Promise<void> =>
      page.evaluate((code) => {
        const dataTransfer = new DataTransfer();
        if (code === 'file') dataTransfer.items.add(new File(['made by a script'], 'script.txt'));
        if (code === 'text') dataTransfer.setData('text/plain', 'dropped words');
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
      }, fill);
    await drop('nothing');
    await expect(page.getByTestId('notice')).toContainText('There is nothing to send.');
    await drop('text');
    await expect(page.getByTestId('text')).toHaveValue('dropped words');
    await drop('file');
    await expect(newest(page)).toContainText('script.txt');
    await expect(page.getByTestId('notice')).toBeHidden();
  });
}

// Nobody may read it, not even the administrator.
const unreadable = '/sys/bus/cpu/uevent';

test('P2: chromium: an unreadable file and an empty folder are named by drop and by button, and the rest is offered', async ({ openPage }) => {
  const sender = await openPage('chromium', 'sender', '/');
  const folder = await makeFolder('trip', { 'a.txt': 'a', 'inner/b.txt': 'b' });
  const empty = await makeFolder('hollow', {});
  await dropFromDisk(sender, [folder, empty, unreadable]);
  await expect(sender.getByTestId('notice')).toHaveText('“uevent” could not be read; “hollow” is an empty folder; the other 2 files are offered.');
  await expect(newest(sender).getByTestId('left-out')).toHaveText(['hollowLeft out: is an empty folder', 'ueventLeft out: could not be read']);
  await dropFromDisk(sender, [empty]);
  await expect(sender.getByTestId('notice')).toHaveText('“hollow” is an empty folder; nothing is sent.');
  await sender.getByTestId('folder').setInputFiles(empty);
  await expect(sender.getByTestId('notice')).toContainText('There is nothing to send.');
  const receiver = await openPage('firefox', 'receiver', await linkOf(sender));
  await receiver.getByTestId('accept').click();
  await expectDone(sender, receiver);
  await expect(newest(receiver).getByTestId('file-name')).toHaveText(['trip/a.txt', 'trip/inner/b.txt']);
});

for (const name of ['chromium', 'firefox'] as const) {
  test(`P2: ${name}: an unreadable file among those that are chosen is named`, async ({ openPage }) => {
    const folder = await makeFolder('some', { 'a.txt': 'a' });
    const page = await openPage(name, 'sender', '/');
    await page.getByTestId('files').setInputFiles([unreadable, join(folder, 'a.txt')]);
    await expect(page.getByTestId('notice')).toHaveText('“uevent” could not be read; the other file is offered.');
  });
}

test('P3: chromium: a folder of 200 levels that contains itself by a link is sent', async ({ openPage }) => {
  const page = await openPage('chromium', 'sender', '/');
  const deep = Array.from({ length: 200 }, (_, level) => `level-${level}`).join('/');
  const folder = await makeFolder('deep', { [`${deep}/bottom.txt`]: 'b' });
  await symlink('.', join(folder, 'again'));
  await dropFromDisk(page, [folder]);
  await expect(newest(page)).toContainText('level-199/bottom.txt');
});

async function makeMany(name: string, count: number): Promise<string> {
  const folder = await makeFolder(name, {});
  for (let part = 0; part < count; part += 500) {
    await Promise.all(Array.from({ length: Math.min(500, count - part) }, (_, index) => writeFile(join(folder, `${part + index}`), `file ${part + index}`)));
  }
  return folder;
}

test('P3: chromium: 20,001 files are refused with their number', { tag: '@long' }, async ({ openPage }) => {
  const page = await openPage('chromium', 'sender', '/');
  await dropFromDisk(page, [await makeMany('many', 20_001)]);
  await expect(page.getByTestId('notice')).toHaveText('These are 20,001 files, and at most 20,000 can be sent at once. Choose fewer, or pack them into one archive.');
});

test('P4: chromium: all of 600 files are saved by a browser that cannot stream a download', async ({ openPage }) => {
  const sender = await openPage('chromium', 'sender', '/');
  await dropFromDisk(sender, [await makeMany('album', 600)]);
  const before = (page: Page): Promise<unknown> => page.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, 'serviceWorker'));
  const receiver = await openPage('chromium', 'receiver', await linkOf(sender), { before });
  await receiver.getByTestId('accept').click();
  await expectDone(sender, receiver);
  const [download] = await Promise.all([receiver.waitForEvent('download'), receiver.getByTestId('save-all').click()]);
  expect(download.suggestedFilename()).toBe('album.zip');
  const found = readZip(await readFile(await download.path()));
  expect(found.size).toBe(600);
  for (const index of [0, 499, 500, 599]) expect(String(found.get(`album/${index}`))).toBe(`file ${index}`);
});
