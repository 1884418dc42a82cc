// What the site does beyond a plain transfer: codes, folders, text, pausing, going on after a reload, charts, errors, form.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import axe from 'axe-core';
import type { Page } from '@playwright/test';
import { codeOf, connectByCode, expectDone, file, fileOnDisk, linkOf, newest, textFile } from './support/demo.js';
import { obstruct, startObstacleServers, type Obstacle } from './support/failing.js';
import { expect, test } from './support/fixtures.js';

/** Broken rules of accessibility, as text. `only`: all other rules are left out. */
async function axeViolations(page: Page, only?: string[]): Promise<string[]> {
  // Not a script of the page: its policy stays as it is.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
  return page.evaluate(async (rules) => {
    const { axe: checker } = window as unknown as { axe: typeof import('axe-core') };
    const { violations } = await checker.run(rules === undefined ? {} : { runOnly: rules });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  }, only);
}

for (const names of [['chromium', 'firefox'], ['firefox', 'chromium']] as const) {
  test(`${names.join('>')}: a text by code, and one back`, async ({ openPage, complaints }) => {
    const sender = await openPage(names[0], 'sender', '/');
    await sender.getByTestId('write').click();
    await sender.getByTestId('text').fill('<b>Grüße</b> & more');
    await sender.getByTestId('send-text').click();
    const code = await codeOf(sender);
    const receiver = await openPage(names[1], 'receiver', '/');
    await connectByCode(receiver, ` ${code.toUpperCase().replaceAll('-', ' ')} `);
    await expect(receiver.getByTestId('connection')).toHaveText('Connected, encrypted, verified');
    await receiver.getByTestId('accept').click();
    await newest(receiver).getByTestId('preview').click();
    await expect(receiver.getByTestId('preview-text')).toHaveText('<b>Grüße</b> & more');

    await receiver.getByTestId('files').setInputFiles([textFile('answer.txt', 'seen')]);
    await sender.getByTestId('accept').click();
    await expect(newest(sender).getByTestId('transfer-state')).toHaveText('Received and verified');
    expect(complaints).toEqual([]);
  });
}

test('wrong codes are refused in words, and the waiting page makes a new one', async ({ openPage }) => {
  const sender = await openPage('chromium', 'sender', '/');
  await sender.getByTestId('files').setInputFiles([textFile('a.txt', 'a')]);
  const code = await codeOf(sender);
  const receiver = await openPage('chromium', 'receiver', '/');
  await connectByCode(receiver, 'hello');
  await expect(receiver.getByTestId('alert')).toContainText('(not-a-code)');
  await connectByCode(receiver, `${code}-wrong`);
  await expect(receiver.getByTestId('alert')).toContainText('(wrong-code)');
  await expect(sender.getByTestId('code-note')).toContainText('Somebody tried a wrong code');
  await expect(sender.getByTestId('own-code')).not.toHaveText(code);
  await expect(receiver.getByTestId('code-input')).toBeFocused();
  await connectByCode(receiver, await codeOf(sender));
  await expect(receiver.getByTestId('connection')).toHaveText('Connected, encrypted, verified');
});

test('pause and resume by keyboard on one side, cancel on the other', async ({ openPage, complaints }) => {
  const sender = await openPage('chromium', 'sender', '/');
  await sender.getByTestId('files').setInputFiles(await fileOnDisk('long.bin', 150_000_000));
  const receiver = await openPage('firefox', 'receiver', await linkOf(sender));
  await receiver.getByTestId('accept').focus();
  await receiver.keyboard.press('Enter');
  const expectMoving = async (): Promise<void> => {
    for (const page of [sender, receiver]) {
      await expect(newest(page).getByTestId('speed')).toHaveText(/\/s$/);
      await expect(newest(page).getByTestId('eta')).toHaveText(/ left$/);
    }
  };
  await expectMoving();
  await sender.getByTestId('pause').focus();
  await sender.keyboard.press('Enter');
  await expect(newest(sender).getByTestId('transfer-state')).toHaveText('Paused');
  await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Paused by the other side');
  for (const page of [sender, receiver]) for (const figure of ['speed', 'eta']) await expect(newest(page).getByTestId(figure)).toHaveText('');
  await expect(sender.getByTestId('resume')).toBeFocused();
  // Paused by both, it is still paused when one of them goes on.
  await receiver.getByTestId('pause').click();
  await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Paused');
  await receiver.getByTestId('resume').click();
  await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Paused by the other side');
  await sender.keyboard.press('Enter');
  await expectMoving();
  await sender.getByTestId('cancel').click();
  for (const page of [sender, receiver]) await expect(newest(page).getByTestId('transfer-state')).toHaveText('Cancelled');
  expect(complaints).toEqual([]);
});

