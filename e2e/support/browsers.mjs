// Launches the browsers of this machine for Playwright, each in a process of its own. Their pages contact no STUN or TURN server of
// somebody else.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, firefox } from '@playwright/test';
import { localServersScript } from './local_servers.mjs';

/** @typedef {import('@playwright/test').Browser} Browser */
/** @typedef {import('@playwright/test').BrowserContext} BrowserContext */
/** @typedef {import('@playwright/test').Page} Page */
/** @typedef {'chromium' | 'firefox'} BrowserName */

/** @typedef {{ downloads?: string, quotaKiB?: number, loopback?: boolean, snap?: boolean, mdns?: boolean, proxyOnly?: boolean, trustedKeyHash?: string, backForwardCache?: boolean, preferences?: Record<string, string | number | boolean> }} LaunchSettings */

/** @type {readonly BrowserName[]} */
export const browserNames = ['chromium', 'firefox'];

/** Debian's own browsers; other places through the environment. */
const executables = {
  chromium: process.env.CHROMIUM ?? '/usr/bin/chromium',
  firefox: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
};

export const firefoxPath = executables.firefox;

/**
 * @param {string} name
 * @returns {asserts name is BrowserName}
 */
export function checkBrowser(name) {
  if (name !== 'chromium' && name !== 'firefox') {
    throw new Error(`no such browser: ${name} (there are ${browserNames.join(', ')})`);
  }
  if (!existsSync(executables[name])) {
    throw new Error(`${name} is not installed: ${executables[name]} is missing (set ${name.toUpperCase()} to its path)`);
  }
}

/**
 * `loopback`: Firefox takes paths over the loopback, too, as Chromium does when a TURN server is there. `downloads`: where saved files go; Firefox needs it, because its downloads send no events through BiDi. `quotaKiB`: what all
 * pages together may store (Firefox only; in Chromium a page's own is set while it runs). `snap`: Chromium with SNAP
 * (e2e/snap.spec.ts); all of a benchmark's with MILLRACE_SNAP=1. `mdns`: host candidates are names for multicast DNS, as they are by
 * default. `proxyOnly`: Firefox allows WebRTC through a proxy only. `backForwardCache`: Chromium keeps pages for the way back, which Playwright switches off otherwise. `preferences`: more of Firefox's. `trustedKeyHash`: Chromium trusts servers with this public key (SHA-256, base64), TURN servers too.
 * Errors: rejects where the browser is missing or does not start.
 *
 * @param {BrowserName} name
 * @param {LaunchSettings} [options]
 * @returns {Promise<Browser>}
 */
export async function launchBrowser(name, options = {}) {
  const browser = await (name === 'chromium' ? chromium : firefox).launch(launchOptions(name, options));
  const { newContext } = browser;
  // Also for `browser.newPage`, which calls it.
  browser.newContext = async (...args) => withoutPublicServers(await newContext.apply(browser, args));
  return browser;
}

/**
 * @param {BrowserContext} context
 * @returns {Promise<BrowserContext>}
 */
async function withoutPublicServers(context) {
  await context.addInitScript({ content: localServersScript });
  return context;
}

/**
 * A browser with a profile of its own on disk, gone when it is closed. Chromium keeps the private file system of an
 * ordinary Playwright context in memory; here it is on disk, as it is for people.
 *
 * @param {BrowserName} name
 * @param {LaunchSettings} [settings] for Chromium
 * @returns {Promise<{ newPage: () => Promise<Page>, close: () => Promise<void> }>}
 */
export async function openProfile(name, settings = {}) {
  if (name === 'firefox') {
    const browser = await launchBrowser(name);
    // Firefox's contexts are containers of one temporary profile, which is on disk.
    const context = await browser.newContext();
    return { newPage: () => context.newPage(), close: () => browser.close() };
  }
  const folder = await mkdtemp(join(tmpdir(), 'millrace-profile-'));
  const removeFolder = () => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  try {
    const context = await withoutPublicServers(await chromium.launchPersistentContext(folder, launchOptions(name, settings)));
    return {
      newPage: () => context.newPage(),
      close: async () => {
        await context.close();
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

/**
 * @param {BrowserName} name
 * @param {LaunchSettings} [options]
 */
function launchOptions(name, { downloads, quotaKiB, loopback = false, snap = process.env.MILLRACE_SNAP === '1', mdns = false, proxyOnly = false, trustedKeyHash, backForwardCache = false, preferences = {} } = {}) {
  checkBrowser(name);
  const common = {
    executablePath: executables[name],
    ...(downloads === undefined ? {} : { downloadsPath: downloads }),
    // The caller ends what it started, on signals too.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  };
  if (name === 'firefox') {
    return {
      ...common,
      channel: 'moz-firefox',
      firefoxUserPrefs: {
        ...(mdns ? {} : { 'media.peerconnection.ice.obfuscate_host_addresses': false }),
        ...(loopback ? { 'media.peerconnection.ice.loopback': true } : {}),
        ...(proxyOnly ? { 'media.peerconnection.ice.proxy_only': true } : {}),
        ...(quotaKiB === undefined ? {} : { 'dom.quotaManager.temporaryStorage.fixedLimit': quotaKiB }),
        ...preferences,
      },
    };
  }
  return {
    ...common,
    ...(backForwardCache ? { ignoreDefaultArgs: ['--disable-back-forward-cache'] } : {}),
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Host candidates as addresses: most tests have no multicast DNS to resolve their names.
      ...(mdns ? [] : ['--disable-features=WebRtcHideLocalIpsWithMdns']),
      ...(trustedKeyHash === undefined ? [] : [`--ignore-certificate-errors-spki-list=${trustedKeyHash}`]),
      ...(snap ? ['--enable-blink-features=WebRtcSctpSnap'] : []),
    ],
  };
}
