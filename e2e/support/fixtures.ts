import { randomBytes } from 'node:crypto';
import { test as base, type Browser, type BrowserContextOptions, type Page } from '@playwright/test';
import { launchBrowser } from './browsers.mjs';
import { startSite } from './site.mjs';

export type BrowserName = 'chromium' | 'firefox';
export type Side = 'sender' | 'receiver';

/** Which browser sends to which. */
export interface Pairing {
  readonly sender: BrowserName;
  readonly receiver: BrowserName;
}

export const pairings: readonly Pairing[] = [
  { sender: 'chromium', receiver: 'chromium' },
  { sender: 'firefox', receiver: 'firefox' },
  { sender: 'chromium', receiver: 'firefox' },
  { sender: 'firefox', receiver: 'chromium' },
];

export function nameOf(pairing: Pairing): string {
  return `${pairing.sender}>${pairing.receiver}`;
}

/** For tests that take half a minute and more: those of two browsers alike are long ones, since the mixed ones meet each browser on each side. */
export function tagOf(pairing: Pairing): string[] {
  return pairing.sender === pairing.receiver ? ['@long'] : [];
}

/** Browser processes, started when first asked for: one per name and side, so that no two pages of a pair share one. */
export interface BrowserPool {
  get(name: BrowserName, side: Side): Promise<Browser>;
}

export interface PageOptions extends BrowserContextOptions {
  /** One that the test has started itself, instead of the one of the pool. */
  readonly browser?: Browser;
  /** Before anything is loaded. */
  readonly before?: (page: Page) => Promise<unknown>;
}

interface WorkerFixtures {
  pool: BrowserPool;
  siteUrl: string;
}

interface TestFixtures {
  /** A page in a context of its own, which ends with the test; watched for errors. */
  openPage: (name: BrowserName, side: Side, path: string, options?: PageOptions) => Promise<Page>;
  /** What any page complained about: uncaught errors, console errors, violations of the content security policy. */
  complaints: string[];
  room: string;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  pool: [
    async ({}, use) => {
      const running = new Map<string, Promise<Browser>>();
      await use({
        get(name, side) {
          const key = `${name} ${side}`;
          const browser = running.get(key) ?? launchBrowser(name);
          running.set(key, browser);
          return browser;
        },
      });
      await Promise.all([...running.values()].map(async (browser) => (await browser).close()));
    },
    { scope: 'worker', timeout: 60_000 },
  ],

  siteUrl: [
    async ({}, use) => {
      // Every page of every test comes from one address: none is to use up what another one needs. Some pages use a broker of their test.
      const limits = { ICE_PER_MINUTE: '600', FREE_GUESSES: '1000', MAX_CODES_PER_ADDRESS: '1000' };
      const site = await startSite({ withPages: true, env: { ...limits, CONNECT_SRC: 'ws://127.0.0.1:*' } });
      await use(site.url);
      await site.stop();
    },
    { scope: 'worker' },
  ],

  complaints: async ({}, use) => {
    const complaints: string[] = [];
    await use(complaints);
  },

  openPage: async ({ pool, siteUrl, complaints }, use) => {
    const close: (() => Promise<void>)[] = [];
    await use(async (name, side, path, { browser: own, before, ...options } = {}) => {
      const browser = own ?? (await pool.get(name, side));
      const context = await browser.newContext(options);
      close.push(() => context.close());
      const page = await context.newPage();
      page.on('pageerror', (error) => complaints.push(`${side} (${name}): ${error.message}`));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(`${side} (${name}): ${message.text()}`);
      });
      await before?.(page);
      await page.goto(new URL(path, siteUrl).href);
      return page;
    });
    await Promise.all(close.map((end) => end()));
  },

  room: async ({}, use) => {
    await use(randomBytes(16).toString('base64url'));
  },
});

export { expect } from '@playwright/test';
