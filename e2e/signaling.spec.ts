// Ways for two sides to find each other, in real browsers: over a broker, by copied texts, through TURN, and with a signalling
// server that goes away.
import { randomBytes } from 'node:crypto';
import { startCoturn, startMosquitto } from '../tests/node/support/daemon.mjs';
import { Bare, connectPair, expectTransfer } from './support/bare.js';
import { expect, nameOf, pairings, test } from './support/fixtures.js';
import { startRecorder } from './support/recorder.mjs';
import { startSite } from './support/site.mjs';

const bare = '/pages/bare.html';
const [chromiumOnly, firefoxOnly, mixed, mixedBack] = pairings as [(typeof pairings)[0], (typeof pairings)[0], (typeof pairings)[0], (typeof pairings)[0]];

test.describe('over an MQTT broker', () => {
  let broker: Awaited<ReturnType<typeof startMosquitto>>;
  test.beforeAll(async () => {
    broker = await startMosquitto();
  });
  test.afterAll(() => broker.stop());

  for (const pairing of [mixed, mixedBack]) {
    test(`${nameOf(pairing)}: mqttSignaling brings two sides together, under the strict policy`, async ({ openPage, complaints, room }) => {
      const a = await Bare.of(await openPage(pairing.sender, 'sender', bare));
      const b = await Bare.of(await openPage(pairing.receiver, 'receiver', bare));
      await connectPair(a, b, { room, signaling: 'mqtt', broker: broker.webSocketUrl });
      await expectTransfer(a, b, 1_000_000, 11);
      // What breaks is signalled over the broker, too.
      await a.call('closeConnections', 'all');
      await expectTransfer(b, a, 1_000_000, 12);
      expect(complaints).toEqual([]);
    });
  }

  test('a page at a bridged server meets one that is at the broker', async ({ openPage, room }) => {
    const site = await startSite({ withPages: true, env: { MQTT_URL: broker.url } });
    try {
      const a = await Bare.of(await openPage('chromium', 'sender', new URL(bare, site.url).href));
      const b = await Bare.of(await openPage('chromium', 'receiver', bare));
      const [first, second] = await Promise.all([
        a.call('connect', { room }),
        b.call('connect', { room, signaling: 'mqtt', broker: broker.webSocketUrl }),
      ]);
      expect([first, second]).toEqual([null, null]);
      await expectTransfer(a, b, 100_000, 13);
    } finally {
      await site.stop();
    }
  });
});

for (const pairing of [chromiumOnly, firefoxOnly, mixed, mixedBack]) {
  test(`${nameOf(pairing)}: two copied texts are enough`, async ({ openPage, complaints, room }) => {
    const a = await Bare.of(await openPage(pairing.sender, 'sender', bare));
    const b = await Bare.of(await openPage(pairing.receiver, 'receiver', bare));
    const inviting = a.call('connect', { room, signaling: 'manual' });
    await a.call('untilGreeted');
    const invitation = await a.call('text');
    expect(invitation.length).toBeLessThan(1500);
    const answering = b.call('connect', { room, signaling: 'manual', invitation });
    await b.call('untilGreeted');
    await a.call('answer', await b.call('text'));
    expect(await Promise.all([inviting, answering])).toEqual([null, null]);
    await expectTransfer(a, b, 1_000_000, 14);
    expect(complaints).toEqual([]);
  });
}

for (const pairing of [mixed, mixedBack]) {
  test(`${nameOf(pairing)}: a short code leads there and verifies, a wrong one does neither, and soon costs time`, async ({ openPage }) => {
    const site = await startSite({ withPages: true, env: { FREE_GUESSES: '2', GUESS_PAUSE_SECONDS: '60' } });
    try {
      const a = await Bare.of(await openPage(pairing.sender, 'sender', new URL(bare, site.url).href));
      const b = await Bare.of(await openPage(pairing.receiver, 'receiver', new URL(bare, site.url).href));
      const guess = async (code: string, spoken: string) => {
        const waiting = a.call('connect', { signaling: 'kept', secret: code });
        const coming = b.call('connect', { nameplate: spoken.replace(/-.*/, ''), secret: spoken });
        return Promise.all([waiting, coming]);
      };
      for (let round = 0; round < 3; round += 1) {
        const code = await a.call('waitWithCode');
        expect(code).toMatch(/^[1-9]\d*-[a-z]+-[a-z]+$/);
        expect(await guess(code, code.toUpperCase().replaceAll('-', ' ').replace(' ', '-'))).toEqual([null, null]);
        await Promise.all([a.call('closePeer'), b.call('closePeer')]);
      }
      for (let round = 0; round < 2; round += 1) {
        const code = await a.call('waitWithCode');
        for (const side of await guess(code, `${code}s`)) expect(side?.error.code).toBe('authentication-failed');
      }
      const code = await a.call('waitWithCode');
      const waiting = a.call('connect', { signaling: 'kept', secret: code });
      const blocked = await b.call('connect', { nameplate: code.replace(/-.*/, ''), secret: code });
      expect(blocked?.error).toMatchObject({ code: 'signaling-failed' });
      expect(blocked?.error.message).toMatch(/4420 too many wrong codes; wait \d+ s/);
      await a.call('abortSession');
      expect((await waiting)?.error.code).toBe('aborted');
    } finally {
      await site.stop();
    }
  });
}