for (const name of ['chromium', 'firefox'] as const) {
  test(`${name}: the receiving page is reloaded in mid-transfer, and it goes on without a question`, async ({ openPage }) => {
    const sender = await openPage('chromium', 'sender', '/');
    await sender.getByTestId('files').setInputFiles(await fileOnDisk('resume.bin', 32_000_000));
    const receiver = await openPage(name, 'receiver', await linkOf(sender));
    await receiver.getByTestId('accept').click();
    await expect(newest(receiver).getByTestId('percent')).toHaveText(/^[2-9]\d %$/, { timeout: 30_000 });
    await receiver.reload();
    await expectDone(sender, receiver);
    await expect(sender.getByTestId('transfer')).toHaveCount(1);
  });
}

test('the receiving page is loaded again while it connects, and the sending page does not wait for the first one', async ({ openPage }) => {
  const sender = await openPage('chromium', 'sender', '/');
  await sender.getByTestId('files').setInputFiles([textFile('a.txt', 'a')]);
  const receiver = await openPage('chromium', 'receiver', await linkOf(sender));
  await receiver.reload();
  await expect(receiver.getByTestId('accept')).toBeVisible();
  await expect(sender.getByTestId('alert')).toBeHidden();
});

test('a folder of 300 files arrives with its paths in the folder that was chosen', async ({ openPage, complaints }) => {
  const folder = test.info().outputPath('album');
  await mkdir(join(folder, 'inner'), { recursive: true });
  await Promise.all(Array.from({ length: 300 }, (_, index) => writeFile(join(folder, index % 2 ? 'inner' : '', `${index}.txt`), `file ${index}`)));
  const sender = await openPage('chromium', 'sender', '/');
  await sender.getByTestId('folder').setInputFiles(folder);
  // The browser's own question cannot be answered from here; the folder is one of the page's private file system.
  const answer = (): void => {
    const pick = async () => (await navigator.storage.getDirectory()).getDirectoryHandle('picked', { create: true });
    Object.assign(window, { showDirectoryPicker: pick });
  };
  const receiver = await openPage('chromium', 'receiver', await linkOf(sender), { before: (page) => page.addInitScript(answer) });
  await receiver.getByTestId('accept-folder').click();
  await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Received and verified', { timeout: 30_000 });
  await expect(newest(receiver).getByTestId('save')).toHaveCount(0);
  const found = await receiver.evaluate(async () => {
    const picked = await (await navigator.storage.getDirectory()).getDirectoryHandle('picked');
    const inner = await (await picked.getDirectoryHandle('album')).getDirectoryHandle('inner');
    let count = 0;
    for await (const _ of inner.keys()) count += 1;
    return { count, text: await (await (await inner.getFileHandle('299.txt')).getFile()).text() };
  });
  expect(found).toEqual({ count: 150, text: 'file 299' });
  expect(complaints).toEqual([]);
});

