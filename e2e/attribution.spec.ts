// What a transfer waits for is named: one thing is slow at a time, in browsers as they are.
import type { Page } from '@playwright/test';
import { drawLog, readLog } from '../scripts/lib/log_svg.mjs';
import type { WaitingShares } from '../web/api/statistics.js';
import { Bare, connectPair, type BareApi } from './support/bare.js';
import type { BrowserName, Side } from './support/fixtures.js';
import { attachPair, expect, test } from './support/link.js';

type Options = Omit<Parameters<BareApi['connect']>[0], 'room'>;
type OpenPage = (name: BrowserName, side: Side, path: string) => Promise<Page>;

interface Scenario {
  readonly options?: Options;
  /** Before the pages connect. */
  readonly prepare?: (pages: readonly [Page, Page]) => Promise<void>;
  readonly send: (sender: Bare) => Promise<number>;
  readonly accept?: (receiver: Bare) => Promise<number>;
}

interface Findings {
  /** What the sender waited for most, and its share. */
  readonly waits: string;
  readonly share: number;
  readonly bottleneck: string;
  readonly recommendation: string;
  /** What the receiver did. */
  readonly receiverWaits: string;
  /** With the option `log`. */
  readonly logs: readonly string[];
}

/** What both sides say of a transfer that ends well. */
async function run(openPage: OpenPage, room: string, { options, prepare, send, accept }: Scenario): Promise<Findings> {
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
  const [ours, theirs] = [await sender.call('statsOf', sending), await receiver.call('statsOf', receiving)];
  const [waits, share] = mostOf(ours.waiting!);
  const [receiverWaits] = mostOf(theirs.waiting!);
  const logs = [await sender.call('logOf', sending), await receiver.call('logOf', receiving)];
  return { waits, share, bottleneck: ours.bottleneck, recommendation: ours.recommendation, receiverWaits, logs };
}

function mostOf(shares: WaitingShares): [string, number] {
  const entries = Object.entries<number>({ ...shares });
  expect(entries.reduce((sum, [, share]) => sum + share, 0)).toBeCloseTo(1, 6);
  return entries.sort(([, a], [, b]) => b - a)[0]!;
}

const sendFile = (bytes: number) => async (sender: Bare): Promise<number> => {
  await sender.call('prepare', [bytes], 3);
  return sender.call('send', 3);
};

test('a slow source', { tag: '@alone' }, async ({ openPage, room }) => {
  const stats = await run(openPage, room, { send: (sender) => sender.call('sendSlowly', 3_000_000, 1_000_000) });
  expect(stats).toMatchObject({ waits: 'source', bottleneck: 'none' });
  expect(stats.share).toBeGreaterThan(0.6);
  expect(stats.recommendation).toContain('source');
});

test('slow sealing', { tag: '@alone' }, async ({ openPage, room }) => {
  // The core as it is, but for a sender's time: after each record of bulk its processor is busy for a while.
  const slow = `
    import load from './millrace_core.js?real';
    export default async (options) => {
      const core = await load(options);
      const seal = core.Session.prototype.pollOutput;
      core.Session.prototype.pollOutput = function (now) {
        const sealed = seal.call(this, now);
        const lane = sealed ? core.HEAPF64[this.mailbox() / 8] : 0;
        const bulk = lane > 0 && lane < 0xffffffff;
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

test('tiny channel buffers', { tag: '@alone' }, async ({ openPage, room }) => {
  const stats = await run(openPage, room, {
    options: { waterMarks: { high: 1, low: 0 } },
    // Some seconds: the bottleneck is judged once a second.
    send: sendFile(48_000_000),
  });
  expect(stats).toMatchObject({ waits: 'channel', bottleneck: 'backpressure' });
  expect(stats.share).toBeGreaterThan(0.5);
});

test('a slow link', { tag: '@alone' }, async ({ openPage, emulator, room }) => {
  await emulator.set({ direction: 'both', delayMs: 10, rateMbps: 10, queueBytes: 50_000 });
  const stats = await run(openPage, room, {
    options: { log: true },
    prepare: (pages) => attachPair(emulator, pages),
    send: sendFile(3_500_000),
  });
  expect(stats).toMatchObject({ waits: 'network', bottleneck: 'network-bandwidth', receiverWaits: 'network' });
  expect(stats.share).toBeGreaterThan(0.8);

  // The start ends at the link's rate.
  const phases = readLog(stats.logs[0]!).entries.filter(({ type }) => type === 'rate');
  expect(phases.map(({ phase }) => phase).slice(0, 2)).toEqual(['start', 'drain']);
  // The logs of both sides tell the same story.
  for (const [index, log] of stats.logs.entries()) {
    const { about, entries } = readLog(log);
    expect(about).toMatchObject({ direction: index === 0 ? 'send' : 'receive', files: 1, totalBytes: 3_500_000, dropped: 0 });
    const states = entries.filter(({ type }) => type === 'transfer').map(({ state }) => state);
    expect(states).toEqual(['offered', 'accepted', 'done']);
    const samples = entries.filter(({ type }) => type === 'link');
    expect(samples.length).toBeGreaterThan(10);
    expect(samples.at(-1)![index === 0 ? 'acked' : 'received']).toBeGreaterThan(3_000_000);
    expect(entries.every(({ t }, at) => at === 0 || t >= entries[at - 1]!.t)).toBe(true);
    expect(drawLog(log)).toContain('waited for');
    expect(log).not.toContain('file-0');
  }
});

test('a slow sink', { tag: '@alone' }, async ({ openPage, room }) => {
  const stats = await run(openPage, room, {
    send: sendFile(9_000_000),
    accept: (receiver) => receiver.call('acceptIntoStream', { bytesPerSecond: 1_000_000, hash: false }),
  });
  expect(stats).toMatchObject({ waits: 'sink', bottleneck: 'backpressure', receiverWaits: 'sink', logs: ['', ''] });
  expect(stats.share).toBeGreaterThan(0.5);
});
