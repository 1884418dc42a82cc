// millrace/parts on a connection that two pages keep themselves.
import type { Page } from '@playwright/test';
import type { BenchmarkResult, LaneSetStats, LanDetection, QualitySample } from '../web/parts.js';
import { nameOf, pairings, test, expect } from './support/fixtures.js';

interface PlainError {
  readonly name: string;
  readonly code: string;
}

/** The functions of e2e/pages/parts.js. */
interface PartsApi {
  offer(options: object): Promise<RTCSessionDescriptionInit>;
  answer(offer: RTCSessionDescriptionInit, options: object): Promise<RTCSessionDescriptionInit>;
  finish(answer: RTCSessionDescriptionInit): Promise<void>;
  ready(): Promise<number>;
  send(size: number, options?: { closeAfter?: number; blob?: boolean }): Promise<{ value?: { chunks: number }; error?: PlainError; sha256: string }>;
  receive(): void;
  received(): Promise<{ bytes?: number; sha256?: string; error?: PlainError }>;
  stats(): LaneSetStats;
  detectLan(): Promise<LanDetection | undefined>;
  quality(): { latest?: QualitySample; mean?: QualitySample; quality?: number; count: number; samples: QualitySample[] };
  closeConnection(): void;
  fill(): Promise<{
    sent: number;
    paused: { isPaused: boolean; hasBackpressure: boolean; bufferLevel: number };
    after: { isPaused: boolean; buffered: number };
    said: string[];
  }>;
  answerBenchmark(): void;
  endAnswers(): void;
  runBenchmark(options: { fileSize: number; chunkSize?: number; lanes?: number }): Promise<{ value?: BenchmarkResult; error?: PlainError }>;
}

declare global {
  var parts: PartsApi;
  var partsReady: boolean | undefined;
}

const path = '/pages/parts.html';

async function connect(sender: Page, receiver: Page, options: object): Promise<void> {
  for (const page of [sender, receiver]) await page.waitForFunction(() => globalThis.partsReady === true);
  const offer = await sender.evaluate((lanes) => globalThis.parts.offer(lanes), options);
  const answer = await receiver.evaluate(([description, lanes]) => globalThis.parts.answer(description, lanes), [offer, options] as const);
  await sender.evaluate((description) => globalThis.parts.finish(description), answer);
  expect(await Promise.all([sender, receiver].map((page) => page.evaluate(() => globalThis.parts.ready())))).toEqual([3, 3]);
}

