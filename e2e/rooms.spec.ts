// Rooms in real browsers, over the site's own server: members that come, go, reload, and a server that restarts.
import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { expect, pairings, nameOf, test as base, type BrowserName } from './support/fixtures.js';
import { startSite } from './support/site.mjs';

interface About {
  state: string;
  invite: string;
  code: string | null;
  id: string;
}

interface PeerAbout {
  id: string;
  name: string;
  data: unknown;
  state: string;
  verified: boolean;
}

type Entered = { invite: string; code: string | null; message?: string };

/** The functions of e2e/pages/room.js. */
interface MemberApi {
  create(where: string, options?: object): Promise<Entered>;
  enter(where: string, invite: string, options?: object): Entered;
  about(): About;
  peers(): PeerAbout[];
  log(): string[];
  untilNames(...names: string[]): Promise<void>;
  untilState(state: string): Promise<void>;
  untilLogged(text: string): Promise<void>;
  untilCode(): Promise<void>;
  untilReceived(count: number): Promise<void>;
  received(): { from: string; bytes: number }[];
  send(bytes: number, options?: object): number;
  outcome(group: number): Promise<{ bytes?: Record<string, number>; code?: string }>;
  leave(): Promise<void>;
}

class Member {
  constructor(readonly page: Page) {}

  call<Name extends keyof MemberApi>(name: Name, ...args: Parameters<MemberApi[Name]>): Promise<Awaited<ReturnType<MemberApi[Name]>>> {
    return this.page.evaluate(
      ([method, given]) => (globalThis as unknown as { member: Record<string, (...all: unknown[]) => unknown> }).member[method]!(...given),
      [name, args] as const,
    ) as Promise<Awaited<ReturnType<MemberApi[Name]>>>;
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.page.waitForSelector('html[data-ready]');
  }
}

const test = base.extend<{ openMember: (browser: BrowserName, siteUrl?: string) => Promise<Member> }>({
  openMember: async ({ openPage, siteUrl }, use) => {
    let opened = 0;
    await use(async (browser, url = siteUrl) => {
      opened += 1;
      const page = await openPage(browser, opened % 2 === 0 ? 'receiver' : 'sender', new URL('/pages/room.html', url).href);
      await page.waitForSelector('html[data-ready]');
      return new Member(page);
    });
  },
});

const where = '/signal';
const browsers: readonly BrowserName[] = ['chromium', 'firefox'];

/** The blocks of code under a heading of the README. */
async function blocksUnder(heading: string): Promise<string[]> {
  const text = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const section = text.split(`## ${heading}\n`)[1]!.split('\n## ')[0]!;
  return [...section.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, block]) => block!);
}

/** Runs a program of the README in a page, with these values as what it takes for granted. */
async function run(page: Page, name: string, program: string, prelude: string): Promise<void> {
  const path = `/pages/readme_${name}.js`;
  // Without public STUN servers, which the lines use by default.
  const options = '{ rtc: { iceServers: [] } }';
  const local = program
    .replaceAll("'millrace'", "'/dist/millrace.js'")
    .replace("createRoom('wss://example.org/signal')", `createRoom('${where}', ${options})`)
    .replace("joinRoom('wss://example.org/signal', invite)", `joinRoom('${where}', invite, ${options})`);
  const body = `${prelude}\n${local}`;
  await page.route(`**${path}`, (route) => route.fulfill({ contentType: 'text/javascript', body }));
  await page.evaluate((module) => import(module), path);
}

