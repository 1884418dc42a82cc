import { defineConfig } from '@playwright/test';

/**
 * Tests that look at speed or time (`@alone`) have the machine to themselves; of all others two run at once, since they wait more
 * than they work. What takes long (`@long`) runs when it is asked for. No retries: a test that fails now and then is a failure.
 */
export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.ts',
  // One after another; scripts/run-tests.mjs says how many workers each of these gets.
  workers: 1,
  projects: [
    // Each keeps what failed when another one runs after it.
    { name: 'alone', grep: /@alone/, outputDir: '../build/e2e/alone' },
    { name: 'together', grepInvert: /@alone|@long/, outputDir: '../build/e2e/together' },
    { name: 'long', grep: /@long/, outputDir: '../build/e2e/long' },
  ],
  fullyParallel: false,
  retries: 0,
  // Tests look at what happens, not at how fast: a busy machine may take several times as long.
  timeout: 150_000,
  expect: { timeout: 20_000 },
  forbidOnly: true,
  reporter: [['list']],
});