for (const pairing of pairings) {
  test(`${nameOf(pairing)}: lanes, backpressure and quality on a connection of the pages' own`, { tag: '@alone' }, async ({ openPage, complaints }) => {
    const sender = await openPage(pairing.sender, 'sender', path);
    const receiver = await openPage(pairing.receiver, 'receiver', path);
    await connect(sender, receiver, { lanes: 3 });

    // A lane closes in the middle; the other way around the data comes from a blob.
    await receiver.evaluate(() => globalThis.parts.receive());
    const sent = await sender.evaluate(() => globalThis.parts.send(4_000_000, { closeAfter: 20 }));
    expect(sent.error).toBeUndefined();
    expect(await receiver.evaluate(() => globalThis.parts.received())).toEqual({ bytes: 4_000_000, sha256: sent.sha256 });
    await sender.evaluate(() => globalThis.parts.receive());
    const back = await receiver.evaluate(() => globalThis.parts.send(1_000_001, { blob: true }));
    expect(back.error).toBeUndefined();
    expect(await sender.evaluate(() => globalThis.parts.received())).toEqual({ bytes: 1_000_001, sha256: back.sha256 });
    await expect.poll(() => sender.evaluate(() => globalThis.parts.stats().openLanes)).toBe(3);
    const stats = await sender.evaluate(() => globalThis.parts.stats());
    expect(stats.lanes.map(({ state }) => state)).toEqual(['open', 'open', 'open']);

    const filled = await sender.evaluate(() => globalThis.parts.fill());
    expect(filled.sent).toBeGreaterThan(10);
    expect(filled.paused).toEqual({ isPaused: true, hasBackpressure: true, bufferLevel: 1 });
    expect(filled.after.isPaused).toBe(false);
    expect(filled.after.buffered).toBeLessThanOrEqual(65_536);
    expect(filled.said).toEqual(['pause', 'resume']);

    // Both browsers have to count packets for the loss; Firefox does not.
    const counts = pairing.sender === 'chromium' && pairing.receiver === 'chromium';
    await expect
      .poll(async () => {
        const { count, mean: soFar } = await sender.evaluate(() => globalThis.parts.quality());
        return count > 3 && (!counts || soFar!.packetLoss !== undefined);
      })
      .toBe(true);
    const { mean, quality, samples } = await sender.evaluate(() => globalThis.parts.quality());
    expect(mean!.rtt).toBeGreaterThan(0);
    expect(mean!.bytesPerSecond).toBeGreaterThan(0);
    expect(quality).toBeGreaterThan(0);
    for (const sample of samples) for (const value of Object.values(sample)) expect(value).not.toBeNaN();
    if (counts) expect(mean!.packetLoss).toBeLessThan(0.5);
    else expect(mean!.packetLoss).toBeUndefined();
    expect((await sender.evaluate(() => globalThis.parts.detectLan()))!.hostPair).toBe(true);

    // The connection goes in the middle: both sides say so at once.
    await receiver.evaluate(() => globalThis.parts.receive());
    const receivedBytes = (): Promise<number> => receiver.evaluate(() => globalThis.parts.stats().bytesReceived);
    const before = await receivedBytes();
    const ending = sender.evaluate(() => globalThis.parts.send(60_000_000));
    await expect.poll(receivedBytes).toBeGreaterThan(before);
    const start = Date.now();
    await receiver.evaluate(() => globalThis.parts.closeConnection());
    expect((await receiver.evaluate(() => globalThis.parts.received())).error).toEqual({ name: 'MillraceError', code: 'lane-closed' });
    expect((await ending).error).toEqual({ name: 'MillraceError', code: 'lane-closed' });
    expect(Date.now() - start).toBeLessThan(4_000);
    expect(complaints).toEqual([]);
  });
}

for (const pairing of pairings) {
  test(`${nameOf(pairing)}: a benchmark of the pages' own connection, several times and both ways`, { tag: '@alone' }, async ({ openPage, complaints }) => {
    const sender = await openPage(pairing.sender, 'sender', path);
    const receiver = await openPage(pairing.receiver, 'receiver', path);
    await connect(sender, receiver, { lanes: 3 });
    for (const page of [sender, receiver]) await page.evaluate(() => globalThis.parts.answerBenchmark());
    for (const page of [sender, sender, receiver]) {
      const { value, error } = await page.evaluate(() => globalThis.parts.runBenchmark({ fileSize: 4_000_000, chunkSize: 16_384, lanes: 2 }));
      expect(error).toBeUndefined();
      expect(value).toMatchObject({ fileSize: 4_000_000, chunkSize: 16_384, lanes: 2 });
      expect(value!.megabytesPerSecond).toBeGreaterThan(0.1);
      expect(value!.megabitsPerSecond).toBeCloseTo(value!.megabytesPerSecond * 8);
      expect(value!.megabytesPerSecond).toBeCloseTo(4_000 / value!.durationMs);
      expect(value!.rtt).toBeGreaterThanOrEqual(0);
      expect(value!.bufferLevel).toBeGreaterThanOrEqual(0);
      expect(value!.bufferLevel).toBeLessThanOrEqual(1);
    }
    const none = await sender.evaluate(() => globalThis.parts.runBenchmark({ fileSize: 0 }));
    expect(none.error).toBeUndefined();
    expect(none.value).toMatchObject({ fileSize: 0, megabytesPerSecond: 0 });
    // The lanes that the pages have themselves are not touched.
    expect((await sender.evaluate(() => globalThis.parts.stats())).openLanes).toBe(3);

    await receiver.evaluate(() => globalThis.parts.endAnswers());
    const start = Date.now();
    const unanswered = await sender.evaluate(() => globalThis.parts.runBenchmark({ fileSize: 1_000 }));
    // A browser closes a channel that nobody holds sooner or later.
    expect(['timeout', 'rejected']).toContain(unanswered.error?.code);
    expect(Date.now() - start).toBeLessThan(18_000);
    expect(complaints).toEqual([]);
  });
}
