// Agents in real browsers, five in one room: what they say to each other, and what one of them can not do to the others.
import type { Page } from '@playwright/test';
import { expect, test as base, type BrowserName } from './support/fixtures.js';
import { startSite } from './support/site.mjs';

interface Told {
  id: string;
  sequence: number;
  source: string;
  destination: string | null;
  level: string;
  version: number;
  timestamp: number;
  payload: unknown;
}

interface Logged {
  event: string;
  [field: string]: unknown;
}

type Outcome = { id?: string; sequence?: number; milliseconds?: number; code?: string };

/** The functions of e2e/pages/mesh.js. */
interface AgentApi {
  join(room: string, agentId: string, options?: object): Promise<{ code: string } | null>;
  untilConnected(count: number): Promise<void>;
  untilAgents(count: number): Promise<void>;
  untilMessages(count: number): Promise<void>;
  untilLogged(event: string, reason?: string): Promise<void>;
  untilReceived(count: number): Promise<void>;
  agents(): string[];
  topology(): string;
  mode(): string;
  stats(): { batchBytes: number };
  received(): { from: string; bytes: number }[];
  takeMessages(): Told[];
  takeLog(): Logged[];
  send(to: string | null, payload: unknown, options?: object): Promise<Outcome>;
  sendJson(to: string | null, text: string): Promise<Outcome>;
  smuggleJson(to: string | null, text: string): Promise<Outcome>;
  sendMany(to: string | null, count: number, bytes: number, options?: object): Promise<number>;
  flood(to: string, count: number): void;
  sendFile(to: string, bytes: number): Promise<number | { code: string }>;
  leave(): Promise<void>;
}

class Agent {
  constructor(readonly page: Page) {}

  call<Name extends keyof AgentApi>(name: Name, ...args: Parameters<AgentApi[Name]>): Promise<Awaited<ReturnType<AgentApi[Name]>>> {
    return this.page.evaluate(
      ([method, given]) => (globalThis as unknown as { agent: Record<string, (...all: unknown[]) => unknown> }).agent[method]!(...given),
      [name, args] as const,
    ) as Promise<Awaited<ReturnType<AgentApi[Name]>>>;
  }
}

interface MeshFixtures {
  /** Agents `a`, `b`, … in contexts of their own, each connected to all others. */
  joinAll: (browsers: readonly BrowserName[], options?: object) => Promise<Agent[]>;
  openAgent: (browser: BrowserName) => Promise<Agent>;
}

const test = base.extend<MeshFixtures, { meshSite: string }>({
  meshSite: [
    async ({}, use) => {
      const site = await startSite({ withPages: true, env: { MAX_CLIENTS_PER_ROOM: '16' } });
      await use(site.url);
      await site.stop();
    },
    { scope: 'worker' },
  ],
  openAgent: async ({ meshSite, openPage }, use) => {
    let opened = 0;
    await use(async (browser) => {
      opened += 1;
      const page = await openPage(browser, opened % 2 === 0 ? 'receiver' : 'sender', new URL('/pages/mesh.html', meshSite).href);
      await page.waitForSelector('html[data-ready]');
      return new Agent(page);
    });
  },
  joinAll: async ({ openAgent, room }, use) => {
    await use(async (browsers, options) => {
      const agents: Agent[] = [];
      for (const browser of browsers) agents.push(await openAgent(browser));
      const joined = await Promise.all(agents.map((agent, index) => agent.call('join', room, 'abcdefgh'[index]!, options)));
      expect(joined).toEqual(browsers.map(() => null));
      await Promise.all(agents.map((agent) => agent.call('untilConnected', browsers.length - 1)));
      return agents;
    });
  },
});

const five: readonly BrowserName[] = ['chromium', 'chromium', 'chromium', 'chromium', 'chromium'];

