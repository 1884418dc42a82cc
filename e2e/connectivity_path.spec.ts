// The path of a session (`Peer.path`), and why there is none (`MillraceError.detail`), with real browsers and a real coturn.
import { createSocket } from 'node:dgram';
import type { Page } from '@playwright/test';
import { startCoturn } from '../tests/node/support/daemon.mjs';
import { Bare, connectPair, type PlainError } from './support/bare.js';
import { launchBrowser } from './support/browsers.mjs';
import { expect, test, type BrowserName } from './support/fixtures.js';
import { startHostileRelay } from './support/hostile_relay.mjs';

const bare = '/pages/bare.html';
const browserNames = ['chromium', 'firefox'] as const satisfies readonly BrowserName[];
/** An attempt without a path ends within 15 s; a busy machine adds to that. */
const longestAttemptMs = 17_000;

type Coturn = Awaited<ReturnType<typeof startCoturn>>;
type Options = Parameters<BareConnect>[0];
type BareConnect = typeof globalThis.bare.connect;

/** `use` with a TURN server. */
async function withCoturn(use: (coturn: Coturn) => Promise<void>): Promise<void> {
  const coturn = await startCoturn();
  try {
    await use(coturn);
  } finally {
    await coturn.stop();
  }
}

/** What both attempts fail with, and that they do so in time. */
async function failures(pages: readonly [Bare, Bare], options: readonly [Options, Options]): Promise<[PlainError, PlainError]> {
  const begun = performance.now();
  const both = await Promise.all(pages.map((page, index) => page.call('connect', options[index]!)));
  expect(performance.now() - begun).toBeLessThan(longestAttemptMs);
  for (const failure of both) expect(failure).not.toBeNull();
  return both.map((failure) => failure!.error) as [PlainError, PlainError];
}

/** No candidate of the other side arrives, as in networks that keep the two apart. */
const dropCandidates = (page: Page): Promise<unknown> => page.addInitScript(() => {
  RTCPeerConnection.prototype.addIceCandidate = async () => {};
});

