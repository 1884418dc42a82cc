import { defineConfig } from '@playwright/test';

/** One worker: two browsers on two cores are load enough. No retries: a test that fails now and then is a failure. */
export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.ts',
  // The long suite is run by argument: scripts/test.sh e2e --long.
  ...(process.env['MILLRACE_LONG'] ? { grep: /@long/ } : { grepInvert: /@long/ }),
  workers: 1,
  fullyParallel: false,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: true,
  reporter: [['list']],
  outputDir: '../build/e2e',
});
