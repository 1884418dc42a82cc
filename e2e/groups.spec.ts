// One file to several members in real browsers, with the engines and the common reader in workers.
import { expect, test, type BrowserName } from './support/fixtures.js';

interface GroupApi {
  create(where: string, options: object): Promise<{ invite: string }>;
  enter(where: string, invite: string, options: object): unknown;
  untilNames(...names: string[]): Promise<void>;
  untilReceived(count: number): Promise<void>;
  received(): { from: string; bytes: number }[];
  timeGroup(bytes: number): Promise<{ seconds: Record<string, number>; readsPerByte: number }>;
}

test('three members get a file that is read once, in a worker', async ({ openPage, siteUrl, complaints }) => {
  const browsers: readonly BrowserName[] = ['chromium', 'firefox', 'chromium', 'firefox'];
  const pages = await Promise.all(
    browsers.map((browser, index) => openPage(browser, index === 0 ? 'sender' : 'receiver', new URL('/pages/room.html', siteUrl).href)),
  );
  const members = pages.map((page) => {
    return async <Name extends keyof GroupApi>(name: Name, ...args: Parameters<GroupApi[Name]>): Promise<Awaited<ReturnType<GroupApi[Name]>>> =>
      page.evaluate(
        ([method, given]) => (globalThis as unknown as { member: Record<string, (...all: unknown[]) => unknown> }).member[method]!(...given),
        [name, args] as const,
      ) as Promise<Awaited<ReturnType<GroupApi[Name]>>>;
  });
  for (const page of pages) await page.waitForSelector('html[data-ready]');
  const [a, ...others] = members as [(typeof members)[0], ...typeof members];
  const { invite } = await a('create', '/signal', { name: 'a' });
  for (const [index, member] of others.entries()) await member('enter', '/signal', invite, { name: `m${index}` });
  await a('untilNames', 'm0', 'm1', 'm2');

  const bytes = 9_000_000;
  const measured = await a('timeGroup', bytes);
  expect(Object.keys(measured.seconds)).toHaveLength(3);
  expect(measured.readsPerByte).toBe(1);
  const workers = pages[0]!.workers();
  // An engine for each of three members; the reader has ended with the group.
  expect(workers.length).toBeGreaterThanOrEqual(3);
  for (const member of others) {
    await member('untilReceived', 1);
    expect(await member('received')).toEqual([{ from: 'a', bytes }]);
  }
  expect(complaints).toEqual([]);
});
