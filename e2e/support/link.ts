import type { Page } from '@playwright/test';
import { startEmulator, type Emulator } from '../emulator/emulator.mjs';
import { test as base } from './fixtures.js';

/** With an emulated link that ends with the test. */
export const test = base.extend<{ emulator: Emulator }>({
  emulator: async ({}, use) => {
    const emulator = startEmulator();
    await use(emulator);
    await emulator.stop();
  },
});

/** Behind the link from the next load on. */
export async function attachPair(emulator: Emulator, pages: readonly [Page, Page]): Promise<void> {
  await emulator.attach(pages[0], 'a');
  await emulator.attach(pages[1], 'b');
  await Promise.all(pages.map((page) => page.reload()));
}

export { expect } from './fixtures.js';
