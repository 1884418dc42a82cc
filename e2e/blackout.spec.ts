// What a link can do to a session: be gone for a while, and lose more than unreliable lanes are worth.
import { Bare, connectPair } from './support/bare.js';
import { attachPair, expect, test } from './support/link.js';

for (const name of ['chromium', 'firefox'] as const) {
  test(`${name}: a link that is gone for twelve seconds costs little more than that`, async ({ emulator, openPage, room }) => {
    const bytes = 12_000_000;
    const pages = [await openPage(name, 'sender', '/pages/bare.html'), await openPage(name, 'receiver', '/pages/bare.html')] as const;
    await emulator.set({ direction: 'both', delayMs: 10, rateMbps: 50, queueBytes: 500_000 });
    await attachPair(emulator, pages);
    const [sender, receiver] = [await Bare.of(pages[0]), await Bare.of(pages[1])];
    await connectPair(sender, receiver, { room });
    await sender.call('prepare', [bytes], 4);
    const sending = await sender.call('send', 4);
    await receiver.call('nextOffer');
    const receiving = await receiver.call('accept', 'memory');
    await receiver.call('untilBytes', receiving, 3_000_000);
    await emulator.set({ direction: 'both', blackout: true });
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    await emulator.set({ direction: 'both', blackout: false });
    const [sent, received] = await Promise.all([sender.call('outcome', sending, { seed: 4 }), receiver.call('outcome', receiving)]);
    expect(sent.error).toBeUndefined();
    expect(received.files?.[0]?.sha256).toBe(sent.files?.[0]?.sha256);
    expect(sent.states).toContain('reconnecting');
    expect(sent.states.at(-1)).toBe('done');
    for (const page of pages) await emulator.checkPath(page, 2);
  });

  test(`${name}: unreliable lanes on a link that loses give way to reliable ones`, async ({ emulator, openPage, room }) => {
    const bytes = 8_000_000;
    const pages = [await openPage(name, 'sender', '/pages/bare.html'), await openPage(name, 'receiver', '/pages/bare.html')] as const;
    // A message of 16 KiB is 14 packets: a quarter of them is lost.
    await emulator.set({ direction: 'ab', delayMs: 2, rateMbps: 100, queueBytes: 500_000, loss: 0.02 });
    await attachPair(emulator, pages);
    const [sender, receiver] = [await Bare.of(pages[0]), await Bare.of(pages[1])];
    await connectPair(sender, receiver, { room, delivery: 'unreliable' });
    await sender.call('prepare', [bytes], 6);
    const sending = await sender.call('send', 6);
    await receiver.call('nextOffer');
    const receiving = await receiver.call('accept', 'memory');
    await sender.call('untilLog', 'reliable lanes replace them');
    const [sent, received] = await Promise.all([sender.call('outcome', sending, { seed: 6 }), receiver.call('outcome', receiving)]);
    expect(sent.error).toBeUndefined();
    expect(received.files?.[0]?.sha256).toBe(sent.files?.[0]?.sha256);
    const lanes = (await sender.call('peer')).stats.lanes.filter(({ lane, state }) => lane > 0 && state === 'open');
    expect(lanes.map(({ reliable }) => reliable)).toEqual(lanes.map(() => true));
    expect(lanes.length).toBeGreaterThan(0);
  });
}
