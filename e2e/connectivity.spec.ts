// How two sides get to each other: STUN and TURN servers that answer, do not answer, or change their credentials.
import { createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { startCoturn } from '../tests/node/support/daemon.mjs';
import { Bare, connectPair, expectTransfer } from './support/bare.js';
import { launchBrowser } from './support/browsers.mjs';
import { expect, nameOf, pairings, tagOf, test, type Pairing } from './support/fixtures.js';

const bare = '/pages/bare.html';

/** A server that hears and says nothing. */
async function startSilentServer(): Promise<{ url: string; heard: () => number; stop: () => void }> {
  const socket = createSocket('udp4');
  let heard = 0;
  socket.on('message', () => (heard += 1));
  socket.bind(0, '0.0.0.0');
  await once(socket, 'listening');
  return { url: `stun:127.0.0.1:${socket.address().port}`, heard: () => heard, stop: () => socket.close() };
}

/** TURN credentials that allow allocations for the next `seconds`. */
function credentials(secret: string, seconds: number): { username: string; credential: string } {
  const username = `${Math.floor(Date.now() / 1000) + seconds}:${randomBytes(4).toString('hex')}`;
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
}

/** Two pages in browsers that reach servers on the loopback. */
async function withPair(pairing: Pairing, siteUrl: string, body: (a: Bare, b: Bare) => Promise<void>): Promise<void> {
  const names = [pairing.sender, pairing.receiver];
  const browsers = await Promise.all(names.map((name) => launchBrowser(name, name === 'firefox' ? { loopback: true } : {})));
  try {
    const open = async (browser: (typeof browsers)[0]): Promise<Bare> => {
      const page = await (await browser.newContext()).newPage();
      await page.goto(new URL(bare, siteUrl).href);
      return Bare.of(page);
    };
    const [a, b] = await Promise.all(browsers.map(open));
    await body(a!, b!);
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
}

for (const pairing of pairings) {
  test(`${nameOf(pairing)}: a session outlives its TURN credentials, because each connection gets fresh ones`, { tag: tagOf(pairing) }, async ({ siteUrl, room }) => {
    const secret = randomBytes(16).toString('hex');
    const coturn = await startCoturn(secret);
    const outlive = async (a: Bare, b: Bare): Promise<void> => {
      const give = async (seconds: number): Promise<void> => {
        const iceServers = [{ urls: coturn.url, ...credentials(secret, seconds) }];
        for (const side of [a, b]) await side.call('setIce', { iceServers, iceTransportPolicy: 'relay' });
      };
      const lifeSeconds = 8;
      const began = Date.now();
      await give(lifeSeconds);
      await connectPair(a, b, { room, rtc: 'asked', lanes: { max: 2 } });
      await expectTransfer(a, b, 1_000_000, 21);
      const before = [await a.call('askedForIce'), await b.call('askedForIce')] as const;
      for (const asked of before) expect(asked).toBeGreaterThan(1);

      // The first credentials are worth nothing any more when a lane breaks, and then every connection.
      await a.page.waitForTimeout(began + (lifeSeconds + 1) * 1000 - Date.now());
      await give(3600);
      await a.call('closeConnections', 'bulk');
      await expectTransfer(a, b, 1_000_000, 22);
      const between = [await a.call('askedForIce'), await b.call('askedForIce')] as const;
      for (const side of [0, 1] as const) expect(between[side]).toBeGreaterThan(before[side]);
      await a.call('closeConnections', 'all');
      await expectTransfer(b, a, 1_000_000, 23);
      for (const [index, side] of [a, b].entries()) {
        expect(await side.call('askedForIce')).toBeGreaterThan(between[index]!);
        expect(new Set(await side.call('paths'))).toEqual(new Set(['relay']));
      }
    };
    try {
      await withPair(pairing, siteUrl, outlive);
    } finally {
      await coturn.stop();
    }
  });
}

for (const pairing of pairings) {
  test(`${nameOf(pairing)}: a STUN server that does not answer delays a connection by at most 1 s`, { tag: '@alone' }, async ({ siteUrl, room }) => {
    const silent = await startSilentServer();
    const rtc = { iceServers: [{ urls: silent.url }] };
    const compare = async (a: Bare, b: Bare): Promise<void> => {
      const connectMs = async (name: string, options: { rtc?: RTCConfiguration }): Promise<number> => {
        const began = performance.now();
        await connectPair(a, b, { room: `${room}${name}`, lanes: { max: 1 }, ...options });
        const ms = performance.now() - began;
        await Promise.all([a.call('closePeer'), b.call('closePeer')]);
        return ms;
      };
      // The first one loads the engine.
      await connectMs('0', {});
      const without = await connectMs('1', {});
      expect((await connectMs('2', { rtc })) - without).toBeLessThan(1_000);
      expect(silent.heard()).toBeGreaterThan(0);

      // Texts that people copy wait for the addresses.
      const textMs = async (options: { rtc?: RTCConfiguration }): Promise<number> => {
        const began = performance.now();
        const connecting = a.call('connect', { signaling: 'manual', ...options });
        await a.call('untilGreeted');
        expect((await a.call('text')).length).toBeGreaterThan(100);
        const ms = performance.now() - began;
        await a.call('abortSession');
        expect((await connecting)?.error.code).toBe('aborted');
        return ms;
      };
      const textWithout = await textMs({});
      // What a timer of a busy window may be late by.
      expect((await textMs({ rtc })) - textWithout).toBeLessThan(1_250);
    };
    try {
      await withPair(pairing, siteUrl, compare);
    } finally {
      silent.stop();
    }
  });
}
