// The site as people run it on the internet: under a path behind a proxy with TLS, closed to other sites' pages, and with invite
// links that do not stay in view.
import { startDocumentedCaddy, startDocumentedNginx } from '../tests/node/support/daemon.mjs';
import { expectDone, file, linkOf, newest, textFile } from './support/demo.js';
import { expect, test, type BrowserName } from './support/fixtures.js';
import { startSite } from './support/site.mjs';

const browsers = ['chromium', 'firefox'] satisfies BrowserName[];

for (const [name, startProxy, sender, receiver] of [
  ['nginx', startDocumentedNginx, 'chromium', 'firefox'],
  ['Caddy', startDocumentedCaddy, 'firefox', 'chromium'],
] as const) {
  test(`${name}, ${sender}>${receiver}: a file crosses on a site under a path, also with a link without the slash`, async ({ openPage, complaints }) => {
    const site = await startSite({ env: { TRUST_PROXY: '1' } });
    const proxy = await startProxy(site.url);
    try {
      const options = { ignoreHTTPSErrors: true };
      const sending = await openPage(sender, 'sender', proxy.url, options);
      await sending.getByTestId('files').setInputFiles([file('proxied.bin', 300_000)]);
      const link = await linkOf(sending);
      expect(link.startsWith(`${proxy.url}#`)).toBe(true);
      const receiving = await openPage(receiver, 'receiver', link.replace('/#', '#'), options);
      await receiving.getByTestId('accept').click();
      await expectDone(sending, receiving);
      expect(receiving.url()).toBe(proxy.url);
      expect(complaints).toEqual([]);
    } finally {
      await proxy.stop();
      await site.stop();
    }
  });
}

for (const browser of browsers) {
  test(`${browser}: the link key leaves the address bar, and loading the page again, another link and the way back work`, async ({ openPage, siteUrl, complaints }) => {
    const sender = await openPage(browser, 'sender', '/');
    await sender.getByTestId('files').setInputFiles([textFile('a.txt', 'a')]);
    const link = await linkOf(sender);
    expect(sender.url()).toBe(siteUrl);
    const receiver = await openPage(browser, 'receiver', link);
    await expect(receiver.getByTestId('connection')).toHaveText('Connected, encrypted, verified');
    expect(receiver.url()).toBe(siteUrl);
    await receiver.reload();
    await receiver.getByTestId('accept').click();
    await expectDone(sender, receiver);
    await expect(receiver.getByTestId('connection')).toHaveText('Connected, encrypted, verified');
    expect(receiver.url()).toBe(siteUrl);

    // The sender's own link survives, too.
    await sender.reload();
    expect(await linkOf(sender)).toBe(link);
    await expect(receiver.getByTestId('connection')).toHaveText('Connected, encrypted, verified');

    // A link that is pasted into the tab's address bar changes the fragment only.
    const other = await openPage(browser, 'sender', '/');
    await other.getByTestId('files').setInputFiles([textFile('b.txt', 'b')]);
    const otherLink = await linkOf(other);
    await receiver.evaluate((address) => (location.href = address), otherLink);
    await expect(newest(receiver).getByTestId('file-name')).toHaveText('b.txt');
    expect(receiver.url()).toBe(siteUrl);
    await receiver.goBack();
    await sender.getByTestId('files').setInputFiles([textFile('c.txt', 'c')]);
    await expect(newest(receiver).getByTestId('file-name')).toHaveText('c.txt');
    // The way out of a room: in Chromium, the site's own address typed into this tab only loads the page again.
    await receiver.getByTestId('home').click();
    await expect(receiver.getByTestId('join')).toBeVisible();
    expect(complaints).toEqual([]);
  });

  test(`${browser}: pages of other origins cannot use the signalling, unless the operator allows it`, async ({ openPage }) => {
    const [site, open] = await Promise.all([startSite(), startSite({ env: { ALLOWED_ORIGINS: '*' } })]);
    try {
      // A page of the other site may connect to any host by its own policy.
      const page = await openPage(browser, 'sender', '/pages/');
      const tryToJoin = (base: string): Promise<number | string> =>
        page.evaluate((address) => {
          const socket = new WebSocket(`${address.replace('http', 'ws')}signal?room=room-0123456789abcdef`);
          return new Promise<number | string>((resolve) => {
            socket.onclose = ({ code }) => resolve(code);
            socket.onopen = () => setTimeout(() => resolve('open'), 500);
          });
        }, base);
      expect(await tryToJoin(site.url)).toBe(4403);
      expect(await tryToJoin(open.url)).toBe('open');
    } finally {
      await Promise.all([site.stop(), open.stop()]);
    }
  });

  test(`${browser}: the policy lets pages connect to their own host only`, async ({ openPage }) => {
    const [site, other] = await Promise.all([startSite(), startSite({ env: { ALLOWED_ORIGINS: '*' } })]);
    try {
      const page = await openPage(browser, 'sender', site.url);
      const connect = (base: string): Promise<string> =>
        page.evaluate((address) => {
          return new Promise<string>((resolve) => {
            document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => resolve(`blocked by ${effectiveDirective}`), { once: true });
            try {
              const socket = new WebSocket(`${address.replace('http', 'ws')}signal?room=room-0123456789abcdef`);
              socket.onopen = () => resolve('open');
            } catch {
              // Firefox throws where the script comes from a debugger, as this one does.
              resolve('blocked by connect-src');
            }
          });
        }, base);
      expect(await connect(site.url)).toBe('open');
      expect(await connect(other.url)).toBe('blocked by connect-src');
    } finally {
      await Promise.all([site.stop(), other.stop()]);
    }
  });
}
