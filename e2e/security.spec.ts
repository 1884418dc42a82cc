// Who the other side is, and what somebody in between gets. The man in the middle here has the signalling, which is all that a
// server of it has; what forged, cut and replayed handshakes do is for the tests of the core.
import type { Page } from '@playwright/test';
import { startCoturn } from '../tests/node/support/daemon.mjs';
import { Bare, connectPair, expectTransfer, type BareApi, type PlainFailure } from './support/bare.js';
import { launchBrowser } from './support/browsers.mjs';
import { expect, nameOf, pairings, tagOf, test, type Pairing, type Side } from './support/fixtures.js';
import { attachPair, test as linkTest } from './support/link.js';

type Options = Omit<Parameters<BareApi['connect']>[0], 'room'>;
type Secret = Pick<Options, 'secret' | 'secretKind'>;
type Pair = readonly [a: Bare, b: Bare];
type OpenPage = (name: Pairing['sender'], side: Side, path: string) => Promise<Page>;

const bare = '/pages/bare.html';
const alike: readonly Pairing[] = pairings.filter(({ sender, receiver }) => sender === receiver);
const key = 'mZ2yQpXw8sVfKt0aLr5nBd3EhJcGuYi1oWx7TqNvRk4';
const otherKey = 'AZ2yQpXw8sVfKt0aLr5nBd3EhJcGuYi1oWx7TqNvRk4';
const secrets: Readonly<Record<'key' | 'code' | 'none', (own: string) => Secret>> = {
  key: () => ({ secret: key }),
  // A code that failed is burnt in its page, and pages are shared by nobody, but a fresh one reads better in a log.
  code: (own) => ({ secret: `7-${own}-clockwork` }),
  none: () => ({}),
};

async function openPair(openPage: OpenPage, { sender, receiver }: Pairing): Promise<Pair> {
  return [await Bare.of(await openPage(sender, 'sender', bare)), await Bare.of(await openPage(receiver, 'receiver', bare))];
}

/** What the attempts of both sides came to, each in a room of its own or in the same one. */
async function attempt([a, b]: Pair, rooms: readonly [string, string], optionsOfA: Options, optionsOfB = optionsOfA): Promise<(PlainFailure | null)[]> {
  return Promise.all([a.call('connect', { room: rooms[0], ...optionsOfA }), b.call('connect', { room: rooms[1], ...optionsOfB })]);
}

function expectCodes(failures: (PlainFailure | null)[], codes: readonly string[]): void {
  for (const failure of failures) {
    expect(failure?.error.name).toBe('MillraceError');
    expect(codes, JSON.stringify(failures)).toContain(failure?.error.code);
  }
}

async function close(pair: Pair): Promise<void> {
  await Promise.all(pair.map((side) => side.call('closePeer')));
}

/** Nothing that was said to the signalling holds any of `words`, in whatever form. */
async function expectUnsaid(pair: Pair, words: readonly string[]): Promise<void> {
  for (const side of pair) {
    const said = (await side.call('signalled')).join('\n').toLowerCase();
    expect(said).toContain('a=fingerprint:');
    for (const word of words) {
      const bytes = Buffer.from(word);
      const raw = Buffer.from(word, 'base64url');
      for (const form of [word, bytes.toString('base64'), bytes.toString('hex'), raw.toString('base64'), raw.toString('hex')]) {
        expect(said).not.toContain(form.toLowerCase().replace(/=+$/, '').slice(0, -1));
      }
    }
  }
}