test('with the credentials that the site gives, a transfer goes through coturn only', async ({ openPage, room }) => {
  const secret = randomBytes(16).toString('hex');
  const coturn = await startCoturn(secret);
  const site = await startSite({ withPages: true, env: { TURN_URLS: coturn.url, TURN_SECRET: secret, OPEN_TURN: 'on' } });
  try {
    const a = await Bare.of(await openPage('chromium', 'sender', new URL(bare, site.url).href));
    const b = await Bare.of(await openPage('chromium', 'receiver', new URL(bare, site.url).href));
    const iceServers = await a.call('ice');
    await connectPair(a, b, { room, rtc: { iceServers, iceTransportPolicy: 'relay' }, lanes: { max: 1 } });
    await expectTransfer(a, b, 1_000_000, 15);
  } finally {
    await site.stop();
    await coturn.stop();
  }
});

for (const pairing of [chromiumOnly, firefoxOnly]) {
  test(`${nameOf(pairing)}: the signalling server starts again in mid-transfer, and the transfer goes on`, async ({ openPage, room }) => {
    let site = await startSite({ withPages: true });
    const port = new URL(site.url).port;
    const restart = async (): Promise<void> => {
      await site.stop();
      site = await startSite({ withPages: true, env: { PORT: port } });
    };
    try {
      const sender = await Bare.of(await openPage(pairing.sender, 'sender', new URL(bare, site.url).href));
      const receiver = await Bare.of(await openPage(pairing.receiver, 'receiver', new URL(bare, site.url).href));
      await sender.call('prepare', [12 * 1024 * 1024], 16);
      // What is left takes longer than the test needs for its next step.
      await connectPair(sender, receiver, { room, bandwidthLimit: 8_000_000 });
      const sending = await sender.call('send', 16);
      await receiver.call('nextOffer');
      const receiving = await receiver.call('accept', 'memory');
      await receiver.call('untilBytes', receiving, 1024 * 1024);
      await receiver.call('pause', receiving);
      await restart();
      await receiver.call('resume', receiving);
      await receiver.call('untilBytes', receiving, 4 * 1024 * 1024);
      // Now it is needed: every connection of the session is gone.
      await sender.call('closeConnections', 'all');
      const [sent, received] = await Promise.all([sender.call('outcome', sending, { seed: 16 }), receiver.call('outcome', receiving)]);
      for (const { error } of [sent, received]) expect(error).toBeUndefined();
      expect(received.files?.[0]?.sha256).toBe(sent.files?.[0]?.sha256);
      expect(sent.states).toContain('reconnecting');
    } finally {
      await site.stop();
    }
  });
}

test('the server sees neither the key of a link, nor a name or a byte of what is sent', async ({ openPage, siteUrl, room, complaints }) => {
  const recorder = await startRecorder(Number(new URL(siteUrl).port));
  try {
    const key = randomBytes(32);
    const fragment = `#room=${room}&key=${key.toString('base64url')}`;
    const address = new URL(`/${fragment}`, recorder.url).href;
    const name = 'a-telling-name.bin';
    const content = randomBytes(300_000);
    const sender = await openPage('chromium', 'sender', address);
    await sender.getByTestId('files').setInputFiles([{ name, mimeType: 'application/octet-stream', buffer: content }]);
    const receiver = await openPage('firefox', 'receiver', address);
    await receiver.getByTestId('accept').click();
    await expect(receiver.getByTestId('transfer-state').first()).toHaveText('Received and verified');
    await expect(sender.getByTestId('transfer-state').first()).toHaveText('Sent and verified');
    const seen = recorder.seen();
    // It sees the signalling: the search below would find what it is to find.
    expect(seen.includes(`/signal?room=${room}`)).toBe(true);
    expect(seen.includes('"type":"description"')).toBe(true);
    const secrets = [key, key.toString('base64url'), key.toString('hex'), key.toString('base64'), name, content.subarray(1000, 1016)];
    expect(secrets.filter((secret) => seen.includes(secret))).toEqual([]);
    expect(complaints).toEqual([]);
  } finally {
    await recorder.stop();
  }
});