for (const pairing of pairings) {
  test(`the lines of the README send a file: ${nameOf(pairing)}`, async ({ openMember, complaints }) => {
    const [sending, receiving] = await blocksUnder('Send a file in four lines');
    const [sender, receiver] = [await openMember(pairing.sender), await openMember(pairing.receiver)];
    await sender.page.locator('input').setInputFiles([{ name: 'hello.bin', mimeType: '', buffer: Buffer.alloc(300_000, 7) }]);
    const prelude = "const input = document.querySelector('input'); const show = (text) => (document.title = text);";
    const sent = run(sender.page, 'sender', sending!, prelude);
    await expect(sender.page).toHaveTitle(/^[\w.-]{40,}$/);
    const invite = await sender.page.title();
    await run(receiver.page, 'receiver', receiving!, `const invite = ${JSON.stringify(invite)};`);
    // The module has run when its last line has: every byte is stored and checked.
    await sent;
    expect(complaints).toEqual([]);
  });
}

test('four members in both browsers meet, send to all, and go on when one leaves', async ({ openMember, complaints }) => {
  const [a, b, c, d] = (await Promise.all(['chromium', 'firefox', 'chromium', 'firefox'].map((browser) => openMember(browser as BrowserName)))) as [Member, Member, Member, Member];
  const { invite } = await a.call('create', where, { name: 'a', data: { seat: 1 } });
  for (const [member, name] of [[b, 'b'], [c, 'c'], [d, 'd']] as const) await member.call('enter', where, invite, { name });
  await Promise.all([a.call('untilNames', 'b', 'c', 'd'), b.call('untilNames', 'a', 'c', 'd'), c.call('untilNames', 'a', 'b', 'd'), d.call('untilNames', 'a', 'b', 'c')]);
  const ids = await Promise.all([a, b, c, d].map(async (member) => (await member.call('about')).id));
  expect(new Set(ids).size).toBe(4);
  const seen = await d.call('peers');
  expect(seen.find(({ name }) => name === 'a')).toEqual({ id: ids[0], name: 'a', data: { seat: 1 }, state: 'connected', verified: true });
  expect(seen.find(({ name }) => name === 'c')?.id).toBe(ids[2]);

  const all = await a.call('send', 500_000);
  expect(await a.call('outcome', all)).toEqual({ bytes: { [ids[1]!]: 500_000, [ids[2]!]: 500_000, [ids[3]!]: 500_000 } });
  for (const member of [b, c, d]) {
    await member.call('untilReceived', 1);
    expect(await member.call('received')).toEqual([{ from: 'a', bytes: 500_000 }]);
  }
  await d.call('leave');
  await Promise.all([a.call('untilNames', 'b', 'c'), b.call('untilNames', 'a', 'c'), c.call('untilNames', 'a', 'b')]);
  const one = await b.call('send', 1_000, { to: ids[2]! });
  expect(await b.call('outcome', one)).toEqual({ bytes: { [ids[2]!]: 1_000 } });
  expect((await d.call('about')).state).toBe('closed');
  expect(complaints).toEqual([]);
});

for (const [index, browser] of browsers.entries()) {
  test(`a reloaded page is the same member, whether it made the room or joined it: ${browser}`, async ({ openMember }) => {
    const other = browsers[1 - index]!;
    const [a, b] = [await openMember(browser), await openMember(other)];
    const { invite } = await a.call('create', where, { name: 'a', maxPeers: 1 });
    await b.call('enter', where, invite, { name: 'b', maxPeers: 1 });
    for (const [member, name, stays, its] of [[b, 'b', a, 'a'], [a, 'a', b, 'b']] as const) {
      await stays.call('untilNames', name);
      const [before] = await stays.call('peers');
      const own = await member.call('about');
      expect(before!.id).toBe(own.id);
      await member.reload();
      await member.call('enter', where, invite, { name: `${name} again`, maxPeers: 1 });
      await stays.call('untilNames', `${name} again`);
      await member.call('untilNames', its === 'b' ? 'b again' : 'a');
      expect((await stays.call('peers'))[0]!.id).toBe(before!.id);
      expect((await member.call('about')).id).toBe(own.id);
      expect(await stays.call('log')).toEqual(expect.arrayContaining([`+${name}`, `-${name}`, `+${name} again`]));
      expect((await stays.call('log')).filter((entry) => entry.startsWith('error'))).toEqual([]);
    }
    const sent = await a.call('send', 100_000);
    expect(Object.values((await a.call('outcome', sent)).bytes!)).toEqual([100_000]);
  });

  test(`a tab that the browser copied becomes another member: ${browser}`, async ({ openMember }) => {
    const [a, b] = [await openMember(browser), await openMember(browser)];
    const { invite } = await a.call('create', where, { name: 'a' });
    await b.call('enter', where, invite, { name: 'b' });
    await a.call('untilNames', 'b');
    // The copy of a tab begins with a copy of its session storage.
    const copy = await openMember(browser);
    const kept = await b.page.evaluate(() => JSON.stringify({ ...sessionStorage }));
    await copy.page.evaluate((text) => {
      for (const [key, value] of Object.entries(JSON.parse(text) as Record<string, string>)) sessionStorage.setItem(key, value);
    }, kept);
    await copy.call('enter', where, invite, { name: 'copy' });
    await a.call('untilNames', 'b', 'copy');
    await b.call('untilNames', 'a', 'copy');
    const ids = await Promise.all([a, b, copy].map(async (member) => (await member.call('about')).id));
    expect(new Set(ids).size).toBe(3);
    expect(await a.call('log')).not.toContain('-b');
  });
}

