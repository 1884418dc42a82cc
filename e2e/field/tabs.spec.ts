// T2, T3, T4: what happens to the tab, and a browser that stores nothing.
import type { CDPSession, Page } from '@playwright/test';
import { launchBrowser } from '../support/browsers.mjs';
import { codeOf, expectDone, file, linkOf, newest } from '../support/demo.js';
import { expect, test } from '../support/fixtures.js';

/** A page of Chromium by its protocol alone: Playwright loses pages that come back from the cache. */
class KeptPage {
  readonly #session: CDPSession;

  constructor(session: CDPSession) {
    this.#session = session;
  }

  async evaluate(expression: string): Promise<unknown> {
    const { result } = await this.#session.send('Runtime.evaluate', { expression, returnByValue: true });
    return result.value;
  }

  /** The text of an element that can be seen; '' where there is none. */
  async text(testId: string): Promise<string> {
    const found = `[...document.querySelectorAll('[data-testid="${testId}"]')].find((element) => element.checkVisibility())`;
    return String(await this.evaluate(`${found}?.textContent ?? ''`).catch(() => ''));
  }

  /** Leaves the page and comes back to it as it was. */
  async leaveAndReturn(): Promise<void> {
    await this.evaluate("window.returns = 0; addEventListener('pageshow', ({ persisted }) => (window.returns += Number(persisted)), { once: true })");
    await this.evaluate("location.href = '/healthz'");
    await expect.poll(() => this.evaluate('document.body.textContent')).toBe('ok\n');
    await this.evaluate('history.back()');
    await expect.poll(() => this.evaluate('window.returns')).toBe(1);
  }
}

test('T2: chromium: back and forward while waiting: the page waits again with the same files, which the other side then gets', async ({ openPage }) => {
  const browser = await launchBrowser('chromium', { backForwardCache: true });
  try {
    const page = await openPage('chromium', 'sender', '/', { browser });
    await page.getByTestId('files').setInputFiles([file('kept.bin', 1000)]);
    const link = await linkOf(page);
    await codeOf(page);
    const sender = new KeptPage(await page.context().newCDPSession(page));
    for (let times = 0; times < 2; times += 1) {
      await sender.leaveAndReturn();
      await expect.poll(() => sender.text('connection')).toBe('Waiting to connect');
      expect(await sender.text('alert')).toBe('');
    }
    const receiver = await openPage('firefox', 'receiver', link);
    await receiver.getByTestId('accept').click();
    await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Received and verified');
    await expect.poll(() => sender.text('transfer-state')).toBe('Sent and verified');
  } finally {
    await browser.close();
  }
});

for (const name of ['chromium', 'firefox'] as const) {
  test(`T3: ${name}: a duplicated tab says where the link is open, the other side comes to the first one, and the duplicate takes its place later`, async ({ openPage }) => {
    const sender = await openPage(name, 'sender', '/');
    await sender.getByTestId('files').setInputFiles([file('kept.bin', 1000)]);
    const link = await linkOf(sender);
    // As browsers do: the history's state and what the session stores are copied.
    const copied = await sender.evaluate(() => ({ state: history.state as unknown, stored: { ...sessionStorage } }));
    const twin = await sender.context().newPage();
    await twin.goto(new URL('/healthz', sender.url()).href);
    await twin.evaluate(({ state, stored }) => {
      for (const [key, value] of Object.entries<string>(stored)) sessionStorage.setItem(key, value);
      history.replaceState(state, '', '/');
    }, copied);
    await twin.reload();
    await expect(twin.getByTestId('notice')).toContainText('open in another tab of this browser');
    await expect(twin.getByTestId('connection')).toHaveText('Not connected');
    const receiver = await openPage('chromium', 'receiver', link);
    await receiver.getByTestId('accept').click();
    await expectDone(sender, receiver);
    await sender.close();
    await expect(twin.getByTestId('notice')).not.toContainText('another tab');
    await twin.getByTestId('files').setInputFiles([file('second.bin', 1000)]);
    await receiver.getByTestId('accept').click();
    await expect(newest(receiver).getByTestId('transfer-state')).toHaveText('Received and verified');
  });

  test(`T4: ${name}: site data is blocked, and files arrive all the same`, async ({ openPage }) => {
    const block = (): void => {
      const refuse = { get: () => { throw new DOMException('The operation is insecure.', 'SecurityError'); } };
      for (const kind of ['sessionStorage', 'localStorage', 'indexedDB', 'caches']) Object.defineProperty(window, kind, refuse);
      const reject = (): Promise<never> => Promise.reject(new DOMException('The operation is insecure.', 'SecurityError'));
      navigator.storage.getDirectory = reject;
      navigator.storage.estimate = reject;
      navigator.locks.request = reject;
      navigator.serviceWorker.register = reject;
    };
    const options = { before: (page: Page) => page.addInitScript(block) };
    const sender = await openPage(name, 'sender', '/', options);
    await sender.getByTestId('files').setInputFiles([file('kept.bin', 300_000)]);
    const receiver = await openPage(name, 'receiver', await linkOf(sender), options);
    await receiver.getByTestId('accept').click();
    await expectDone(sender, receiver);
  });
}
