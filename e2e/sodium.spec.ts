// millrace/sodium in a page: against libsodium-wrappers in the same page, and published test vectors.
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { build } from 'esbuild';
import { expect, test, type BrowserName } from './support/fixtures.js';

interface Interop {
  readonly familyNames: readonly string[];
  run(name: string, options: { seed: number; messages: number }): Promise<number>;
  compareErrors(): Promise<{ compared: number; differences: string[] }>;
  checkVectors(file: unknown): Promise<number>;
}

declare global {
  var interop: Interop;
}

/** Each way by half. */
const messages = 10_000;
const folder = fileURLToPath(new URL('../tests/', import.meta.url));

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${folder}interop/page.mjs`],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    write: false,
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

type OpenPage = (name: BrowserName, side: 'sender', path: string) => Promise<Page>;

async function openInterop(openPage: OpenPage, name: BrowserName): Promise<Page> {
  const page = await openPage(name, 'sender', '/pages/blank.html');
  await page.evaluate(await bundle());
  return page;
}

for (const name of ['chromium', 'firefox'] as const) {
  test(`${name}: each family gives and opens what libsodium-wrappers does`, { tag: '@alone' }, async ({ openPage, complaints }) => {
    const page = await openInterop(openPage, name);
    const seed = randomInt(2 ** 31);
    const families = await page.evaluate(() => globalThis.interop.familyNames);
    expect(families).toHaveLength(12);
    const times: string[] = [];
    for (const family of families) {
      // A difference rejects, and says where.
      const ms = await page.evaluate(([each, options]) => globalThis.interop.run(each, options), [family, { seed, messages }] as const);
      times.push(`${family} ${Math.round(ms)} ms`);
    }
    test.info().annotations.push({ type: 'times', description: `seed ${seed}: ${times.join(', ')}` });
    expect(complaints).toEqual([]);
  });

  test(`${name}: the same errors, and published vectors`, { tag: '@alone' }, async ({ openPage, complaints }) => {
    const page = await openInterop(openPage, name);
    const { compared, differences } = await page.evaluate(() => globalThis.interop.compareErrors());
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(4000);
    const vectors = readdirSync(`${folder}vectors`)
      .map((file) => JSON.parse(readFileSync(`${folder}vectors/${file}`, 'utf8')) as { kind?: string; vectors: unknown[] })
      .filter(({ kind }) => ['aead', 'calls', 'hash', 'kem', 'signature'].includes(kind ?? ''));
    expect(vectors.length).toBeGreaterThan(8);
    for (const file of vectors) expect(await page.evaluate((each) => globalThis.interop.checkVectors(each), file)).toBe(file.vectors.length);
    expect(complaints).toEqual([]);
  });
}