for (const pairing of pairings) {
  test(`${nameOf(pairing)}: a key or a code verifies both sides, a wrong one fails on both, and none is said to be none`, async ({ openPage, complaints, room }) => {
    const pair = await openPair(openPage, pairing);
    const [a, b] = pair;
    const rooms = (name: string): [string, string] => [`${room}-${name}`, `${room}-${name}`];

    await test.step('key', async () => {
      expect(await attempt(pair, rooms('key'), { secret: key })).toEqual([null, null]);
      for (const side of pair) expect(await side.call('peer')).toMatchObject({ verified: true, encrypted: true });
      expect((await a.call('peer')).sas).toEqual((await b.call('peer')).sas);
      await expectTransfer(...pair, 100_000, 6);
      await expectUnsaid(pair, [key]);
      await close(pair);
    });

    await test.step('wrong key', async () => {
      expectCodes(await attempt(pair, rooms('wrong-key'), { secret: key }, { secret: otherKey }), ['authentication-failed']);
      // A key is not burnt.
      expect(await attempt(pair, rooms('right-key'), { secret: key })).toEqual([null, null]);
      await close(pair);
    });

    await test.step('code', async () => {
      const code = await a.call('createCode');
      expect(code).toMatch(/^\d{1,2}-[a-z]+-[a-z]+$/);
      const typed = ` ${code.toUpperCase().replaceAll('-', ' ')} `;
      expect(await attempt(pair, rooms('code'), { secret: code }, { secret: typed })).toEqual([null, null]);
      for (const side of pair) expect(await side.call('peer')).toMatchObject({ verified: true, encrypted: true });
      await expectUnsaid(pair, [code, typed.trim()]);
      await close(pair);
    });

    await test.step('wrong code', async () => {
      const codes = [await a.call('createCode'), await b.call('createCode')] as const;
      expectCodes(await attempt(pair, rooms('wrong-code'), { secret: codes[0] }, { secret: codes[1] }), ['authentication-failed']);
      // Burnt, on both sides, at once and without a word to anybody.
      for (const [index, side] of pair.entries()) {
        const failure = await side.call('connect', { room, signaling: 'broadcast', secret: codes[index]! });
        expect(failure?.error).toMatchObject({ code: 'authentication-failed' });
        expect(failure?.error.message).toContain('burnt');
        expect(await side.call('signalled')).toEqual([]);
      }
    });

    await test.step('one side without', async () => {
      for (const secret of [{ secret: key }, { secret: await b.call('createCode') }]) {
        expectCodes(await attempt(pair, rooms(`half-${secret.secret.length}`), {}, secret), ['authentication-failed']);
      }
    });

    await test.step('none', async () => {
      expect(await attempt(pair, rooms('none'), {})).toEqual([null, null]);
      const [atA, atB] = [await a.call('peer'), await b.call('peer')];
      expect(atA).toMatchObject({ verified: false, encrypted: true });
      expect(atB).toMatchObject({ verified: false, encrypted: true });
      expect(atA.sas).toHaveLength(7);
      expect(atB.sas).toEqual(atA.sas);
      expect(atA.pictures.every((picture) => typeof picture === 'string')).toBe(true);
      await a.call('verify');
      expect((await a.call('peer')).verified).toBe(true);
      expect((await b.call('peer')).verified).toBe(false);
      await close(pair);
    });
    expect(complaints).toEqual([]);
  });
}

interface Seen {
  readonly messages: number;
  readonly bytes: number;
  /** By first byte: 1 handshake, 2 sealed (PROTOCOL, "Messages"). */
  readonly kinds: Readonly<Record<string, number>>;
  readonly hits: number;
}

interface MitmApi {
  start(options: { rooms: readonly [string, string]; how: 'pass' | 'forge' | 'relay'; marker?: string }): Promise<void>;
  seen(): Seen;
}

declare global {
  // The global of e2e/pages/mitm.js.
  var mitm: MitmApi;
}

async function openMitm(openPage: OpenPage): Promise<Page> {
  return openPage('chromium', 'sender', '/pages/mitm.html');
}

