import { defineConfig } from '@playwright/test';

/** One worker: two browsers on two cores are load enough. No retries: a test that fails now and then is a failure. */
export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.ts',
  workers: 1,
  fullyParallel: false,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: true,
  reporter: [['list']],
  outputDir: '../build/e2e',
});
