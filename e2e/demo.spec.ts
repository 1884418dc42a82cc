// The demo page as a person uses it.
import { expectDone, file, fileOnDisk, linkOf, newest, tabTo } from './support/demo.js';
import { expect, nameOf, pairings, test } from './support/fixtures.js';

const hostileName = '<img src=x onerror=alert(1)>&lt;b&gt;.txt';
/** What the core makes of it before any page sees it; the entities are for the page not to read. */
const cleanName = '_img src=x onerror=alert(1)_&lt;b&gt;.txt';

for (const pairing of pairings) {
  test(`${nameOf(pairing)}: choose, share, accept, verify, save, and send back`, async ({ openPage, complaints }) => {
    const sender = await openPage(pairing.sender, 'sender', '/');
    await sender.getByTestId('files').setInputFiles([file('report.pdf', 700_000), file(hostileName, 10), file('empty.bin', 0)]);
    const link = await linkOf(sender);
    await expect(newest(sender)).toHaveAttribute('data-state', 'queued');
    await expect(sender.getByTestId('connection')).toHaveAttribute('data-state', 'waiting');

    const receiver = await openPage(pairing.receiver, 'receiver', link);
    await expect(receiver.getByTestId('connection')).toHaveAttribute('data-state', 'connected');
    await expect(newest(receiver).getByTestId('file-name')).toHaveText(['report.pdf', cleanName, 'empty.bin']);
    await expect(newest(receiver).getByTestId('file-size')).toHaveText(['700 kB', '10 B', '0 B']);
    await expect(newest(sender).getByTestId('transfer-state')).toHaveText('Waiting to be accepted');
    await expect(sender.getByTestId('share')).toBeHidden();
    await receiver.getByTestId('accept').click();

    await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Received and verified');
    await expect(newest(sender).getByTestId('transfer-state')).toHaveText('Sent and verified');
    const roots = await newest(receiver).getByTestId('root').allTextContents();
    expect(roots).toHaveLength(3);
    for (const root of roots) expect(root).toMatch(/^[0-9a-f]{64}$/);
    expect(await newest(sender).getByTestId('root').allTextContents()).toEqual(roots);
    await expect(newest(receiver).getByTestId('save')).toHaveCount(3);
    const saved = await newest(receiver).getByTestId('save').evaluateAll((links) =>
      links.map((link) => {
        const { href, download } = link as HTMLAnchorElement;
        return { scheme: new URL(href).protocol, download };
      }));
    expect(saved).toEqual(['report.pdf', cleanName, 'empty.bin'].map((download) => ({ scheme: 'blob:', download })));
    await expect(receiver.locator('img')).toHaveCount(0);

    await receiver.getByTestId('files').setInputFiles([file('answer.txt', 300_000)]);
    await sender.getByTestId('accept').click();
    await expect(newest(sender).getByTestId('transfer-state')).toHaveText('Received and verified');
    await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Sent and verified');
    await expect(sender.getByTestId('transfer')).toHaveCount(2);
    // Console errors would hold violations of the content security policy, too.
    expect(complaints).toEqual([]);
  });
}

test('the saved file holds the bytes that were sent', async ({ openPage, complaints }) => {
  const sender = await openPage('chromium', 'sender', '/');
  const sent = file('bytes.bin', 1_500_001);
  await sender.getByTestId('files').setInputFiles([sent]);
  const receiver = await openPage('chromium', 'receiver', await linkOf(sender));
  await receiver.getByTestId('accept').click();
  const downloading = receiver.waitForEvent('download');
  await newest(receiver).getByTestId('save').click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe('bytes.bin');
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).equals(sent.buffer)).toBe(true);
  expect(complaints).toEqual([]);
});

test('decline and cancel are shown on both sides, in words', async ({ openPage, complaints }) => {
  const sender = await openPage('chromium', 'sender', '/');
  await sender.getByTestId('files').setInputFiles([file('unwanted.txt', 1000)]);
  const receiver = await openPage('chromium', 'receiver', await linkOf(sender));
  await receiver.getByTestId('decline').click();
  await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Declined');
  await expect(newest(sender).getByTestId('transfer-state')).toHaveText('Declined by the other side');

  await sender.getByTestId('files').setInputFiles(await fileOnDisk('slow.bin', 60_000_000));
  await receiver.getByTestId('accept').click();
  await expect(newest(receiver)).toHaveAttribute('data-state', 'active');
  await expect(receiver).toHaveTitle(/^\d+ % · Millrace$/);
  await expect(newest(receiver).getByRole('progressbar')).toBeVisible();
  await newest(receiver).getByTestId('cancel').click();
  await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Cancelled');
  await expect(newest(sender).getByTestId('transfer-state')).toHaveText('Cancelled');
  await expect(receiver).toHaveTitle('Millrace');
  expect(complaints).toEqual([]);
});

