// Files of every size that matters, between every pair of browsers, in a worker and in the window, to both sinks (all pairs and places with
// --long).
import { Bare, connectPair } from './support/bare.js';
import { expect, nameOf, pairings, tagOf, test } from './support/fixtures.js';

const KiB = 1024;
/** Around both ends of the chunk sizes, where off-by-one errors live. */
const edgeSizes = [0, 1, 16 * KiB - 1, 16 * KiB, 16 * KiB + 1, 256 * KiB - 1, 256 * KiB, 256 * KiB + 1];
const largeSize = 50 * KiB * KiB;

interface Batch {
  readonly title: string;
  readonly seed: number;
  readonly sizes: number[];
}

const batches: readonly Batch[] = [
  { title: 'nothing at all', seed: 11, sizes: [0] },
  { title: 'every edge size at once', seed: 100, sizes: edgeSizes },
  { title: '50 MiB', seed: 300, sizes: [largeSize] },
];

for (const [index, pairing] of pairings.entries()) {
  for (const worker of [true, false]) {
    // In turns, for time: over the matrix each browser is met in both. The others are long tests.
    const isTurn = (index % 2 === 0) === worker;
    test(`${nameOf(pairing)}, ${worker ? 'in workers' : 'in the windows'}: bytes and roots agree`, { tag: isTurn ? tagOf(pairing) : ['@long'] }, async ({ openPage, complaints, room }) => {
      const sender = await Bare.of(await openPage(pairing.sender, 'sender', '/pages/bare.html'));
      const receiver = await Bare.of(await openPage(pairing.receiver, 'receiver', '/pages/bare.html'));
      await connectPair(sender, receiver, { room, worker });
      expect((await sender.call('peer')).stats.worker).toBe(worker);
      expect((await receiver.call('peer')).stats.worker).toBe(worker);

      for (const { title, seed, sizes } of batches) {
        await sender.call('prepare', sizes, seed);
        // The large one goes to either sink in turns, for time: over the matrix, both sinks meet both threads.
        const turn = pairing.receiver === 'chromium' ? 'opfs' : 'memory';
        const sinks = sizes.includes(largeSize) ? [turn] as const : (['memory', 'opfs'] as const);
        for (const sink of sinks) {
          await test.step(`${title} to ${sink}`, async () => {
            const total = sizes.reduce((sum, size) => sum + size, 0);
            const sending = await sender.call('send', seed);
            const offer = await receiver.call('nextOffer');
            expect(offer.totalBytes).toBe(total);
            expect(offer.files.map((file) => file.size)).toEqual(sizes);

            const receiving = await receiver.call('accept', sink);
            const [sent, received] = await Promise.all([
              sender.call('outcome', sending, { seed }),
              receiver.call('outcome', receiving),
            ]);
            expect(sent.error).toBeUndefined();
            expect(received.error).toBeUndefined();
            expect(received.files?.map((file) => file.blobSize)).toEqual(sizes);
            expect(received.files?.map((file) => file.sha256)).toEqual(sent.files?.map((file) => file.sha256));
            expect(received.files?.map((file) => file.root)).toEqual(sent.files?.map((file) => file.root));
            for (const file of received.files ?? []) expect(file.root).toMatch(/^[0-9a-f]{64}$/);
            expect(received.files?.map((file) => file.name)).toEqual(sizes.map((size, index) => `file-${index}-${size}.bin`));
            for (const side of [sent, received]) {
              expect(side.bytes).toBe(total);
              expect(side.state).toBe('done');
              expect(side.states.at(-1)).toBe('done');
              expect(side.progressRises).toBe(true);
              if (total > 0) expect(side.lastProgress).toBe(total);
            }
          });
        }
      }

      // Equal bytes give an equal root, other bytes another: the root says something about the content.
      const roots: string[] = [];
      for (const seed of [700, 700, 701]) {
        await sender.call('prepare', [100_000], seed);
        const sending = await sender.call('send', seed);
        await receiver.call('nextOffer');
        await receiver.call('accept', 'memory');
        const { files } = await sender.call('outcome', sending, { seed });
        roots.push(files?.[0]?.root ?? '');
      }
      expect(roots[1]).toBe(roots[0]);
      expect(roots[2]).not.toBe(roots[0]);

      expect(await sender.call('violations')).toEqual([]);
      expect(await receiver.call('violations')).toEqual([]);
      expect(complaints).toEqual([]);
    });
  }
}
