// What goes wrong, and what the page tells a person to do about it.
import { appendFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { codeOf, connectByCode, expectDone, file, fileOnDisk, linkOf, newest, relayOnly } from './support/demo.js';
import { expect, test } from './support/fixtures.js';
import { setQuota } from './support/storage.js';

const MiB = 1024 * 1024;

function error(page: Page) {
  return newest(page).getByTestId('transfer-error');
}

test('a browser that is too old, has no WebRTC, or got only half of the page is told so', async ({ openPage }) => {
  const without = (name: string) => ({ before: (page: Page) => page.addInitScript((gone) => Reflect.deleteProperty(window, gone), name) });
  const bare = await openPage('chromium', 'sender', '/', without('RTCPeerConnection'));
  await expect(bare.getByTestId('alert')).toContainText('This browser has no WebRTC');
  await bare.getByTestId('files').setInputFiles([file('a.bin', 1)]);
  await expect(bare.getByTestId('transfer')).toHaveCount(0);
  const old = await openPage('chromium', 'sender', '/', without('WebAssembly'));
  await expect(old.getByTestId('alert')).toContainText('This browser is too old for this page. Update it');
  // One that cannot even read the script.
  const unreadable = (page: Page) => page.route('**/demo.js', (route) => route.fulfill({ contentType: 'text/javascript', body: 'let x = ;' }));
  const oldest = await openPage('firefox', 'sender', '/', { before: unreadable });
  await expect(oldest.getByTestId('alert')).toContainText('this browser is too old for it: update it');
  const cut = await openPage('chromium', 'sender', '/', { before: (page) => page.route('**/dist/millrace.js', (route) => route.abort()) });
  await cut.getByTestId('files').setInputFiles([file('a.bin', 1)]);
  await expect(cut.getByTestId('alert')).toContainText('Reload the page to try again. (not-loaded)');
});

test('a link that nobody holds any more, and one that somebody else uses, are explained', async ({ openPage, room }) => {
  const late = await openPage('chromium', 'receiver', `/#room=${'n'.repeat(22)}&key=${'k'.repeat(22)}`);
  for (const side of ['sender', 'receiver'] as const) {
    const page = await openPage('chromium', side, `/#room=${room}`);
    if (side === 'receiver') await expect(page.getByTestId('connection')).toHaveAttribute('data-state', 'connected');
  }
  const third = await openPage('chromium', 'sender', `/#room=${room}`);
  await expect(third.getByTestId('alert')).toContainText('Somebody else is using this link already.');
  await expect(third.getByTestId('alert')).toContainText('(room-full)');
  await expect(late.getByTestId('nobody')).toContainText('The other side is not here.');
  await expect(late.getByTestId('nobody')).toContainText('the link leads nowhere any more');
});

test('a network that lets nothing through is named, while it is tried again', async ({ openPage }) => {
  // Relays are allowed only, and there is none. Half a minute passes in no time.
  const before = async (page: Page): Promise<void> => {
    await relayOnly(page);
    await page.clock.install();
  };
  const sender = await openPage('chromium', 'sender', '/', { before });
  await sender.getByTestId('files').setInputFiles([file('a.bin', 1)]);
  const receiver = await openPage('firefox', 'receiver', await linkOf(sender), { before });
  for (const page of [sender, receiver]) await expect.poll(() => page.evaluate(() => globalThis.connections)).toBeGreaterThan(0);
  // Whoever gives up first says so: the other one has been trying for long, too, by then.
  for (const ms of [20_000, 11_000]) for (const page of [sender, receiver]) await page.clock.fastForward(ms);
  for (const page of [sender, receiver]) await expect(page.getByTestId('alert')).toContainText(/no relay \(TURN server\)\..* Trying again…/);
});

test('a disk that is full and a file that was changed are named on both sides', async ({ openPage }) => {
  const sender = await openPage('chromium', 'sender', '/');
  const receiver = await openPage('chromium', 'receiver', '/');
  await sender.getByTestId('files').setInputFiles(await fileOnDisk('filling.bin', 20 * MiB));
  await receiver.goto(await linkOf(sender));
  await receiver.getByTestId('accept').click();
  await expect(newest(receiver).getByTestId('percent')).toHaveText(/^[1-9]\d? %$/);
  await receiver.getByTestId('pause').click();
  // However much of the file is there by now: no more than a few MiB of the rest find room.
  await setQuota('chromium', receiver, 4 * MiB);
  await receiver.getByTestId('resume').click();
  await expect(error(receiver)).toContainText('This device has no room left.');
  await expect(error(sender)).toContainText('The device that receives has no room left.');
  // What a browser says beforehand is not always true; now it is known.
  await sender.getByTestId('files').setInputFiles(await fileOnDisk('filling.bin', 20 * MiB));
  await expect(newest(receiver).getByTestId('accept-download')).toBeVisible();
  await newest(receiver).getByTestId('decline').click();

  const path = await fileOnDisk('changed.bin', MiB);
  await sender.getByTestId('files').setInputFiles(path);
  // The page looks whether it can read what it offers; from then on the file may change.
  await expect(newest(receiver).getByTestId('accept')).toBeVisible();
  await appendFile(path, 'more');
  await newest(receiver).getByTestId('accept').click();
  await expect(error(sender)).toContainText('A file was changed while it was being sent. Choose it again.');
  await expect(error(receiver)).toContainText('A file was changed on the other side');
});

test('the sending page is loaded again in mid-transfer: both say what to do, and then it goes on', async ({ openPage }) => {
  const path = await fileOnDisk('holiday.bin', 24 * MiB);
  const sender = await openPage('chromium', 'sender', '/');
  await sender.getByTestId('files').setInputFiles(path);
  const receiver = await openPage('chromium', 'receiver', await linkOf(sender));
  await receiver.getByTestId('accept').click();
  await expect(newest(receiver).getByTestId('percent')).toHaveText(/^[1-9]\d %$/);
  await sender.reload();
  await expect(sender.getByTestId('notice')).toHaveText('This page was loaded again and has lost its files: choose holiday.bin again. The link is still the same.');
  await expect(error(receiver)).toContainText('Keep this page open: when the same files are offered again, it goes on.');
  await sender.getByTestId('files').setInputFiles(path);
  await expectDone(sender, receiver);
  await expect(sender.getByTestId('notice')).toBeHidden();
});

test('a page that came by a code is loaded again: it asks for the new code, and then goes on', async ({ openPage }) => {
  const sender = await openPage('chromium', 'sender', '/');
  await sender.getByTestId('files').setInputFiles(await fileOnDisk('by-code.bin', 24 * MiB));
  const first = await codeOf(sender);
  const receiver = await openPage('firefox', 'receiver', '/');
  await connectByCode(receiver, first);
  await receiver.getByTestId('accept').click();
  await expect(newest(receiver).getByTestId('percent')).toHaveText(/^[1-9]\d %$/);
  await receiver.reload();
  await expect(receiver.getByTestId('notice')).toContainText('The other page shows a new one: type it here, and what was under way goes on.');
  await expect(sender.getByTestId('own-code')).toBeVisible();
  await expect(sender.getByTestId('own-code')).not.toHaveText(first);
  await connectByCode(receiver, await codeOf(sender));
  await expectDone(sender, receiver);
  await sender.close();
  await expect(receiver.getByTestId('alert')).toContainText('The other side left, and a code works once.');
});