test('the server restarts: a room with one member is offline, two members stay connected, and a third one finds both', async ({ openMember }) => {
  let site = await startSite({ withPages: true });
  const { port } = new URL(site.url);
  try {
    const [a, b, c] = [await openMember('chromium', site.url), await openMember('firefox', site.url), await openMember('chromium', site.url)];
    const signal = new URL('/signal', site.url).href;
    const { invite } = await a.call('create', signal, { name: 'a' });
    await a.call('untilState', 'waiting');
    await site.stop();
    await a.call('untilState', 'offline');
    site = await startSite({ withPages: true, env: { PORT: port } });
    await b.call('enter', signal, invite, { name: 'b' });
    await a.call('untilNames', 'b');
    await site.stop();
    const sent = await a.call('send', 3_000_000);
    expect(Object.values((await a.call('outcome', sent)).bytes!)).toEqual([3_000_000]);
    await c.call('enter', signal, invite, { name: 'c' });
    await c.call('untilState', 'offline');
    site = await startSite({ withPages: true, env: { PORT: port } });
    await c.call('untilNames', 'a', 'b');
    for (const member of [a, b, c]) expect((await member.call('log')).filter((entry) => entry.startsWith('error'))).toEqual([]);
    expect((await a.call('about')).state).toBe('connected');
  } finally {
    await site.stop();
  }
});

test('a third member of a pair is told that the room is full, and takes the place of one that leaves', async ({ openMember }) => {
  const [a, b, c] = [await openMember('chromium'), await openMember('firefox'), await openMember('chromium')];
  const { invite } = await a.call('create', where, { name: 'a', maxPeers: 1 });
  await b.call('enter', where, invite, { name: 'b', maxPeers: 1 });
  await a.call('untilNames', 'b');
  await c.call('enter', where, invite, { name: 'c', maxPeers: 1 });
  await c.call('untilLogged', 'error rejected: rejected: the room is full');
  await c.page.waitForTimeout(3_000);
  expect((await c.call('log')).filter((entry) => entry.startsWith('error'))).toHaveLength(1);
  expect((await a.call('peers')).map(({ state }) => state)).toEqual(['connected']);
  await b.call('leave');
  await Promise.all([a.call('untilNames', 'c'), c.call('untilNames', 'a')]);
});

