// A ConnectionManager of millrace/parts on each of two pages.
import { expect, nameOf, pairings, test } from './support/fixtures.js';

/** The functions of e2e/pages/manager.js. */
interface ManagerApi {
  offer(): Promise<RTCSessionDescriptionInit>;
  answer(offer: RTCSessionDescriptionInit): Promise<RTCSessionDescriptionInit>;
  finish(answer: RTCSessionDescriptionInit): Promise<void>;
  candidates(): Promise<RTCIceCandidateInit[]>;
  add(candidates: RTCIceCandidateInit[]): Promise<void>;
  opened(): Promise<void>;
  fill(): Promise<{ before: number; full: [boolean, number]; after: boolean }>;
  send(data: string | number[]): boolean;
  arrived(): (string | number[])[];
  lanes(): Promise<void>;
  receive(): Promise<number>;
  leave(): void;
  ended(): Promise<void>;
}

declare global {
  var manager: ManagerApi;
}

for (const pairing of pairings) {
  test(`${nameOf(pairing)}: two managers connect, send, wait for room, carry lanes, and part`, async ({ openPage, complaints }) => {
    const caller = await openPage(pairing.sender, 'sender', '/pages/manager.html');
    const called = await openPage(pairing.receiver, 'receiver', '/pages/manager.html');
    const pages = [caller, called];
    for (const page of pages) await page.waitForFunction(() => globalThis.manager !== undefined);
    const answer = await called.evaluate((offer) => globalThis.manager.answer(offer), await caller.evaluate(() => globalThis.manager.offer()));
    // These come before the answer.
    await caller.evaluate((list) => globalThis.manager.add(list), await called.evaluate(() => globalThis.manager.candidates()));
    await caller.evaluate((description) => globalThis.manager.finish(description), answer);
    await called.evaluate((list) => globalThis.manager.add(list), await caller.evaluate(() => globalThis.manager.candidates()));
    await Promise.all(pages.map((page) => page.evaluate(() => globalThis.manager.opened())));

    await caller.evaluate(() => globalThis.manager.send('text ☂'));
    await called.evaluate(() => globalThis.manager.send([1, 2, 255]));
    const { before, full, after } = await caller.evaluate(() => globalThis.manager.fill());
    expect(before).toBeGreaterThan(0);
    expect([full, after]).toEqual([[true, 1], false]);
    await expect.poll(() => called.evaluate(() => globalThis.manager.arrived())).toEqual(['text ☂', 'drained']);
    expect(await caller.evaluate(() => globalThis.manager.arrived())).toEqual([[1, 2, 255]]);

    const received = called.evaluate(() => globalThis.manager.receive());
    await caller.evaluate(() => globalThis.manager.lanes());
    expect(await received).toBe(500_000);

    const ended = called.evaluate(() => globalThis.manager.ended());
    await caller.evaluate(() => globalThis.manager.leave());
    await ended;
    expect(complaints).toEqual([]);
  });
}
