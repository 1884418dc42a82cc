// Rate control over emulated links, beside the naive pump of a raw channel in the same test, since a busy machine is slow for
// both.
import type { Page } from '@playwright/test';
import { connectByDescription } from '../scripts/lib/measure.mjs';
import type { Emulator } from './emulator/emulator.mjs';
import { Bare, connectPair } from './support/bare.js';
import type { BrowserName } from './support/fixtures.js';
import { attachPair, expect, test } from './support/link.js';

interface Stripes {
  offer(options: object): Promise<RTCSessionDescriptionInit[]>;
  answer(offers: readonly RTCSessionDescriptionInit[], options: object): Promise<RTCSessionDescriptionInit[]>;
  finish(answers: readonly RTCSessionDescriptionInit[]): Promise<void>;
  receive(): Promise<void>;
  send(options: { readonly bytes: number; readonly limitSeconds: number }): Promise<number | null>;
}

declare global {
  /** pages/stripes.js. */
  var stripes: Stripes;
  var stripesReady: boolean;
}

/** What most pages do: as much into the channel as it takes. */
const naivePump = { messageBytes: 65_536, highWater: 8_388_608 };
/** A start has to find the rate; what it does to the queue until then is not what these tests are about. */
const startMs = 1000;

type OpenPage = (name: BrowserName, side: 'sender' | 'receiver', path: string) => Promise<Page>;

/** Two fresh pages at the ends of the link. */
async function openPair(emulator: Emulator, openPage: OpenPage, name: BrowserName, path: string): Promise<readonly [Page, Page]> {
  const pages = [await openPage(name, 'sender', path), await openPage(name, 'receiver', path)] as const;
  await attachPair(emulator, pages);
  return pages;
}

/** Statistics count from `startMs` after now. */
async function beginAfterStart(emulator: Emulator): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, startMs));
  await emulator.begin();
}

interface MillraceRun {
  readonly seconds: number;
  /** ms. */
  readonly queueP95: number;
  /** Those for bulk that are open at the end. */
  readonly lanes: number;
}

/** One file of `bytes` through the package, whose hash has to match. The pages are gone afterwards, and leave the link alone. */
async function runMillrace(emulator: Emulator, pages: readonly [Page, Page], room: string, bytes: number): Promise<MillraceRun> {
  const [sender, receiver] = [await Bare.of(pages[0]), await Bare.of(pages[1])];
  await connectPair(sender, receiver, { room });
  await sender.call('prepare', [bytes], 5);
  const sending = await sender.call('send', 5);
  await receiver.call('nextOffer');
  const receiving = await receiver.call('accept', 'memory');
  const beginning = beginAfterStart(emulator);
  await receiver.call('untilBytes', receiving, bytes);
  await beginning;
  const { ab } = await emulator.stats();
  const { lanes } = (await sender.call('peer')).stats;
  const [sent, received] = await Promise.all([sender.call('outcome', sending, { seed: 5 }), receiver.call('outcome', receiving)]);
  expect(sent.error).toBeUndefined();
  expect(received.error).toBeUndefined();
  expect(received.files?.[0]?.sha256).toBe(sent.files?.[0]?.sha256);
  for (const page of pages) await emulator.checkPath(page, 2);
  await Promise.all(pages.map((page) => page.close()));
  return { seconds: sent.seconds, queueP95: ab.queueMsP95, lanes: lanes.filter(({ lane }) => lane > 0).length };
}

interface NaiveRun {
  /** ms. */
  readonly queueP95: number;
  readonly carriedBytes: number;
  readonly arrivedInTime: boolean;
}

/** `bytes` by the naive pump, for `limitSeconds` at most. */
async function runNaive(emulator: Emulator, [sender, receiver]: readonly [Page, Page], bytes: number, limitSeconds: number): Promise<NaiveRun> {
  await connectByDescription(sender, receiver, 'raw');
  await receiver.evaluate((count) => globalThis.raw.receive(count), bytes);
  // It gives null where the limit ends it.
  const sending: Promise<number | null> = sender.evaluate((options) => globalThis.raw.send(options), { bytes, limitSeconds, ...naivePump });
  const beginning = beginAfterStart(emulator);
  const seconds = await sending;
  await beginning;
  const { ab } = await emulator.stats();
  await emulator.checkPath(sender);
  return { queueP95: ab.queueMsP95, carriedBytes: ab.carriedBytes, arrivedInTime: seconds !== null };
}

for (const name of ['chromium', 'firefox'] as const) {
  test(`${name}: a deep queue stays short, which the naive pump fills`, { tag: '@alone' }, async ({ emulator, openPage, room }) => {
    const bytes = 6_000_000;
    await emulator.set({ direction: 'both', delayMs: 20, rateMbps: 20, queueBytes: 2_000_000 });
    const millrace = await runMillrace(emulator, await openPair(emulator, openPage, name, '/pages/bare.html'), room, bytes);
    const naive = await runNaive(emulator, await openPair(emulator, openPage, name, '/pages/raw.html'), bytes, 10);
    expect(millrace.queueP95).toBeLessThan(150);
    expect(naive.queueP95).toBeGreaterThan(300);
  });
}

/** `bytes` by a lane set of the pages' own connection. Gives the 95th percentile of the link's queueing delay, ms. */
async function runLaneSet(emulator: Emulator, [sender, receiver]: readonly [Page, Page], bytes: number, pacing: boolean): Promise<number> {
  await Promise.all([sender, receiver].map((page) => page.waitForFunction(() => globalThis.stripesReady === true)));
  const offers = await sender.evaluate((options) => globalThis.stripes.offer(options), { connectionCount: 1, pacing });
  const answers = await receiver.evaluate((descriptions) => globalThis.stripes.answer(descriptions, {}), offers);
  await sender.evaluate((descriptions) => globalThis.stripes.finish(descriptions), answers);
  await receiver.evaluate(() => globalThis.stripes.receive());
  await emulator.begin();
  expect(await sender.evaluate((options) => globalThis.stripes.send(options), { bytes, limitSeconds: 20 })).not.toBeNull();
  const { ab } = await emulator.stats();
  await emulator.checkPath(sender);
  await Promise.all([sender, receiver].map((page) => page.close()));
  return ab.queueMsP95;
}

test('chromium: a lane set keeps a deep queue short, unless it does not pace', { tag: '@alone' }, async ({ emulator, openPage }) => {
  await emulator.set({ direction: 'both', delayMs: 20, rateMbps: 20, queueBytes: 2_000_000 });
  const run = async (pacing: boolean): Promise<number> =>
    runLaneSet(emulator, await openPair(emulator, openPage, 'chromium', '/pages/stripes.html'), 5_000_000, pacing);
  expect(await run(true)).toBeLessThan(150);
  expect(await run(false)).toBeGreaterThan(300);
});

test('chromium: where the link loses, the naive pump is not there in twice the time', { tag: '@alone' }, async ({ emulator, openPage, room }) => {
  const bytes = 8_000_000;
  await emulator.set({ direction: 'both', delayMs: 40, rateMbps: 50, queueBytes: 400_000, loss: 0.005 });
  const millrace = await runMillrace(emulator, await openPair(emulator, openPage, 'chromium', '/pages/bare.html'), room, bytes);
  const naive = await runNaive(emulator, await openPair(emulator, openPage, 'chromium', '/pages/raw.html'), bytes, 2 * millrace.seconds);
  expect(naive.arrivedInTime).toBe(false);
  // It was under way.
  expect(naive.carriedBytes).toBeGreaterThan(bytes / 100);
  // Losses hold each window down: only many of them fill the link.
  expect(millrace.lanes).toBeGreaterThan(3);
});
