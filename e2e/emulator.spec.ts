// The emulated link is what it is said to be, and pages cannot go around it.
import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from '@playwright/test';
import { startEmulator } from './emulator/emulator.mjs';
import { connectByDescription } from '../scripts/lib/measure.mjs';
import { Bare, connectPair } from './support/bare.js';
import { attachPair, expect, test } from './support/link.js';

interface RawApi {
  echo(): Promise<void>;
  ping(count: number): Promise<number[]>;
  receive(bytes: number): Promise<void>;
  send(options: { bytes: number; messageBytes: number; highWater: number }): Promise<number>;
}

declare global {
  // Of e2e/pages/raw.js.
  var raw: RawApi;
}

/** Firefox rounds `performance.now()` to this, ms: a time between two of them may be shorter by as much. */
const clockMs = 1;

function transfer(sender: Page, receiver: Page, bytes: number): Promise<number> {
  const sending = { bytes, messageBytes: 16_384, highWater: 1_048_576 };
  return receiver.evaluate((count) => globalThis.raw.receive(count), bytes)
    .then(() => sender.evaluate((options) => globalThis.raw.send(options), sending));
}

interface Datagrams {
  readonly socket: Socket;
  readonly port: number;
  /** What has arrived, with the time of each, ms. */
  readonly received: { text: string; at: number }[];
  send(port: number, text: string): void;
}

/** A UDP socket of this process. */
async function openSocket(): Promise<Datagrams> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const received: Datagrams['received'] = [];
  socket.on('message', (message) => received.push({ text: message.toString(), at: performance.now() }));
  return { socket, port: socket.address().port, received, send: (port, text) => socket.send(text, port, '127.0.0.1') };
}

test('each direction has its own settings, and each socket may be further away', async ({ emulator }) => {
  const [near, far, other] = [await openSocket(), await openSocket(), await openSocket()];
  try {
    // The relays that the sockets send to, and what stands for them.
    const toOther = await emulator.map('b', '127.0.0.1', other.port);
    const toNear = await emulator.map('a', '127.0.0.1', near.port);
    await emulator.map('a', '127.0.0.1', far.port, { extraDelayMs: 150 });
    await emulator.set({ direction: 'ab', delayMs: 10 });
    await emulator.set({ direction: 'ba', blackoutMs: 300 });

    const start = performance.now();
    far.send(toOther, 'far');
    near.send(toOther, 'near');
    other.send(toNear, 'lost in the outage');
    await expect.poll(() => other.received.length).toBe(2);
    expect(other.received.map(({ text }) => text)).toEqual(['near', 'far']);
    const [nearAfterMs, farAfterMs] = other.received.map(({ at }) => at - start);
    expect(nearAfterMs).toBeGreaterThan(10);
    expect(farAfterMs).toBeGreaterThan(160);

    await delay(310 - (performance.now() - start));
    other.send(toNear, 'after the outage');
    await expect.poll(() => near.received.map(({ text }) => text)).toEqual(['after the outage']);
    const { ab, ba } = await emulator.stats();
    expect([ab.droppedByBlackout, ab.carriedPackets]).toEqual([0, 2]);
    expect([ba.droppedByBlackout, ba.carriedPackets]).toEqual([1, 1]);
    await expect(emulator.map('a', '127.0.0.1', near.port, { extraDelayMs: -1 })).rejects.toThrow(/extraDelayMs/);
    await expect(emulator.set({ direction: 'ab', blackoutMs: 1e9 })).rejects.toThrow(/out of its range/);
  } finally {
    for (const { socket } of [near, far, other]) socket.close();
  }
});