test('five agents talk: messages, broadcasts, acknowledgements, files, and the event log', async ({ joinAll, complaints }) => {
  const agents = await joinAll(['chromium', 'firefox', 'chromium', 'chromium', 'chromium']);
  const [a, b, c] = agents as [Agent, Agent, Agent];
  expect(await a.call('agents')).toEqual(['b', 'c', 'd', 'e']);
  expect(await a.call('topology')).toBe('full');

  const acknowledged = await a.call('send', 'b', { hello: ['you', 1, null] });
  expect(acknowledged).toMatchObject({ sequence: 0 });
  expect(acknowledged.milliseconds).toBeGreaterThan(0);
  const [message] = await b.call('takeMessages');
  expect(message).toMatchObject({
    id: acknowledged.id, source: 'a', destination: 'b', level: 'normal', version: 1, sequence: 0, payload: { hello: ['you', 1, null] },
  });
  expect(Math.abs(Date.now() - message!.timestamp)).toBeLessThan(60_000);

  // In order, whatever way; and all of it.
  expect(await a.call('sendMany', null, 50, 2_000)).toBe(50);
  for (const agent of agents.slice(1)) {
    await agent.call('untilMessages', 50);
    const told = await agent.call('takeMessages');
    expect(told.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(told.every(({ destination, payload }) => destination === null && (payload as { bytes: number }).bytes === 2_000)).toBe(true);
  }

  const logged = await a.call('takeLog');
  expect(logged.find(({ event }) => event === 'message_sent')).toEqual({
    event: 'message_sent', id: acknowledged.id, sequence: 0, mode: 'HIGH', bufferedAmount: expect.any(Number),
  });
  expect((await b.call('takeLog')).find(({ event }) => event === 'message_received')).toEqual({
    event: 'message_received', id: acknowledged.id, sequence: 0,
  });

  expect(await c.call('sendFile', 'b', 3_000_000)).toBe(3_000_000);
  await b.call('untilReceived', 1);
  expect(await b.call('received')).toEqual([{ from: 'c', bytes: 3_000_000 }]);
  expect(complaints).toEqual([]);
});

test('in LOW, payloads cross compressed and come back as they were, in their order', async ({ joinAll }) => {
  // Whatever waits at all takes it down, and nothing takes it up again.
  const [a, b] = (await joinAll(['chromium', 'firefox'], { bandwidth: { mediumAbove: 0, lowAbove: 0, mediumBelow: 0, highBelow: 0 } })) as [Agent, Agent];
  let sent = 0;
  await expect
    .poll(async () => {
      sent += await a.call('sendMany', 'b', 10, 60_000);
      return a.call('mode');
    })
    .toBe('LOW');
  // What is compressed is unpacked after it was acknowledged.
  await b.call('untilMessages', sent);
  await b.call('takeMessages');
  const { batchBytes: before } = await a.call('stats');
  expect(await a.call('sendMany', 'b', 20, 60_000)).toBe(20);
  const { batchBytes: after } = await a.call('stats');
  // All bytes are the same ones.
  expect(after - before).toBeLessThan(20 * 60_000 * 0.1);
  await b.call('untilMessages', 20);
  const told = await b.call('takeMessages');
  expect(told.map(({ payload }) => payload)).toEqual(Array.from({ length: 20 }, () => ({ bytes: 60_000 })));
  expect(told.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 20 }, (_, index) => sent + index));
});

test('a hub is closed in the middle: another one takes its place, and nothing is lost', async ({ openAgent, room }) => {
  const agents: Agent[] = [];
  for (const browser of five) agents.push(await openAgent(browser));
  // `a` and `b` can forward the most.
  const capacities = [100_000_000, 50_000_000, 1_000, 1_000, 1_000];
  const joined = await Promise.all(
    agents.map((agent, index) => agent.call('join', room, 'abcde'[index]!, { topology: 'hub', capacity: capacities[index] })),
  );
  expect(joined).toEqual([null, null, null, null, null]);
  const [a, b, c, d, e] = agents as [Agent, Agent, Agent, Agent, Agent];
  await Promise.all([a, b].map((hub) => hub.call('untilConnected', 4)));
  await Promise.all([c, d, e].map((spoke) => spoke.call('untilConnected', 2)));

  expect(await c.call('sendMany', 'd', 20, 500)).toBe(20);
  const talking = Promise.all([c.call('sendMany', 'd', 60, 500), d.call('sendMany', null, 60, 500)]);
  await a.page.close();
  expect(await talking).toEqual([60, 60]);
  await Promise.all([b, c, d, e].map((agent) => agent.call('untilAgents', 3)));
  const toD = await d.call('takeMessages');
  expect(toD.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 80 }, (_, index) => index));
  for (const agent of [b, c, e]) {
    const told = await agent.call('takeMessages');
    expect(told.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 60 }, (_, index) => index));
  }
});

test('what one agent does wrong is told to it, or dropped and logged, and the others are unharmed', async ({ joinAll, openAgent, room, complaints }) => {
  // So few that a slow machine floods, too.
  const [a, b, c, d, e] = (await joinAll(five, { messagesPerSecond: 20 })) as [Agent, Agent, Agent, Agent, Agent];

  expect(await a.call('send', 'nobody', 1)).toMatchObject({ code: 'invalid-argument' });
  expect(await a.call('send', 'b', { bytes: 65_537 })).toMatchObject({ code: 'too-large' });
  expect(await a.call('send', 'b', { bytes: 65_536 })).toMatchObject({ sequence: 0 });
  expect(await b.call('takeMessages')).toHaveLength(1);

  for (const text of ['{"__proto__":{"polluted":1}}', '{"a":[{"constructor":{"prototype":{}}}]}']) {
    expect(await a.call('sendJson', 'c', text)).toMatchObject({ code: 'invalid-argument' });
    expect(await a.call('smuggleJson', 'c', text)).toHaveProperty('sequence');
  }
  await c.call('untilLogged', 'message_dropped', 'payload');
  expect(await c.call('takeMessages')).toEqual([]);
  expect(await c.page.evaluate(() => 'polluted' in {})).toBe(false);

  // A second `a`: it is refused, and the first one stays.
  const twin = await openAgent('chromium');
  expect(await twin.call('join', room, 'a')).toMatchObject({ code: 'invalid-argument' });
  expect(await b.call('agents')).toEqual(['a', 'c', 'd', 'e']);

  // One that limits itself to a million messages a second floods one that does not.
  const flooder = await openAgent('chromium');
  expect(await flooder.call('join', room, 'flooder', { messagesPerSecond: 1_000_000 })).toBeNull();
  await flooder.call('untilConnected', 5);
  await flooder.call('flood', 'd', 250);
  await d.call('untilLogged', 'message_dropped', 'flood');
  expect(await e.call('send', 'd', 'still there?')).toMatchObject({ sequence: 0 });
  expect((await d.call('takeMessages')).some(({ source, payload }) => source === 'e' && payload === 'still there?')).toBe(true);
  expect(complaints).toEqual([]);
});
