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
    { name: 'alone', grep: /@alone/ },
    { name: 'together', grepInvert: /@alone|@long/ },
    { name: 'long', grep: /@long/ },
  ],
  fullyParallel: false,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: true,
  reporter: [['list']],
  outputDir: '../build/e2e',
});