test('the other side leaves in mid-transfer: said in words, and the next one can come', async ({ openPage }) => {
  const sender = await openPage('chromium', 'sender', '/');
  await sender.getByTestId('files').setInputFiles(await fileOnDisk('cut.bin', 60_000_000));
  const link = await linkOf(sender);
  const receiver = await openPage('chromium', 'receiver', link);
  await receiver.getByTestId('accept').click();
  await expect(newest(sender)).toHaveAttribute('data-state', 'active');
  await receiver.close();
  await expect(newest(sender)).toHaveAttribute('data-state', 'queued');
  await expect(newest(sender).getByTestId('transfer-state')).toHaveText('Interrupted, goes on when the other side is back');
  await expect(sender.getByTestId('share')).toBeVisible();
  await newest(sender).getByTestId('cancel').click();
  await expect(sender.getByTestId('transfer')).toHaveCount(0);

  const again = await openPage('chromium', 'receiver', link);
  await expect(again.getByTestId('connection')).toHaveAttribute('data-state', 'connected');
  await sender.getByTestId('files').setInputFiles([file('whole.bin', 100_000)]);
  await again.getByTestId('accept').click();
  await expect(newest(again).getByTestId('transfer-state')).toHaveText('Received and verified');
});

test('the key of a link verifies both sides and stays with them', async ({ openPage, complaints }) => {
  const sender = await openPage('chromium', 'sender', '/');
  const told: string[] = [];
  sender.on('request', (request) => told.push(request.url(), request.postData() ?? '', JSON.stringify(request.headers())));
  sender.on('websocket', (socket) => {
    told.push(socket.url());
    socket.on('framesent', ({ payload }) => told.push(String(payload)));
  });
  await sender.getByTestId('files').setInputFiles([file('keyed.bin', 1000)]);
  const link = await linkOf(sender);
  const receiver = await openPage('chromium', 'receiver', link);
  for (const page of [sender, receiver]) {
    await expect(page.getByTestId('connection')).toHaveText('Connected, encrypted, verified');
    await expect(page.getByTestId('compare')).toBeHidden();
  }
  const key = link.replace(/.*key=/, '');
  expect(told.join('\n')).toContain('a=fingerprint');
  expect(told.join('\n')).not.toContain(key);
  expect(complaints).toEqual([]);
});

test('without a key in the link the two people compare words', async ({ openPage, room, complaints }) => {
  const pages = [await openPage('chromium', 'sender', `/#room=${room}`), await openPage('firefox', 'receiver', `/#room=${room}`)] as const;
  for (const page of pages) await expect(page.getByTestId('connection')).toHaveText('Connected, encrypted, not verified');
  const pictures = pages[0].getByTestId('sas').getByRole('listitem');
  await expect(pictures).toHaveText(Array<RegExp>(7).fill(/^\S+[a-z]+$/));
  expect(await pictures.allTextContents()).toEqual(await pages[1].getByTestId('sas').getByRole('listitem').allTextContents());
  await pages[0].getByTestId('verify').click();
  await expect(pages[0].getByTestId('connection')).toHaveText('Connected, encrypted, verified');
  await expect(pages[0].getByTestId('compare')).toBeHidden();
  await expect(pages[1].getByTestId('connection')).toHaveText('Connected, encrypted, not verified');
  expect(complaints).toEqual([]);
});

test('a link whose key is another one is refused in words', async ({ openPage }) => {
  const sender = await openPage('chromium', 'sender', '/');
  await sender.getByTestId('files').setInputFiles([file('keyed.bin', 1000)]);
  const link = await linkOf(sender);
  const other = link.replace(/key=../, 'key=ab');
  const receiver = await openPage('chromium', 'receiver', other);
  await expect(receiver.getByTestId('alert')).toContainText('(authentication-failed)');
  await expect(sender.getByTestId('alert')).toContainText('(wrong-link)');
});