for (const name of ['chromium', 'firefox'] as const) {
  test(`${name}: delay, rate, loss and blackouts are those of the link, and nothing goes around it`, { tag: '@alone' }, async ({ emulator, openPage, complaints }) => {
    const sender = await openPage(name, 'sender', '/pages/raw.html');
    const receiver = await openPage(name, 'receiver', '/pages/raw.html');
    await attachPair(emulator, [sender, receiver]);
    await expect(emulator.checkPath(sender)).rejects.toThrow(/0 connections/);
    await emulator.set({ direction: 'ab', delayMs: 20 });
    await emulator.set({ direction: 'ba', delayMs: 40 });
    await connectByDescription(sender, receiver, 'raw');
    await receiver.evaluate(() => globalThis.raw.echo());

    await test.step('a round trip takes both delays', async () => {
      const roundTrips = await sender.evaluate(() => globalThis.raw.ping(8));
      expect(Math.min(...roundTrips)).toBeGreaterThanOrEqual(60 - clockMs);
      expect(Math.min(...roundTrips)).toBeLessThan(120);
    });

    await test.step('the paths lead through the relays of this link and of no other', async () => {
      const other = startEmulator();
      for (const page of [sender, receiver]) {
        await emulator.checkPath(page);
        await expect(other.checkPath(page)).rejects.toThrow(/goes around the link/);
      }
      await other.stop();
    });

    await test.step('a blackout stops what is sent, and no longer than it lasts', async () => {
      await emulator.set({ direction: 'both', blackout: true });
      let done = false;
      const ping = sender.evaluate(() => globalThis.raw.ping(1)).then((roundTrips) => {
        done = true;
        return roundTrips;
      });
      await expect.poll(async () => (await emulator.stats()).ab.droppedByBlackout).toBeGreaterThan(1);
      expect(done).toBe(false);
      await emulator.set({ direction: 'both', blackout: false });
      expect((await ping)[0]).toBeGreaterThan(60);
    });

    await test.step('the rate is a limit', async () => {
      await emulator.set({ direction: 'both', delayMs: 5, rateMbps: 8, queueBytes: 1_000_000 });
      await emulator.begin();
      // The payload alone takes a second.
      const seconds = await transfer(sender, receiver, 1_000_000);
      expect(seconds).toBeGreaterThan(1 - clockMs / 1000);
      const { ab, missedPackets, unsentPackets } = await emulator.stats();
      expect(ab.carriedBytes).toBeGreaterThan(1_000_000);
      // What was queued before `begin` is in it, hence the second.
      expect((ab.carriedBytes * 8) / 8e6).toBeLessThan(seconds + 1);
      expect([ab.droppedByQueue, missedPackets, unsentPackets]).toEqual([0, 0, 0]);
      expect(ab.queueMsP95).toBeGreaterThan(1);
    });

    await test.step('loss loses, and a short queue overflows', async () => {
      await emulator.set({ direction: 'ab', loss: 0.02, rateMbps: 50, queueBytes: 10_000 });
      await emulator.begin();
      await transfer(sender, receiver, 300_000);
      const { ab, ba } = await emulator.stats();
      expect(ab.droppedByLoss).toBeGreaterThan(0);
      expect(ab.droppedByQueue).toBeGreaterThan(0);
      expect(ab.offeredPackets).toBeGreaterThan(ab.carriedPackets);
      expect(ba.droppedByLoss).toBe(0);
    });
    expect(complaints).toEqual([]);
  });

  test(`${name}: Millrace over 20 Mbit/s and 40 ms, all its connections through the link`, { tag: '@alone' }, async ({ emulator, openPage, complaints, room }) => {
    const bytes = 5_000_000;
    const pages = [await openPage(name, 'sender', '/pages/bare.html'), await openPage(name, 'receiver', '/pages/bare.html')] as const;
    await emulator.set({ direction: 'both', delayMs: 20, rateMbps: 20, queueBytes: 2_000_000 });
    await attachPair(emulator, pages);
    const [sender, receiver] = [await Bare.of(pages[0]), await Bare.of(pages[1])];
    await connectPair(sender, receiver, { room });
    await sender.call('prepare', [bytes], 3);
    await emulator.begin();
    const sending = await sender.call('send', 3);
    await receiver.call('nextOffer');
    const receiving = await receiver.call('accept', 'memory');
    const [sent, received] = await Promise.all([sender.call('outcome', sending, { seed: 3 }), receiver.call('outcome', receiving)]);
    expect(received.error).toBeUndefined();
    expect(received.files?.[0]?.sha256).toBe(sent.files?.[0]?.sha256);
    expect(sent.seconds).toBeGreaterThan((bytes * 8) / 20e6 - clockMs / 1000);
    // The control connection and at least one lane, which is signalled in band.
    for (const page of pages) await emulator.checkPath(page, 2);
    const { ab, unknownPackets } = await emulator.stats();
    expect(ab.carriedBytes).toBeGreaterThan(bytes);
    expect(unknownPackets).toBe(0);
    expect(complaints).toEqual([]);
  });
}