for (const pairing of alike) {
  test(`${nameOf(pairing)}: somebody with the signalling and a connection to each side gets nothing, and is noticed`, { tag: tagOf(pairing) }, async ({ openPage, room }) => {
    const pair = await openPair(openPage, pairing);
    const page = await openMitm(openPage);
    const start = (how: 'pass' | 'forge' | 'relay', rooms: readonly [string, string]): Promise<void> =>
      page.evaluate((options) => globalThis.mitm.start(options), { rooms, how, marker: 'plaintext' });

    await test.step('who changes nothing is not noticed', async () => {
      const rooms = [`${room}-pass-a`, `${room}-pass-b`] as const;
      await start('pass', rooms);
      expect(await attempt(pair, rooms, { secret: key })).toEqual([null, null]);
      await expectTransfer(...pair, 100_000, 6);
      await close(pair);
    });

    for (const mode of ['key', 'code', 'none'] as const) {
      await test.step(`swapped descriptions, relayed bytes, ${mode}`, async () => {
        const rooms = [`${room}-relay-${mode}-a`, `${room}-relay-${mode}-b`] as const;
        await start('relay', rooms);
        const options = secrets[mode]('relayed');
        expectCodes(await attempt(pair, rooms, options), ['authentication-failed']);
        const seen = await page.evaluate(() => globalThis.mitm.seen());
        // It stood in between, and the handshake was all that it saw.
        expect(seen.messages).toBeGreaterThan(1);
        expect(Object.keys(seen.kinds)).toEqual(['1']);
        expect(seen.hits).toBe(0);
        if (mode === 'code') expect((await pair[0].call('connect', { room, signaling: 'broadcast', ...options }))?.error.message).toContain('burnt');
      });
    }

    await test.step('swapped fingerprints alone', async () => {
      const rooms = [`${room}-forge-a`, `${room}-forge-b`] as const;
      await start('forge', rooms);
      expectCodes(await attempt(pair, rooms, { secret: key }), ['connection-failed', 'connection-lost']);
    });
  });

  test(`${nameOf(pairing)}: somebody with a session of their own to each side needs the secret, and without one the pictures differ`, { tag: tagOf(pairing) }, async ({ openPage, room }) => {
    const pair = await openPair(openPage, pairing);
    const between = [await Bare.of(await openPage('chromium', 'sender', bare)), await Bare.of(await openPage('chromium', 'sender', bare))] as const;
    const guesses: readonly { mode: 'key' | 'code'; guess: Secret }[] = [
      { mode: 'key', guess: { secret: otherKey } },
      { mode: 'key', guess: {} },
      { mode: 'code', guess: { secret: '7-crossover-lemon' } },
      { mode: 'code', guess: { secret: otherKey } },
    ];
    for (const [index, { mode, guess }] of guesses.entries()) {
      await test.step(`${mode} against ${guess.secret ?? 'none'}`, async () => {
        const rooms = [`${room}-${index}-a`, `${room}-${index}-b`] as const;
        const failures = await Promise.all([
          attempt(pair, rooms, secrets[mode](`own-${index}`)),
          attempt(between, rooms, guess),
        ]);
        expectCodes(failures.flat(), ['authentication-failed']);
      });
    }

    await test.step('none', async () => {
      const rooms = [`${room}-none-a`, `${room}-none-b`] as const;
      const failures = await Promise.all([attempt(pair, rooms, {}), attempt(between, rooms, {})]);
      expect(failures.flat()).toEqual([null, null, null, null]);
      const [atA, atB] = [await pair[0].call('peer'), await pair[1].call('peer')];
      expect(atA.sas).not.toEqual(atB.sas);
      // Each side does agree with whom it really talks to.
      expect((await between[0].call('peer')).sas).toEqual(atA.sas);
      expect((await between[1].call('peer')).sas).toEqual(atB.sas);
      expect([atA.verified, atB.verified]).toEqual([false, false]);
    });
  });

  test(`${nameOf(pairing)}: encryption is off only where both sides say so, and integrity stays`, { tag: tagOf(pairing) }, async ({ openPage, room }) => {
    const pair = await openPair(openPage, pairing);
    const text = 'millrace plaintext ';
    for (const [name, there, encrypted] of [['both', false, false], ['one', true, true]] as const) {
      await test.step(name, async () => {
        const id = `${room}-${name}`;
        const off = { secret: key, worker: false, encryption: false };
        expect(await attempt(pair, [id, id], off, { ...off, encryption: there })).toEqual([null, null]);
        for (const side of pair) expect(await side.call('peer')).toMatchObject({ encrypted, verified: true });
        await pair[0].call('untilLog', encrypted ? 'the other side asked for encryption' : 'both sides asked for no encryption');
        await pair[0].call('prepareText', text, 5000, 3);
        await pair[0].call('watchWire', text);
        const sending = await pair[0].call('send', 3);
        await pair[1].call('nextOffer');
        const receiving = await pair[1].call('accept', 'memory');
        const [sent, received] = await Promise.all([pair[0].call('outcome', sending, { seed: 3 }), pair[1].call('outcome', receiving)]);
        expect(received.files?.[0]?.sha256).toBe(sent.files?.[0]?.sha256);
        expect(received.files?.[0]?.root).toBe(sent.files?.[0]?.root);
        const { messages, hits } = await pair[0].call('wire');
        expect(messages).toBeGreaterThan(0);
        expect(hits > 0).toBe(!encrypted);
        await close(pair);
      });
    }
  });
}