test.describe('path', () => {
  for (const name of browserNames) {
    test(`${name}: direct, and a reconnection over the same path is no news`, async ({ openPage, room }) => {
      const pages = [await Bare.of(await openPage(name, 'sender', bare)), await Bare.of(await openPage(name, 'receiver', bare))] as const;
      await connectPair(...pages, { room });
      const begun = performance.now();
      for (const page of pages) {
        const path = await page.call('untilPath');
        expect(path).toMatchObject({ kind: 'direct', protocol: 'udp' });
        expect([4, 6]).toContain(path.family);
        expect(JSON.stringify(path)).not.toMatch(/\d+\.\d+\.\d+|::/);
      }
      // It does not wait for the first second's measurement.
      expect(performance.now() - begun).toBeLessThan(900);
      // Listens first: the state may last for less time than a call into the page.
      const reconnecting = pages[0].call('untilState', 'reconnecting');
      await pages[0].call('closeConnections', 'all');
      await reconnecting;
      await pages[0].call('untilState', 'connected');
      await expect.poll(async () => (await pages[0].call('untilPath')).roundTripMs).toBeGreaterThanOrEqual(0);
      for (const page of pages) {
        const kinds = (await page.call('pathEvents')).map(({ kind, protocol }) => `${kind} ${protocol}`);
        expect(new Set(kinds)).toEqual(new Set(['direct udp']));
        expect((await page.call('peer')).stats.path).toEqual(await page.call('untilPath'));
        await page.call('closePeer');
      }
    });

    for (const protocol of ['udp', 'tcp'] as const) {
      test(`${name}: through a relay over ${protocol.toUpperCase()}`, async ({ openPage, room }) => {
        await withCoturn(async ({ iceServers }) => {
          const browsers = [await launchBrowser(name, { loopback: true }), await launchBrowser(name, { loopback: true })] as const;
          try {
            const pages = [
              await Bare.of(await openPage(name, 'sender', bare, { browser: browsers[0] })),
              await Bare.of(await openPage(name, 'receiver', bare, { browser: browsers[1] })),
            ] as const;
            const servers = iceServers.map((server) => ({ ...server, urls: String(server.urls).replace('udp', protocol) }));
            await connectPair(...pages, { room, rtc: { iceServers: servers, iceTransportPolicy: 'relay' }, lanes: { max: 1 } });
            for (const page of pages) {
              expect(await page.call('untilPath')).toMatchObject({ kind: 'relay', protocol, family: 4, local: 'relay', remote: 'relay' });
              expect((await page.call('pathEvents')).length).toBe(1);
              await page.call('closePeer');
            }
          } finally {
            await Promise.all(browsers.map((browser) => browser.close()));
          }
        });
      });
    }

    test(`${name}: a TURN server that does not know the password has refused`, async ({ openPage, room }) => {
      await withCoturn(async ({ iceServers }) => {
        const browser = await launchBrowser(name, { loopback: true });
        try {
          const pages = [
            await Bare.of(await openPage(name, 'sender', bare, { browser })),
            await Bare.of(await openPage('chromium', 'receiver', bare)),
          ] as const;
          const wrong = iceServers.map((server) => ({ ...server, credential: 'wrong' }));
          const relayOnly = { room, rtc: { iceServers: wrong, iceTransportPolicy: 'relay' as const } };
          const [error, other] = await failures(pages, [relayOnly, { room, rtc: { iceServers: [] } }]);
          expect(error).toMatchObject({ code: 'connection-failed', detail: { reason: 'relay-refused', side: 'here' } });
          expect(error.detail?.servers[0]).toMatchObject({ state: 'refused', errors: [{ code: 401 }] });
          expect(error.detail?.candidates.local).toEqual([]);
          expect(JSON.stringify(error.detail)).not.toContain('credential');
          expect(other).toMatchObject({ code: 'connection-failed', detail: { reason: 'peer-unreachable', side: 'there' } });
        } finally {
          await browser.close();
        }
      });
    });

    for (const kind of [437, 486, 508, 'garbage'] as const) {
      const what = kind === 'garbage' ? 'answers garbage' : `refuses with ${kind}`;
      test(`${name}: a server that ${what} keeps nobody from a direct path or another relay, and is named where there is neither`, async ({ openPage, room }) => {
        await withCoturn(async ({ iceServers: working }) => {
          const hostile = await startHostileRelay(kind);
          const browsers = [await launchBrowser(name, { loopback: true }), await launchBrowser(name, { loopback: true })] as const;
          try {
            const pages = [
              await Bare.of(await openPage(name, 'sender', bare, { browser: browsers[0] })),
              await Bare.of(await openPage(name, 'receiver', bare, { browser: browsers[1] })),
            ] as const;
            for (const [index, rtc] of [{ iceServers: hostile.iceServers }, { iceServers: [...hostile.iceServers, ...working], iceTransportPolicy: 'relay' as const }].entries()) {
              await connectPair(...pages, { room: `${room}-${index}`, rtc, lanes: { max: 1 } });
              expect((await pages[0].call('untilPath')).kind).toBe(index === 0 ? 'direct' : 'relay');
              for (const page of pages) await page.call('closePeer');
            }
            const options = { room: `${room}-2`, rtc: { iceServers: hostile.iceServers, iceTransportPolicy: 'relay' as const } };
            for (const { code, detail } of await failures(pages, [options, options])) {
              expect(code).toBe('connection-failed');
              const relay = detail?.servers.find(({ url }) => url.startsWith('turn:'));
              if (kind === 'garbage') {
                expect(detail?.reason).toBe('no-relay');
                expect(relay?.state).toBe('silent');
              } else {
                expect(detail?.reason).toBe('relay-refused');
                // Firefox does not know 508, and makes 65535 of it.
                expect(relay).toMatchObject({ state: 'refused', errors: [{ code: name === 'firefox' && kind === 508 ? 65_535 : kind }] });
              }
            }
            expect(hostile.requests()).toBeGreaterThan(0);
          } finally {
            await Promise.all(browsers.map((browser) => browser.close()));
            await hostile.stop();
          }
        });
      });
    }

    test(`${name}: no path and no relay`, async ({ openPage, room }) => {
      const pages = [
        await Bare.of(await openPage(name, 'sender', bare, { before: dropCandidates })),
        await Bare.of(await openPage(name, 'receiver', bare, { before: dropCandidates })),
      ] as const;
      for (const error of await failures(pages, [{ room, rtc: { iceServers: [] } }, { room, rtc: { iceServers: [] } }])) {
        expect(error).toMatchObject({ code: 'connection-failed', detail: { reason: 'no-relay', servers: [] } });
        expect(error.detail?.candidates.local.length).toBeGreaterThan(0);
        expect(error.detail?.candidates.remote.length).toBeGreaterThan(0);
        expect(JSON.stringify(error.detail)).not.toMatch(/\d+\.\d+\.\d+\.\d+/);
      }
    });

    test(`${name}: STUN servers that do not answer`, async ({ openPage, room }) => {
      const silent = createSocket('udp4');
      await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
      try {
        const pages = [
          await Bare.of(await openPage(name, 'sender', bare, { before: dropCandidates })),
          await Bare.of(await openPage(name, 'receiver', bare, { before: dropCandidates })),
        ] as const;
        const options = { room, rtc: { iceServers: [{ urls: `stun:127.0.0.1:${silent.address().port}` }] } };
        for (const error of await failures(pages, [options, options])) {
          expect(error).toMatchObject({ code: 'connection-failed', detail: { reason: 'no-udp', side: 'here', servers: [{ state: 'silent' }] } });
        }
      } finally {
        silent.close();
      }
    });
  }

  test('firefox with a setting that allows WebRTC through a proxy only', async ({ openPage, room }) => {
    const browser = await launchBrowser('firefox', { proxyOnly: true });
    try {
      const pages = [
        await Bare.of(await openPage('firefox', 'sender', bare, { browser })),
        await Bare.of(await openPage('chromium', 'receiver', bare)),
      ] as const;
      const [error, other] = await failures(pages, [{ room }, { room }]);
      expect(error).toMatchObject({ code: 'connection-failed', detail: { reason: 'blocked-by-browser', side: 'here' } });
      expect(other).toMatchObject({ code: 'connection-failed', detail: { reason: 'peer-unreachable', side: 'there' } });
    } finally {
      await browser.close();
    }
  });

  test('a room at a server that is not there', async ({ openPage }) => {
    const page = await Bare.of(await openPage('chromium', 'sender', bare));
    const failure = await page.call('connect', { room: 'too-short' });
    expect(failure?.error).toMatchObject({ code: 'signaling-failed', detail: { reason: 'signaling-down', side: 'here' } });
  });
});