test('HTML and SVG with scripts are not run and not shown, under whatever name', async ({ openPage, complaints }) => {
  const script = '<script>top.document.title="owned"</script>';
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" onload="top.document.title='owned'">${script}</svg>`;
  const sender = await openPage('chromium', 'sender', '/');
  await sender.getByTestId('files').setInputFiles([
    { name: 'page.html', mimeType: 'text/html', buffer: Buffer.from(script) },
    { name: 'picture.svg', mimeType: 'image/svg+xml', buffer: Buffer.from(svg) },
    { name: 'picture.png', mimeType: 'image/svg+xml', buffer: Buffer.from(svg) },
    { name: 'page.txt', mimeType: 'text/html', buffer: Buffer.from(script) },
  ]);
  // The type of each blob: address that the page makes. The page's own policy forbids to fetch one.
  const recordTypes = (): void => {
    const types = new Map<string, string>();
    const create = URL.createObjectURL.bind(URL);
    URL.createObjectURL = (object) => {
      const address = create(object);
      types.set(address, object instanceof Blob ? object.type : 'media');
      return address;
    };
    Object.assign(window, { blobTypes: types });
  };
  const receiver = await openPage('chromium', 'receiver', await linkOf(sender), { before: (page) => page.addInitScript(recordTypes) });
  await receiver.getByTestId('accept').click();
  const previews = newest(receiver).getByTestId('preview');
  await expect(previews).toHaveCount(2);
  for (let index = 0; index < 2; index += 1) await previews.first().click();
  await expect(receiver.getByTestId('preview-text')).toHaveText(script);
  await expect(newest(receiver)).toContainText('This is not a picture that can be shown.');
  await expect(receiver.locator('svg script, iframe, object, embed')).toHaveCount(0);
  const saved = await newest(receiver).getByTestId('save').evaluateAll((links) => {
    const { blobTypes } = window as unknown as { blobTypes: Map<string, string> };
    return links.map((link) => blobTypes.get((link as HTMLAnchorElement).href));
  });
  // Opened in a tab, an address of a document would run its scripts as this site.
  expect(saved).toEqual(Array.from({ length: 4 }, () => 'application/octet-stream'));
  const made = await receiver.evaluate(() => [...(window as unknown as { blobTypes: Map<string, string> }).blobTypes.values()]);
  expect(made.filter((type) => /html|svg|xml/.test(type))).toEqual([]);
  await expect(receiver).toHaveTitle('Millrace');
  expect(complaints).toEqual([]);
});

test('the charts come when they are opened, and their statistics can be saved', async ({ openPage, complaints }) => {
  const sender = await openPage('chromium', 'sender', '/');
  const loaded: string[] = [];
  sender.on('request', (request) => loaded.push(request.url()));
  await sender.getByTestId('files').setInputFiles([textFile('a.txt', 'a')]);
  await openPage('chromium', 'receiver', await linkOf(sender));
  await expect(sender.getByTestId('details')).toBeVisible();
  expect(loaded.filter((url) => url.includes('charts'))).toEqual([]);
  await sender.getByTestId('details').locator('summary').click();
  await expect(sender.getByTestId('chart')).toHaveCount(3);
  await expect(sender.getByTestId('link-round-trip')).toHaveText(/ms$/);
  for (const [button, name, start] of [['save-json', 'millrace-statistics.json', '{'], ['save-png', 'millrace-statistics.png', '\u{89}PNG']] as const) {
    const downloading = sender.waitForEvent('download');
    await sender.getByTestId(button).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toBe(name);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString('latin1').startsWith(start)).toBe(true);
  }
  expect(complaints).toEqual([]);
});

test('the first load is less than 120 kB, compressed', async ({ openPage, siteUrl }) => {
  const page = await openPage('chromium', 'sender', '/');
  const urls = await page.evaluate(() => [location.href, ...performance.getEntriesByType('resource').map(({ name }) => name)]);
  const bodies = await Promise.all(urls.map(async (url) => Buffer.from(await (await fetch(url)).arrayBuffer())));
  expect(urls.every((url) => url.startsWith(siteUrl))).toBe(true);
  expect(bodies.reduce((sum, body) => sum + gzipSync(body).byteLength, 0)).toBeLessThan(120_000);
});

/** Pictures for people to look at; the folder is not kept in the repository. */
const pictures = join(import.meta.dirname, '../build/screenshots');

/** The page fits both widths in light and dark, breaks no rule of accessibility, and is photographed. */
async function look(page: Page, state: string): Promise<void> {
  await mkdir(pictures, { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth), `${state} at ${width}`).toBeLessThanOrEqual(width);
      // Browsers do not lay out a closed panel again when its texts change.
      const cut = await page.locator('dd, .button').evaluateAll((elements) =>
        elements.filter((element) => element.checkVisibility() && element.scrollWidth > element.clientWidth).map(({ textContent }) => textContent));
      expect(cut, `${state} at ${width}`).toEqual([]);
      await page.screenshot({ path: join(pictures, `${state}-${width}-${colorScheme}.png`), fullPage: true });
    }
    // Of all rules, one is about colours.
    expect(await axeViolations(page, colorScheme === 'light' ? undefined : ['color-contrast']), `${state}, ${colorScheme}`).toEqual([]);
  }
}

