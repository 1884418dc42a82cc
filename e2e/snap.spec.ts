// SNAP (draft-hancke-tsvwg-snap): SCTP's own handshake rides in the descriptions, behind a flag of Chromium. Sessions work where
// both sides have it, one, or none: descriptions are passed on as they are.
import { launchBrowser } from './support/browsers.mjs';
import { Bare, connectPair, expectTransfer } from './support/bare.js';
import { expect, test, type BrowserName } from './support/fixtures.js';

interface Ends {
  readonly sender: boolean;
  readonly receiver: boolean;
  readonly other?: BrowserName;
}

const combinations: Record<string, Ends> = {
  'on both sides': { sender: true, receiver: true },
  'at the sender': { sender: true, receiver: false },
  'at the receiver': { sender: false, receiver: true },
  'at the sender, to Firefox': { sender: true, receiver: false, other: 'firefox' },
};

for (const [where, ends] of Object.entries(combinations)) {
  test(`SNAP ${where}: a session connects, and files cross`, async ({ openPage, complaints, room }) => {
    const browser = await launchBrowser('chromium', { snap: true });
    try {
      const flagged = { browser };
      const sender = await openPage('chromium', 'sender', '/pages/bare.html', ends.sender ? flagged : {});
      const receiver = await openPage(ends.other ?? 'chromium', 'receiver', '/pages/bare.html', ends.receiver ? flagged : {});
      for (const [page, has] of [[sender, ends.sender], [receiver, ends.receiver]] as const) {
        const offer = await page.evaluate(async () => {
          const connection = new RTCPeerConnection();
          connection.createDataChannel('any');
          const { sdp } = await connection.createOffer();
          connection.close();
          return sdp ?? '';
        });
        expect(offer.includes('a=sctp-init:')).toBe(has);
      }
      const [from, to] = [await Bare.of(sender), await Bare.of(receiver)];
      await connectPair(from, to, { room });
      await expectTransfer(from, to, 5_000_000, 7);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });
}
