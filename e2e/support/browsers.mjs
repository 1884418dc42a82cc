// Launches the browsers of this machine for Playwright, each in a process of its own.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, firefox } from '@playwright/test';

/** @typedef {import('@playwright/test').Browser} Browser */
/** @typedef {import('@playwright/test').Page} Page */
/** @typedef {'chromium' | 'firefox'} BrowserName */

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
 * pages together may store (Firefox only; in Chromium a page's own is set while it runs).
 * Errors: rejects where the browser is missing or does not start.
 *
 * @param {BrowserName} name
 * @param {{ downloads?: string, quotaKiB?: number, loopback?: boolean }} [options]
 * @returns {Promise<Browser>}
 */
export function launchBrowser(name, options = {}) {
  return name === 'chromium' ? chromium.launch(launchOptions(name, options)) : firefox.launch(launchOptions(name, options));
}

/**
 * A browser with a profile of its own on disk, gone when it is closed. Chromium keeps the private file system of an
 * ordinary Playwright context in memory; here it is on disk, as it is for people.
 *
 * @param {BrowserName} name
 * @returns {Promise<{ newPage: () => Promise<Page>, close: () => Promise<void> }>}
 */
export async function openProfile(name) {
  if (name === 'firefox') {
    const browser = await launchBrowser(name);
    // Firefox's contexts are containers of one temporary profile, which is on disk.
    const context = await browser.newContext();
    return { newPage: () => context.newPage(), close: () => browser.close() };
  }
  const folder = await mkdtemp(join(tmpdir(), 'millrace-profile-'));
  const removeFolder = () => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  try {
    const context = await chromium.launchPersistentContext(folder, launchOptions(name));
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
 * @param {{ downloads?: string, quotaKiB?: number, loopback?: boolean }} [options]
 */
function launchOptions(name, { downloads, quotaKiB, loopback = false } = {}) {
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
        'media.peerconnection.ice.obfuscate_host_addresses': false,
        ...(loopback ? { 'media.peerconnection.ice.loopback': true } : {}),
        ...(quotaKiB === undefined ? {} : { 'dom.quotaManager.temporaryStorage.fixedLimit': quotaKiB }),
      },
    };
  }
  return {
    ...common,
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Host candidates as addresses: there is no multicast DNS here to resolve their names.
      '--disable-features=WebRtcHideLocalIpsWithMdns',
    ],
  };
}
