// The way to the signalling server dies without a word: a relay stops forwarding and closes nothing.
import { startRelay } from '../tests/node/support/relay.mjs';
import { Bare, connectPair } from './support/bare.js';
import { expectDone, file, linkOf } from './support/demo.js';
import { expect, test } from './support/fixtures.js';

const socket = '/signal?';

for (const name of ['chromium', 'firefox'] as const) {
  test(`${name}: both sockets are half-open in mid-transfer, and the connections break: the transfer goes on`, async ({ openPage, siteUrl, room }) => {
    const relay = await startRelay(Number(new URL(siteUrl).port));
    try {
      const address = `http://127.0.0.1:${relay.port}/pages/bare.html`;
      const sender = await Bare.of(await openPage(name, 'sender', address));
      const receiver = await Bare.of(await openPage(name, 'receiver', address));
      await sender.call('prepare', [8 * 1024 * 1024], 21);
      await connectPair(sender, receiver, { room, bandwidthLimit: 2_000_000 });
      const sending = await sender.call('send', 21);
      await receiver.call('nextOffer');
      const receiving = await receiver.call('accept', 'memory');
      await receiver.call('untilBytes', receiving, 1024 * 1024);
      relay.freeze(socket);
      expect(relay.frozen).toBe(2);
      await sender.call('closeConnections', 'all');
      const [sent, received] = await Promise.all([sender.call('outcome', sending, { seed: 21 }), receiver.call('outcome', receiving)]);
      for (const { error } of [sent, received]) expect(error).toBeUndefined();
      expect(received.files?.[0]?.sha256).toBe(sent.files?.[0]?.sha256);
      expect(sent.states).toContain('reconnecting');
      // Two seconds until the sockets are known to be dead, and a new connection; a busy machine takes longer.
      expect(received.longestSilenceMs).toBeLessThan(8_000);
    } finally {
      await relay.stop();
    }
  });

  test(`${name}: a page that waits hears of another network, and replaces its dead socket at once`, async ({ openPage, siteUrl, room }) => {
    const relay = await startRelay(Number(new URL(siteUrl).port));
    try {
      const waiting = await Bare.of(await openPage(name, 'sender', `http://127.0.0.1:${relay.port}/pages/bare.html`));
      const coming = await Bare.of(await openPage(name, 'receiver', '/pages/bare.html'));
      const connecting = waiting.call('connect', { room });
      // The greeting of the server came with the opening, or a moment later.
      await waiting.call('untilGreeted');
      await waiting.page.waitForTimeout(1_000);
      relay.freeze(socket);
      const other = coming.call('connect', { room });
      await coming.call('untilGreeted');
      const began = Date.now();
      await waiting.page.evaluate(() => globalThis.dispatchEvent(new Event('online')));
      expect(await Promise.all([connecting, other])).toEqual([null, null]);
      // Far below the heartbeat, which would find it as well.
      expect(Date.now() - began).toBeLessThan(15_000);
    } finally {
      await relay.stop();
    }
  });

  test(`${name}: a page of the site that is loaded again gets its place from its own ghost`, async ({ openPage, siteUrl, complaints }) => {
    const relay = await startRelay(Number(new URL(siteUrl).port));
    try {
      const sender = await openPage(name, 'sender', siteUrl);
      await sender.getByTestId('files').setInputFiles([file('ghost.bin', 300_000)]);
      const link = new URL(await linkOf(sender));
      link.port = String(relay.port);
      const receiver = await openPage(name, 'receiver', link.href);
      await expect(receiver.getByTestId('accept')).toBeVisible();
      relay.freeze(socket);
      await receiver.reload();
      await receiver.getByTestId('accept').click();
      await expectDone(sender, receiver);
      await expect(receiver.getByTestId('alert')).toBeHidden();
      expect(complaints).toEqual([]);
    } finally {
      await relay.stop();
    }
  });
}
