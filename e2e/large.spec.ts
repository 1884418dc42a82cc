// More than any memory holds, into a sink that is slower than the network: the long suite (scripts/test.sh e2e --long).
import type { CDPSession, Page } from '@playwright/test';
import { Bare, connectPair } from './support/bare.js';
import { expect, test } from './support/fixtures.js';

const MiB = 1024 * 1024;
const size = Number(process.env['MILLRACE_LARGE_MIB'] ?? 6 * 1024) * MiB;
const engineLimit = 50 * MiB;
const wasmLimit = 32 * MiB;

interface HeapUsage {
  /** JavaScript objects, bytes. */
  readonly usedSize: number;
  /** Array buffers, the WebAssembly memory among them, bytes. */
  readonly backingStorageSize: number;
}

/** Asks the engine's worker of a page how much memory it has. */
async function heapOfWorker(page: Page): Promise<() => Promise<HeapUsage>> {
  const session: CDPSession = await page.context().newCDPSession(page);
  const attached = new Promise<string>((resolve) => {
    session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (targetInfo.type === 'worker') resolve(sessionId);
    });
  });
  await session.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  const sessionId = await attached;
  let last = 0;
  const waiting = new Map<number, (usage: HeapUsage) => void>();
  session.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { id, result } = JSON.parse(message) as { id: number; result: HeapUsage };
    waiting.get(id)?.(result);
  });
  return () =>
    new Promise((resolve, reject) => {
      last += 1;
      waiting.set(last, resolve);
      session.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id: last, method: 'Runtime.getHeapUsage' }) }).catch(reject);
    });
}

test('a stream of 6 GiB into a slow sink, in fixed memory on both sides', { tag: '@long' }, async ({ openPage, room }) => {
  test.setTimeout(60 * 60_000);
  const pages = [await openPage('chromium', 'sender', '/pages/bare.html'), await openPage('chromium', 'receiver', '/pages/bare.html')] as const;
  const sender = await Bare.of(pages[0]);
  const receiver = await Bare.of(pages[1]);
  await connectPair(sender, receiver, { room, worker: true });
  const heaps = await Promise.all(pages.map(heapOfWorker));

  const sending = await sender.call('sendEndless', size);
  await receiver.call('nextOffer');
  // Faster than the network for two seconds, then nothing for one, and so on.
  const receiving = await receiver.call('acceptIntoStream', { pauseEvery: 2_000, pauseFor: 1_000, hash: false });
  const most = { used: 0, backing: 0 };
  let running = true;
  const watching = (async () => {
    while (running) {
      for (const heap of heaps) {
        const { usedSize, backingStorageSize } = await heap();
        most.used = Math.max(most.used, usedSize);
        most.backing = Math.max(most.backing, backingStorageSize);
        expect(usedSize + backingStorageSize).toBeLessThan(engineLimit);
      }
      await new Promise((resolve) => setTimeout(resolve, 2_000));
    }
  })();
  const [sent, received] = await Promise.all([
    sender.call('outcome', sending, { hash: false }),
    receiver.call('outcome', receiving, { hash: false }),
  ]);
  running = false;
  await watching;
  for (const { error } of [sent, received]) expect(error).toBeUndefined();
  expect(received.bytes).toBe(size);
  expect((await receiver.call('streamed', receiving)).bytes).toBe(size);
  expect(received.files?.[0]?.root).toBe(sent.files?.[0]?.root);
  for (const side of [sender, receiver]) expect((await side.call('peer')).stats.wasmBytes).toBeLessThanOrEqual(wasmLimit);
  console.log(
    `${size} bytes in ${sent.seconds.toFixed(0)} s; at most ${(most.used / MiB).toFixed(1)} MiB of objects and ${(most.backing / MiB).toFixed(1)} MiB of buffers in a worker`,
  );
});
