// Values of every kind where callers pass them by mistake: the call fails, or takes their text, and both sessions live.
import { Bare, connectPair } from './support/bare.js';
import { expect, test } from './support/fixtures.js';

/** A transfer that waits for its answer. */
async function offer(a: Bare, b: Bare): Promise<number> {
  const sending = await a.call('send', 1);
  await b.call('nextOffer');
  return sending;
}

for (const name of ['chromium', 'firefox'] as const) {
  for (const place of ['worker', 'window']) {
    // In turns, for time; the others are long tests.
    const tag = (name === 'chromium') === (place === 'worker') ? [] : ['@long'];
    test(`${name}: wrong arguments end no session with the engine in the ${place}`, { tag }, async ({ openPage, complaints, room }) => {
      const a = await Bare.of(await openPage(name, 'sender', '/pages/bare.html'));
      const b = await Bare.of(await openPage(name, 'receiver', '/pages/bare.html'));
      await connectPair(a, b, { room, worker: place === 'worker' });
      await a.call('prepare', [10_000], 1);

      for (const [index, [value, text]] of (await a.call('anyValues')).entries()) {
        const cancelled = await offer(a, b);
        await a.call('cancelWith', cancelled, index);
        const receiving = await b.call('accept', 'memory');
        expect((await a.call('outcome', cancelled)).error, value).toMatchObject({ code: 'cancelled', explanation: text, byPeer: false });
        expect((await b.call('outcome', receiving)).error, value).toMatchObject({ code: 'cancelled', explanation: text, byPeer: true });

        const rejected = await offer(a, b);
        await b.call('rejectWith', index);
        expect((await a.call('outcome', rejected)).error, value).toMatchObject({ code: 'rejected', explanation: text, byPeer: true });

        const unstored = await offer(a, b);
        const into = await b.call('acceptIntoValue', index);
        expect((await b.call('outcome', into)).error, value).toMatchObject({ code: 'sink-failed', byPeer: false });
        expect((await a.call('outcome', unstored)).error, value).toMatchObject({ code: 'sink-failed', byPeer: true });
      }

      const sending = await offer(a, b);
      expect(await b.call('findTaken')).toEqual([]);
      // None of that has answered the offer, and a file still crosses.
      const receiving = await b.call('accept', 'memory');
      await a.call('callIdly', sending);
      await b.call('callIdly', receiving);
      const [sent, received] = await Promise.all([a.call('outcome', sending, { seed: 1 }), b.call('outcome', receiving)]);
      expect(received.files?.[0]?.sha256).toBe(sent.files?.[0]?.sha256);
      for (const side of [a, b]) expect((await side.call('peer')).state).toBe('connected');
      expect(complaints).toEqual([]);
    });
  }
}
