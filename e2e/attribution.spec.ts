// What a transfer waits for is named: one thing is slow at a time, in browsers as they are.
import type { Page } from '@playwright/test';
import type { WaitingShares } from '../web/core.js';
import { Bare, connectPair, type BareApi } from './support/bare.js';
import type { BrowserName, Side } from './support/fixtures.js';
import { attachPair, expect, test } from './support/link.js';

type Options = Omit<Parameters<BareApi['connect']>[0], 'room'>;
type OpenPage = (name: BrowserName, side: Side, path: string) => Promise<Page>;

interface Scenario {
  readonly options?: Options;
  /** Before the pages connect. */
  prepare?(pages: readonly [Page, Page]): Promise<void>;
  send(sender: Bare): Promise<number>;
  accept?(receiver: Bare): Promise<number>;
}

/** The sender's word for a transfer that ends well. */
async function run(openPage: OpenPage, room: string, { options, prepare, send, accept }: Scenario): ReturnType<typeof statsOf> {
  const pages = [await openPage('chromium', 'sender', '/pages/bare.html'), await openPage('chromium', 'receiver', '/pages/bare.html')] as const;
  await prepare?.(pages);
  const [sender, receiver] = [await Bare.of(pages[0]), await Bare.of(pages[1])];
  await connectPair(sender, receiver, { room, lanes: { min: 1, max: 1 }, ...options });
  const sending = await send(sender);
  await receiver.call('nextOffer');
  const receiving = await (accept?.(receiver) ?? receiver.call('accept', 'memory'));
  const [sent, received] = await Promise.all([sender.call('outcome', sending, { hash: false }), receiver.call('outcome', receiving, { hash: false })]);
  expect(sent.error).toBeUndefined();
  expect(received.error).toBeUndefined();
  return statsOf(sender, sending);
}

async function statsOf(sender: Bare, sending: number) {
  const { waiting, bottleneck, recommendation } = await sender.call('statsOf', sending);
  const shares: WaitingShares = waiting!;
  expect(Object.values(shares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6);
  const [first] = Object.entries(shares).sort(([, a], [, b]) => b - a);
  return { waits: first![0], share: first![1], bottleneck, recommendation };
}

const sendFile = (bytes: number) => async (sender: Bare): Promise<number> => {
  await sender.call('prepare', [bytes], 3);
  return sender.call('send', 3);
};

test('a slow source', async ({ openPage, room }) => {
  const stats = await run(openPage, room, { send: (sender) => sender.call('sendSlowly', 3_000_000, 1_000_000) });
  expect(stats).toMatchObject({ waits: 'source', bottleneck: 'none' });
  expect(stats.share).toBeGreaterThan(0.6);
  expect(stats.recommendation).toContain('source');
});

test('slow sealing', async ({ openPage, room }) => {
  // The core as it is, but for a sender's time: after each record of bulk its processor is busy for a while.
  const slow = `
    import load from './millrace_core.js?real';
    export default async (options) => {
      const core = await load(options);
      const seal = core.Session.prototype.pollOutput;
      core.Session.prototype.pollOutput = function (now) {
        const sealed = seal.call(this, now);
        const bulk = sealed && core.HEAPF64[this.mailbox() / 8] > 0;
        for (const end = performance.now() + (bulk ? 25 : 0); performance.now() < end; );
        return sealed;
      };
      return core;
    };`;
  const stats = await run(openPage, room, {
    options: { worker: false },
    prepare: async ([page]) => {
      await page.route(/\/millrace_core\.js$/, (route) => route.fulfill({ contentType: 'text/javascript', body: slow }));
    },
    send: sendFile(2_000_000),
  });
  expect(stats).toMatchObject({ waits: 'seal', bottleneck: 'cpu' });
  expect(stats.share).toBeGreaterThan(0.5);
});

test('tiny channel buffers', async ({ openPage, room }) => {
  const stats = await run(openPage, room, {
    options: { waterMarks: { high: 1, low: 0 } },
    send: sendFile(16_000_000),
  });
  expect(stats).toMatchObject({ waits: 'channel', bottleneck: 'backpressure' });
  expect(stats.share).toBeGreaterThan(0.5);
});

test('a slow link', async ({ openPage, emulator, room }) => {
  await emulator.set({ direction: 'both', delayMs: 10, rateMbps: 10, queueBytes: 50_000 });
  const stats = await run(openPage, room, { prepare: (pages) => attachPair(emulator, pages), send: sendFile(3_500_000) });
  expect(stats).toMatchObject({ waits: 'network', bottleneck: 'network-bandwidth' });
  expect(stats.share).toBeGreaterThan(0.8);
});

test('a slow sink', async ({ openPage, room }) => {
  const stats = await run(openPage, room, {
    send: sendFile(9_000_000),
    accept: (receiver) => receiver.call('acceptIntoStream', { bytesPerSecond: 2_500_000, hash: false }),
  });
  expect(stats).toMatchObject({ waits: 'sink', bottleneck: 'backpressure' });
  expect(stats.share).toBeGreaterThan(0.5);
});
