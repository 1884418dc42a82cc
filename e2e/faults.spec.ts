// What ends a transfer early ends it on both sides, with a typed error; what breaks on the way does not end it.
import { Bare, connectPair, type Outcome } from './support/bare.js';
import { expect, nameOf, pairings, tagOf, test, type Pairing, type Side } from './support/fixtures.js';
import type { Page } from '@playwright/test';

const largeSize = 4 * 1024 * 1024;
const midwayBytes = 1024 * 1024;
const seed = 42;
/** So that what is left takes longer than the test needs for its next step: of what goes on after it, and of what ends there. */
const unhurried = { bandwidthLimit: 4_000_000 };
const slow = { bandwidthLimit: 1_000_000 };

interface Pair {
  readonly sender: Bare;
  readonly receiver: Bare;
}

type OpenPage = (name: Pairing['sender'], side: Side, path: string) => Promise<Page>;

async function openPair(openPage: OpenPage, pairing: Pairing): Promise<Pair> {
  const sender = await Bare.of(await openPage(pairing.sender, 'sender', '/pages/bare.html'));
  const receiver = await Bare.of(await openPage(pairing.receiver, 'receiver', '/pages/bare.html'));
  await sender.call('prepare', [largeSize], seed);
  return { sender, receiver };
}

/** Starts a transfer and comes back while it is under way. */
async function startMidway({ sender, receiver }: Pair): Promise<{ sending: number; receiving: number }> {
  const sending = await sender.call('send', seed);
  await receiver.call('nextOffer');
  const receiving = await receiver.call('accept', 'memory');
  await receiver.call('untilBytes', receiving, midwayBytes);
  return { sending, receiving };
}

async function outcomes({ sender, receiver }: Pair, { sending, receiving }: { sending: number; receiving: number }): Promise<Outcome[]> {
  return Promise.all([sender.call('outcome', sending, { seed, hash: false }), receiver.call('outcome', receiving, { hash: false })]);
}

function expectWhole([sent, received]: Outcome[], bytes: number): void {
  expect(sent?.error).toBeUndefined();
  expect(received?.error).toBeUndefined();
  expect(received?.bytes).toBe(bytes);
  expect(received?.files?.map(({ sha256 }) => sha256)).toEqual(sent?.files?.map(({ sha256 }) => sha256));
  expect(received?.files?.map(({ root }) => root)).toEqual(sent?.files?.map(({ root }) => root));
}

async function outcomesWithHashes({ sender, receiver }: Pair, { sending, receiving }: { sending: number; receiving: number }): Promise<Outcome[]> {
  return Promise.all([sender.call('outcome', sending, { seed }), receiver.call('outcome', receiving)]);
}

for (const [index, pairing] of pairings.entries()) {
  // In turns, for time: over the matrix each browser is met in both.
  const worker = index % 2 === 0;
  test(`${nameOf(pairing)}, ${worker ? 'in workers' : 'in the windows'}: connections closed in mid-transfer are made again`, { tag: tagOf(pairing) }, async ({ openPage, room }) => {
    const pair = await openPair(openPage, pairing);
    await connectPair(pair.sender, pair.receiver, { room, worker, lanes: { min: 3 }, ...unhurried });
    for (const closer of ['sender', 'receiver'] as const) {
      for (const which of ['one', 'bulk', 'all'] as const) {
        await test.step(`${closer} closes ${which}`, async () => {
          const transfer = await startMidway(pair);
          expect(await pair[closer].call('closeConnections', which)).toBeGreaterThan(0);
          const whole = await outcomesWithHashes(pair, transfer);
          expectWhole(whole, largeSize);
          const reconnected = whole.map(({ states }) => states.includes('reconnecting'));
          expect(reconnected).toEqual([which === 'all', which === 'all']);
        });
      }
    }
    await Promise.all([pair.sender.call('closePeer'), pair.receiver.call('closePeer')]);
  });

  test(`${nameOf(pairing)}: channels closed in mid-transfer are made again`, { tag: tagOf(pairing) }, async ({ openPage, room }) => {
    const pair = await openPair(openPage, pairing);
    // In the windows: a channel in a worker is out of the page's reach.
    await connectPair(pair.sender, pair.receiver, { room, worker: false, ...unhurried });
    for (const closer of ['sender', 'receiver'] as const) {
      for (const which of ['bulk', 'all'] as const) {
        await test.step(`${closer} closes ${which}`, async () => {
          const transfer = await startMidway(pair);
          expect(await pair[closer].call('closeChannels', which)).toBeGreaterThan(0);
          expectWhole(await outcomesWithHashes(pair, transfer), largeSize);
        });
      }
    }
  });

  test(`${nameOf(pairing)}: cancel and reject end a transfer on both sides, and the session goes on`, { tag: tagOf(pairing) }, async ({ openPage, complaints, room }) => {
    const pair = await openPair(openPage, pairing);
    const { sender, receiver } = pair;
    await connectPair(sender, receiver, { room, ...slow });

    for (const side of ['sender', 'receiver'] as const) {
      await test.step(`${side} cancels in mid-transfer`, async () => {
        const transfer = await startMidway(pair);
        await pair[side].call('cancel', side === 'sender' ? transfer.sending : transfer.receiving, 'enough');
        for (const outcome of await outcomes(pair, transfer)) {
          expect(outcome.state).toBe('cancelled');
          expect(outcome.error).toMatchObject({ name: 'MillraceError', code: 'cancelled' });
        }
      });
    }

    await test.step('receiver rejects the offer', async () => {
      const sending = await sender.call('send', seed);
      await receiver.call('nextOffer');
      await receiver.call('reject', 'no, thank you');
      const outcome = await sender.call('outcome', sending, { hash: false });
      expect(outcome.error).toMatchObject({ name: 'MillraceError', code: 'rejected' });
      expect(outcome.error?.message).toContain('no, thank you');
    });

    await test.step('a transfer after all that', async () => {
      await sender.call('prepare', [1_000_000], 7);
      const sending = await sender.call('send', 7);
      await receiver.call('nextOffer');
      const receiving = await receiver.call('accept', 'memory');
      const [sent, received] = await Promise.all([sender.call('outcome', sending, { seed: 7 }), receiver.call('outcome', receiving)]);
      expect(received.files?.[0]?.sha256).toBe(sent.files?.[0]?.sha256);
      expect(sent.state).toBe('done');
    });
    expect(complaints).toEqual([]);
  });

  test(`${nameOf(pairing)}: closing the peer in mid-transfer fails both sides with 'closed'`, { tag: tagOf(pairing) }, async ({ openPage, room }) => {
    const pair = await openPair(openPage, pairing);
    for (const side of ['sender', 'receiver'] as const) {
      await test.step(`${side} closes`, async () => {
        await connectPair(pair.sender, pair.receiver, { room: `${room}-${side}`, ...slow });
        const transfer = await startMidway(pair);
        await pair[side].call('closePeer');
        for (const outcome of await outcomes(pair, transfer)) {
          expect(outcome.state).toBe('failed');
          expect(outcome.error).toMatchObject({ name: 'MillraceError', code: 'closed' });
        }
        await Promise.all([pair.sender.call('untilClosed'), pair.receiver.call('untilClosed')]);
        // The connections stay open a moment after the state says 'closed', for the engine's last messages.
        await expect.poll(() => pair.sender.call('connectionCount')).toBe(0);
        await expect.poll(() => pair.receiver.call('connectionCount')).toBe(0);
      });
    }
  });
}