test('every state fits 360 and 1280 px, light and dark, and breaks no rule of accessibility', async ({ openPage, room, complaints }) => {
  test.setTimeout(180_000);
  const options = { reducedMotion: 'reduce' } as const;
  const sender = await openPage('chromium', 'sender', '/', options);
  await look(sender, '1-start');
  await sender.getByTestId('files').setInputFiles([textFile('notes.txt', 'Two lines\nof text'), file('holiday-pictures-from-the-coast.bin', 40_000_000)]);
  await codeOf(sender);
  await expect(sender.getByTestId('qr').locator('svg')).toBeVisible();
  await look(sender, '2-waiting');
  const receiver = await openPage('chromium', 'receiver', await linkOf(sender), options);
  await expect(receiver.getByTestId('accept')).toBeVisible();
  await look(receiver, '3-offer');
  await receiver.getByTestId('accept').click();
  await expect(newest(sender)).toHaveAttribute('data-state', 'active');
  await sender.getByTestId('pause').click();
  await sender.getByTestId('details').locator('summary').click();
  await expect(sender.getByTestId('chart')).toHaveCount(3);
  await expect(sender.getByTestId('link-lanes')).not.toHaveText('0');
  await look(sender, '4-paused');
  await sender.getByTestId('resume').click();
  await expectDone(sender, receiver);
  await newest(receiver).getByTestId('preview').click();
  await newest(receiver).getByTestId('proof').locator('summary').click();
  await look(receiver, '5-received');
  await sender.close();
  await receiver.getByTestId('files').setInputFiles([textFile('back.txt', 'Thanks')]);
  await expect(receiver.getByTestId('nobody')).toBeVisible();
  await look(receiver, '6-left-alone');
  const compared = await openPage('chromium', 'sender', `/#room=${room}`, options);
  await openPage('chromium', 'receiver', `/#room=${room}`, options);
  await expect(compared.getByTestId('compare')).toBeVisible();
  await look(compared, '7-compare');
  const wrong = await openPage('chromium', 'sender', '/', options);
  await connectByCode(wrong, '999999-no-code');
  await expect(wrong.getByTestId('alert')).toContainText('(no-such-code)');
  await look(wrong, '8-error');
  expect(complaints).toEqual([]);
});

test('each reason for a missing connection is said in words, on both sides, and fits', { tag: '@long' }, async ({ openPage }) => {
  test.setTimeout(300_000);
  const servers = await startObstacleServers();
  const shown = async (page: Page, reason: string, name: string): Promise<void> => {
    await expect(page.getByTestId('alert')).toContainText(`(${reason})`);
    await expect(page.getByTestId('alert')).not.toContainText(/undefined|TypeError|rtc/);
    await look(page, name);
  };
  try {
    const pairs: [Obstacle, string, Obstacle, string][] = [
      ['no path', 'no-relay', 'no path', 'no-relay'],
      ['silent STUN', 'no-udp', 'no path', 'no-relay'],
      ['symmetric NAT', 'symmetric-nat', 'no path', 'symmetric-nat'],
      ['TURN refuses', 'relay-refused', 'no path', 'no-relay'],
      ['browser blocks', 'blocked-by-browser', 'no path', 'peer-unreachable'],
      ['no network', 'no-candidates', 'no path', 'peer-unreachable'],
    ];
    for (const [here, reason, there, reasonThere] of pairs) {
      const options = (obstacle: Obstacle) => ({ reducedMotion: 'reduce' as const, before: (page: Page) => obstruct(page, obstacle, servers) });
      const sender = await openPage('chromium', 'sender', '/', options(here));
      await sender.getByTestId('files').setInputFiles([textFile('notes.txt', 'Two lines\nof text')]);
      const receiver = await openPage('chromium', 'receiver', await linkOf(sender), options(there));
      await shown(sender, reason, `9-${reason}`);
      await shown(receiver, reasonThere, `9-${reason}-other-side`);
      await Promise.all([sender.close(), receiver.close()]);
    }
    const refuse = (page: Page): Promise<void> => page.routeWebSocket(/signal/, (socket) => socket.close());
    const alone = await openPage('chromium', 'receiver', `/#room=${'a'.repeat(22)}&key=${'Ab0_'.repeat(6)}`, { reducedMotion: 'reduce', before: refuse });
    await shown(alone, 'signaling-down', '9-signaling-down');
  } finally {
    await servers.stop();
  }
});
