// A session that is signalled over a data channel which the page has already, on the connection of another library.
import type { Page } from '@playwright/test';
import { bundlePeers, connectPeers } from '../scripts/lib/peers.mjs';
import { Bare, connectPair, expectTransfer } from './support/bare.js';
import { expect, nameOf, pairings, tagOf, test } from './support/fixtures.js';

const bare = '/pages/bare.html';

test.describe('over a data channel', () => {
  let script: string;
  test.beforeAll(async () => {
    script = await bundlePeers();
  });

  for (const pairing of pairings) {
    // PeerJS knows Firefox by `mozGetUserMedia`, which the Firefox of the tests does not have.
    const hasFirefox = [pairing.sender, pairing.receiver].includes('firefox');
    for (const library of ['simple-peer', 'trystero', ...(hasFirefox ? [] : ['peerjs'])]) {
      test(`${nameOf(pairing)}: of ${library}, a session connects, and is repaired; without the channel it goes on`, { tag: tagOf(pairing) }, async ({ openPage }) => {
        const before = (page: Page): Promise<unknown> => page.addInitScript(script);
        const pages = [await openPage(pairing.sender, 'sender', bare, { before }), await openPage(pairing.receiver, 'receiver', bare, { before })] as const;
        await connectPeers(...pages, library);
        const [a, b] = [await Bare.of(pages[0]), await Bare.of(pages[1])];
        await connectPair(a, b, { signaling: 'channel', secret: await a.call('createLinkKey'), secretKind: 'key' });
        expect((await a.call('peer')).verified).toBe(true);
        await expectTransfer(a, b, 1_000_000, 31);
        await a.call('closeConnections', 'own');
        await expectTransfer(b, a, 1_000_000, 32);
        await pages[0].evaluate(() => (globalThis as unknown as { peer: { channel(): RTCDataChannel } }).peer.channel().close());
        await expectTransfer(a, b, 1_000_000, 33);
        for (const page of [a, b]) await page.call('closePeer');
        const failure = await a.call('connect', { signaling: 'channel' });
        expect(failure?.error).toMatchObject({ code: 'signaling-failed' });
      });
    }
  }
});
