// Runs inside a client's namespace, and drives a real browser with the bare test page there.
import { familyOf, readParents } from '../../../scripts/lib/process_family.mjs';
import { launchBrowser } from '../../../e2e/support/browsers.mjs';
import { serve } from './helper.mjs';

/** @typedef {import('@playwright/test').Browser} Browser */

/** @type {{ name: string, browser: Promise<Browser> } | undefined} */
let running;
/** @type {import('@playwright/test').BrowserContext | undefined} */
let context;
/** @type {import('@playwright/test').Page} */
let page;

/** @param {'chromium' | 'firefox'} name @param {string} keyHash @returns {Promise<Browser>} */
async function browserOf(name, keyHash) {
  if (running?.name !== name) {
    await closeBrowser();
    running = { name, browser: launchBrowser(name, { mdns: true, trustedKeyHash: keyHash }) };
  }
  return running.browser;
}

async function closeBrowser() {
  const last = running;
  running = undefined;
  context = undefined;
  await last?.browser.then((browser) => browser.close(), () => {});
}

/** @param {NodeJS.Signals} signal */
async function signalBrowser(signal) {
  const family = familyOf(process.pid, await readParents());
  for (const id of family) if (id !== process.pid) process.kill(id, signal);
}

serve(
  {
    /** @param {'chromium' | 'firefox'} name @param {string} url @param {string} keyHash */
    async open(name, url, keyHash) {
      await context?.close();
      const browser = await browserOf(name, keyHash);
      context = await browser.newContext();
      page = await context.newPage();
      /** @type {string[]} */
      const complaints = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      await page.goto(new URL('/pages/bare.html', url).href);
      if (!(await page.evaluate(() => globalThis.bareReady === true))) throw new Error(`the script of the bare page failed: ${complaints.join('; ')}`);
    },
    /** @param {string} method @param {unknown[]} args */
    call: (method, args) => page.evaluate(([name, list]) => /** @type {any} */ (globalThis).bare[name](...list), /** @type {[string, unknown[]]} */ ([method, args])),
    /** @param {number} ms */
    async sleep(ms) {
      await signalBrowser('SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, ms));
      await signalBrowser('SIGCONT');
    },
  },
  closeBrowser,
);