test('an incomplete link is explained', async ({ openPage }) => {
  for (const fragment of ['room=short', `room=${'r'.repeat(22)}&key=half`]) {
    const page = await openPage('chromium', 'receiver', `/#${fragment}`);
    await expect(page.getByTestId('alert')).toHaveText('This link is not complete. Ask for it again.');
  }
});

for (const name of ['chromium', 'firefox'] as const) {
  test(`${name}: everything works by keyboard, and everything has a name`, async ({ openPage, complaints }) => {
    const sender = await openPage(name, 'sender', '/');
    await tabTo(sender, 'files');
    // The browser's own dialog is out of the page's hands.
    await sender.getByTestId('files').setInputFiles([file('keys.txt', 5000)]);
    await tabTo(sender, 'link');
    await tabTo(sender, 'copy');
    await sender.keyboard.press('Enter');
    await expect(sender.getByTestId('copy')).toHaveText('Copied');

    const receiver = await openPage(name, 'receiver', await linkOf(sender));
    await expect(receiver.getByTestId('accept')).toBeVisible();
    for (const page of [sender, receiver]) {
      await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
      await expect(page.locator('html')).toHaveAttribute('lang', 'en');
      const unnamed = await page.locator('button, a, input, textarea, progress').evaluateAll((elements) =>
        elements
          .filter((element) => {
            const labels = (element as HTMLInputElement).labels;
            return !element.getAttribute('aria-label')?.trim() && !element.textContent?.trim() && !labels?.[0]?.textContent?.trim();
          })
          .map((element) => element.outerHTML));
      expect(unnamed).toEqual([]);
      const ids = await page.locator('[id]').evaluateAll((elements) => elements.map(({ id }) => id));
      expect(new Set(ids).size).toBe(ids.length);
    }
    await tabTo(receiver, 'accept');
    await receiver.keyboard.press('Enter');
    await expectDone(sender, receiver);
    await expect(newest(receiver)).toBeFocused();
    await expect(receiver.getByTestId('status')).toHaveText('keys.txt: Received and verified');
    await tabTo(receiver, 'preview');
    await receiver.keyboard.press('Enter');
    await expect(receiver.getByTestId('preview-text')).toContainText('keys.txt');
    await tabTo(receiver, 'dismiss');
    await receiver.keyboard.press('Enter');
    await expect(receiver.getByTestId('transfer')).toHaveCount(0);
    await expect(receiver.getByTestId('files')).toBeFocused();

    // Back, with a pause: text this time, which needs no dialog at all.
    await tabTo(receiver, 'write');
    await receiver.keyboard.press('Enter');
    await receiver.keyboard.type('by hand');
    await receiver.keyboard.press('Tab');
    await receiver.keyboard.press('Enter');
    await expect(sender.getByTestId('accept')).toBeVisible();
    await tabTo(sender, 'decline');
    await sender.keyboard.press('Enter');
    await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Declined by the other side');
    expect(complaints).toEqual([]);
  });
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [320, 1280]) {
    test(`fits ${width} px and stays readable, ${colorScheme}`, async ({ openPage }) => {
      const page = await openPage('chromium', 'sender', '/', { colorScheme, viewport: { width, height: 800 } });
      await page.getByTestId('files').setInputFiles([file(`${'long-name-without-a-break'.repeat(8)}.bin`, 10)]);
      await linkOf(page);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);

      // WCAG 2 contrast of every text against the nearest background behind it.
      const weak = await page.evaluate(() => {
        const parse = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
        const luminance = (color: string): number => {
          const [r, g, b] = parse(color).slice(0, 3).map((value) => {
            const share = value / 255;
            return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
          }) as [number, number, number];
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const background = (element: Element | null): string => {
          for (let at = element; at !== null; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor;
            if ((parse(color)[3] ?? 1) > 0) return color;
          }
          return 'rgb(255, 255, 255)';
        };
        return [...document.querySelectorAll('body *')]
          .filter((element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim()))
          .map((element) => {
            const [a, b] = [luminance(getComputedStyle(element).color), luminance(background(element))];
            return { text: element.textContent?.trim().slice(0, 40), contrast: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) };
          })
          .filter(({ contrast }) => contrast < 4.5);
      });
      expect(weak).toEqual([]);
    });
  }
}