test('a wrong invite is reported on both sides, and the room goes on', async ({ openMember }) => {
  const [a, b, c] = [await openMember('chromium'), await openMember('firefox'), await openMember('chromium')];
  const { invite } = await a.call('create', where, { name: 'a' });
  expect((await b.call('enter', where, 'no invite at all')).message).toMatch(/^invalid-argument: invite/);
  const damaged = invite.slice(0, -6) + (invite.endsWith('AAAAAA') ? 'BBBBBB' : 'AAAAAA');
  await b.call('enter', where, damaged, { name: 'b' });
  for (const member of [a, b]) await member.call('untilLogged', 'error authentication-failed');
  await c.call('enter', where, `https://example.org/#${invite}`, { name: 'c' });
  await Promise.all([a.call('untilNames', 'c'), c.call('untilNames', 'a')]);
  expect(await b.call('peers')).toEqual([]);
});

test('a short code lets one member in after another, and nobody with wrong words', async ({ openMember }) => {
  const [a, b, c, d] = [await openMember('chromium'), await openMember('firefox'), await openMember('chromium'), await openMember('firefox')];
  const { invite, code } = await a.call('create', where, { name: 'a', code: true });
  expect(code).toMatch(/^\d+-[a-z]+-[a-z]+$/);
  expect(await b.call('enter', where, code!, { name: 'b' })).toEqual({ invite: code, code: null });
  await Promise.all([a.call('untilNames', 'b'), b.call('untilNames', 'a')]);
  expect((await b.call('about')).invite).toBe(invite);

  // Each code is good once.
  await c.call('enter', where, code!, { name: 'c' });
  await c.call('untilState', 'closed');
  await c.call('untilLogged', 'error signaling-failed: signaling-failed: no room waits with this code');
  await a.call('untilCode');
  const second = (await a.call('about')).code!;
  expect(second).not.toBe(code);
  await d.call('enter', where, second.replace(/[a-z]+$/, 'wrong'), { name: 'd' });
  await d.call('untilState', 'closed');
  await d.call('untilLogged', 'error authentication-failed');
  await a.call('untilLogged', 'error authentication-failed');
  await a.call('untilCode');
  const third = (await a.call('about')).code!;
  expect(third).not.toBe(second);
  await c.reload();
  await c.call('enter', where, third.toUpperCase().replaceAll('-', ' '), { name: 'c' });
  await Promise.all([a.call('untilNames', 'b', 'c'), c.call('untilNames', 'a', 'b')]);
});

test('a code survives a restart of the server', async ({ openMember }) => {
  let site = await startSite({ withPages: true });
  const { port } = new URL(site.url);
  try {
    const [a, b] = [await openMember('chromium', site.url), await openMember('firefox', site.url)];
    const signal = new URL('/signal', site.url).href;
    const { code } = await a.call('create', signal, { name: 'a', code: true });
    await site.stop();
    await a.call('untilState', 'offline');
    await b.call('enter', signal, code!, { name: 'b' });
    await b.call('untilState', 'offline');
    site = await startSite({ withPages: true, env: { PORT: port } });
    await Promise.all([a.call('untilNames', 'b'), b.call('untilNames', 'a')]);
  } finally {
    await site.stop();
  }
});

test('a room over two tabs of one browser, without a server', async ({ openPage, siteUrl }) => {
  const first = await openPage('chromium', 'sender', new URL('/pages/blank.html', siteUrl).href);
  const second = await first.context().newPage();
  await second.goto(new URL('/pages/blank.html', siteUrl).href);
  const enter = (page: Page, name: string): Promise<string[]> =>
    page.evaluate(async (own) => {
      const from = '/dist/';
      const { joinRoom } = (await import(`${from}millrace.js`)) as typeof import('../web/index.js');
      const { broadcastSignaling } = (await import(`${from}signaling.js`)) as typeof import('../web/signaling.js');
      const room = joinRoom(() => broadcastSignaling('a-room'), 'room-0123456789abcdef.A-key-of-the-room-0123456789abcdefghijkl', { name: own, rtc: { iceServers: [] } });
      await new Promise<Event>((resolve) => {
        room.onpeer = resolve;
      });
      return [...room.peers.values()].map((peer) => peer.name);
    }, name);
  expect(await Promise.all([enter(first, 'one'), enter(second, 'two')])).toEqual([['two'], ['one']]);
});