test('privacy: every path goes through the TURN server, and no address of this machine is told', async ({ siteUrl, room }) => {
  const turn = await startCoturn();
  const browsers = [await launchBrowser('chromium'), await launchBrowser('firefox', { loopback: true })] as const;
  try {
    const [a, b] = await Promise.all(
      browsers.map(async (browser) => {
        const page = await (await browser.newContext()).newPage();
        await page.goto(new URL(bare, siteUrl).href);
        return Bare.of(page);
      }),
    );
    const pair: Pair = [a!, b!];
    const options = { room, secret: key, privacy: true, rtc: { iceServers: turn.iceServers }, lanes: { min: 2 } };
    await connectPair(...pair, options);
    await expectTransfer(...pair, 100_000, 6);
    for (const side of pair) {
      const paths = await side.call('paths');
      expect(paths.length).toBeGreaterThan(1);
      expect(new Set(paths)).toEqual(new Set(['relay']));
      const said = (await side.call('signalled')).join('\n');
      const candidates = said.match(/candidate:[^"\\]*/g) ?? [];
      expect(candidates.length).toBeGreaterThan(0);
      for (const candidate of candidates) expect(candidate).toMatch(/^candidate:\S+ \d udp \d+ 127\.0\.0\.1 \d+ typ relay /i);
      // Every address is the server's, or nobody's.
      for (const address of said.match(/\d+\.\d+\.\d+\.\d+/g) ?? []) expect(['127.0.0.1', '0.0.0.0']).toContain(address);
    }
    await close(pair);

    const refused = await pair[0].call('connect', { room, privacy: true, rtc: { iceServers: [{ urls: 'stun:127.0.0.1:1' }] } });
    expect(refused?.error).toMatchObject({ code: 'invalid-argument' });
    expect(refused?.error.message).toContain('TURN');
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
    await turn.stop();
  }
});

linkTest('the handshake takes at most two round trips and 30 ms of work, and leaves no copy of the secret', { tag: '@alone' }, async ({ openPage, emulator, room }) => {
  const rttMs = 100;
  await emulator.set({ direction: 'both', delayMs: rttMs / 2, loss: 0, rateMbps: 100, queueBytes: 625_000 });
  const pages = [await openPage('chromium', 'sender', bare), await openPage('chromium', 'receiver', bare)] as const;
  await attachPair(emulator, pages);
  const pair: Pair = [await Bare.of(pages[0]), await Bare.of(pages[1])];
  // The first session of a page also waits until the core is compiled, which is no part of a handshake.
  await connectPair(...pair, { room: `${room}-first`, worker: false });
  await close(pair);
  for (const mode of ['none', 'key', 'code'] as const) {
    const { secret } = secrets[mode]('timed');
    await connectPair(...pair, { room: `${room}-${mode}`, worker: false, ...(secret === undefined ? {} : { secret }) });
    if (secret !== undefined) {
      // The engine of this window has wiped what the secret became.
      const copies = await pair[0].call('copiesOf', Buffer.from(secret, mode === 'key' ? 'base64url' : 'utf8').toString('hex'));
      expect(copies.made).toBeGreaterThan(0);
      expect(copies.left).toBe(0);
    }
    for (const side of pair) {
      const { duration, cpuMs } = (await side.call('handshakes')).at(-1)!;
      const description = `${mode}: ${(duration / rttMs).toFixed(2)} round trips, ${cpuMs.toFixed(1)} ms of work`;
      linkTest.info().annotations.push({ type: 'handshake', description });
      console.log(`handshake, ${description}`);
      expect(cpuMs).toBeLessThan(30);
      // After the open channels. One side's open half a round trip before the other's.
      expect(duration).toBeLessThan(2.5 * rttMs + 30);
    }
    await close(pair);
  }
});
