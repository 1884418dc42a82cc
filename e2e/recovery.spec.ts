// What a transfer gets over: a page that goes away and comes back, a disk that is full or slow, a file that changes, lanes that
// lose. And what it can take: very many files, folders, streams.
import { appendFile, writeFile } from 'node:fs/promises';
import { Bare, connectPair, type Outcome } from './support/bare.js';
import { launchBrowser } from './support/browsers.mjs';
import { expect, nameOf, pairings, tagOf, test, type BrowserName } from './support/fixtures.js';
import { empty, fill, setQuota } from './support/storage.js';

const MiB = 1024 * 1024;
/** So that what is left takes longer than the test needs for its next step. */
const unhurried = { bandwidthLimit: 6_000_000 };
const bare = '/pages/bare.html';
const names: readonly BrowserName[] = ['chromium', 'firefox'];

async function outcome(side: Bare, transfer: number, seed: number | null = null): Promise<Outcome> {
  return side.call('outcome', transfer, { seed });
}

function expectSame(sent: Outcome, received: Outcome): void {
  expect(sent.error).toBeUndefined();
  expect(received.error).toBeUndefined();
  expect(received.files?.map(({ sha256 }) => sha256)).toEqual(sent.files?.map(({ sha256 }) => sha256));
  expect(received.files?.map(({ root }) => root)).toEqual(sent.files?.map(({ root }) => root));
}

/** Sends the bytes of `seed` again over a new session and gives what both sides make of it. */
async function sendAgain(sender: Bare, receiver: Bare, room: string, seed: number): Promise<[sent: Outcome, received: Outcome]> {
  await connectPair(sender, receiver, { room, worker: true });
  const sending = await sender.call('send', seed);
  await receiver.call('nextOffer');
  const receiving = await receiver.call('accept', 'opfs');
  return Promise.all([outcome(sender, sending, seed), outcome(receiver, receiving)]);
}

for (const pairing of pairings) {
  test(`${nameOf(pairing)}: a receiver that is reloaded gets the rest, not the whole`, { tag: tagOf(pairing) }, async ({ openPage, room }) => {
    const size = 12 * MiB;
    const sender = await Bare.of(await openPage(pairing.sender, 'sender', bare));
    const page = await openPage(pairing.receiver, 'receiver', bare);
    let receiver = await Bare.of(page);
    await sender.call('prepare', [size, 100_001], 3);
    await connectPair(sender, receiver, { room, worker: true, ...unhurried });
    const sending = await sender.call('send', 3);
    await receiver.call('nextOffer');
    // Pausing at two thirds makes it certain that there is a rest; two seconds are more than one flush interval.
    const receiving = await receiver.call('accept', 'opfs');
    await receiver.call('untilBytes', receiving, (size * 2) / 3);
    await receiver.call('pause', receiving);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await page.reload();
    receiver = await Bare.of(page);
    expect(await receiver.call('storedBytes')).toBeGreaterThan(size / 2);
    const left = await receiver.call('listStored');
    expect(left).toMatchObject([{ state: 'interrupted', totalBytes: size + 100_001 }]);
    expect(left[0]!.bytes).toBeGreaterThan(size / 2);

    const again = receiver.call('connect', { room, worker: true });
    // The sender finds out by itself; what the page does then, an application would do.
    const cut = await outcome(sender, sending);
    expect(cut.error).toMatchObject({ name: 'MillraceError' });
    expect(['closed', 'connection-lost']).toContain(cut.error?.code);
    expect(await sender.call('connect', { room, worker: true })).toBeNull();
    expect(await again).toBeNull();
    const resending = await sender.call('send', 3);
    await receiver.call('nextOffer');
    const resumed = await receiver.call('accept', 'opfs');
    const [sent, received] = await Promise.all([outcome(sender, resending, 3), outcome(receiver, resumed)]);
    expectSame(sent, received);
    expect(received.bytes).toBe(size + 100_001);
    expect(sent.bulkBytes).toBeLessThan(size * 0.45);
    // Another visit finds the files by their names.
    await page.reload();
    receiver = await Bare.of(page);
    const files = sent.files?.map(({ name, size, sha256 }) => ({ name, size, sha256 }));
    expect(await receiver.call('listStored')).toMatchObject([{ state: 'finished', bytes: size + 100_001, files }]);
    await receiver.call('removeStored');
    expect(await receiver.call('storedBytes')).toBe(0);
  });
}

for (const name of names) {
  test(`${name}: a full disk fails its own transfer only, and room for the rest completes it`, async ({ openPage, siteUrl, room }) => {
    const quotaBytes = 32 * MiB;
    // Firefox lets one site have a fifth of what all have.
    const browser = await launchBrowser(name, { quotaKiB: (5 * quotaBytes) / 1024 });
    try {
      const page = await (await browser.newContext()).newPage();
      await page.goto(new URL(bare, siteUrl).href);
      const receiver = await Bare.of(page);
      const sender = await Bare.of(await openPage('chromium', 'sender', bare));
      await sender.call('prepare', [20 * MiB], 8);
      await sender.call('prepare', [3 * MiB], 9);
      await connectPair(sender, receiver, { room, worker: true, ...unhurried });
      await setQuota(name, page, quotaBytes);
      const sending = await sender.call('send', 8);
      await receiver.call('nextOffer');
      const receiving = await receiver.call('accept', 'opfs');
      const sendingOther = await sender.call('send', 9);
      await receiver.call('nextOffer');
      const receivingOther = await receiver.call('accept', 'memory');
      await receiver.call('untilBytes', receiving, 4 * MiB);
      await receiver.call('pause', receiving);
      // Something else on this site takes the room that was there when the transfer began.
      await fill(page, 18 * MiB);
      await receiver.call('resume', receiving);
      for (const side of await Promise.all([outcome(sender, sending), outcome(receiver, receiving)])) {
        expect(side.error).toMatchObject({ name: 'MillraceError', code: 'out-of-space' });
        expect(side.state).toBe('failed');
      }
      const [sentOther, receivedOther] = await Promise.all([outcome(sender, sendingOther, 9), outcome(receiver, receivingOther)]);
      expectSame(sentOther, receivedOther);
      await Promise.all([sender.call('closePeer'), receiver.call('closePeer')]);

      await empty(page);
      await setQuota(name, page, undefined);
      const [sent, received] = await sendAgain(sender, receiver, `${room}-again`, 8);
      expectSame(sent, received);
      expect(sent.bulkBytes).toBeLessThan(19 * MiB);
    } finally {
      await browser.close();
    }
  });

  test(`${name}: a file that is written to in mid-transfer is not passed off as whole`, async ({ openPage, room }) => {
    // Firefox gives what it finds; only a file that became shorter shows there.
    const path = test.info().outputPath('changing.bin');
    await writeFile(path, Buffer.alloc(40 * MiB, 'before'));
    const page = await openPage(name, 'sender', bare);
    const sender = await Bare.of(page);
    const receiver = await Bare.of(await openPage('chromium', 'receiver', bare));
    await connectPair(sender, receiver, { room });
    await page.locator('input[type=file]').setInputFiles(path);
    const sending = await sender.call('sendChosen');
    await receiver.call('nextOffer');
    const receiving = await receiver.call('accept', 'opfs');
    await receiver.call('untilBytes', receiving, 2 * MiB);
    await (name === 'firefox' ? writeFile(path, 'short') : appendFile(path, 'more'));
    for (const side of await Promise.all([outcome(sender, sending), outcome(receiver, receiving)])) {
      expect(side.error).toMatchObject({ name: 'MillraceError', code: 'source-changed' });
    }
    expect(await receiver.call('storedBytes')).toBe(0);
  });

  test(`${name}: three hundred small files, and a folder into a folder`, async ({ openPage, room }) => {
    const sender = await Bare.of(await openPage(name, 'sender', bare));
    const receiver = await Bare.of(await openPage(name, 'receiver', bare));
    await connectPair(sender, receiver, { room });
    const sizes = Array.from({ length: 300 }, (_, index) => (index * 37) % 4001);
    await sender.call('prepare', sizes, 5000);
    const sending = await sender.call('send', 5000);
    expect((await receiver.call('nextOffer')).files).toHaveLength(300);
    const receiving = await receiver.call('accept', 'opfs');
    const [sent, received] = await Promise.all([outcome(sender, sending, 5000), outcome(receiver, receiving)]);
    expectSame(sent, received);

    const files: [string, number][] = [
      ['a.txt', 100],
      ['b/c.bin', 300_000],
      ['b/d/e.bin', 0],
      ['b/d/f with space.bin', 17 * 1024],
      ['z.txt', 1],
    ];
    const walking = await sender.call('sendDirectory', 'holiday', files, 60);
    const { files: offered, totalBytes } = await receiver.call('nextOffer');
    expect(offered.map(({ path, size }) => [path.replace('holiday/', ''), size])).toEqual(files);
    expect(totalBytes).toBe(files.reduce((sum, [, size]) => sum + size, 0));
    const saving = await receiver.call('acceptIntoDirectory', 'saved');
    const done = await Promise.all([outcome(sender, walking), outcome(receiver, saving)]);
    for (const { error } of done) expect(error).toBeUndefined();
    const expected = await Promise.all(
      files.map(async ([path, size], index) => [`holiday/${path}`, await sender.call('hashOf', size, 60 + index)] as const),
    );
    expect(await receiver.call('listDirectory', 'saved')).toEqual(expected);
  });

  test(`${name}: streams cross both ways of the API, and a slow sink slows the sender`, async ({ openPage, room }) => {
    const size = 12 * MiB + 5;
    const sender = await Bare.of(await openPage(name, 'sender', bare));
    const receiver = await Bare.of(await openPage(name, 'receiver', bare));
    await connectPair(sender, receiver, { room });
    const sending = await sender.call('sendStream', size, 77);
    const { files, totalBytes } = await receiver.call('nextOffer');
    expect(files[0]?.size).toBeNull();
    expect(totalBytes).toBeNull();
    const receiving = await receiver.call('acceptIntoStream', { bytesPerSecond: 4 * MiB });
    const [sent, received] = await Promise.all([outcome(sender, sending), outcome(receiver, receiving)]);
    for (const { error } of [sent, received]) expect(error).toBeUndefined();
    expect(await receiver.call('streamed', receiving)).toEqual({ bytes: size, sha256: await sender.call('hashOf', size, 77) });
    // 12 MiB at 4 MiB/s, less what the credit lets ahead.
    expect(sent.seconds).toBeGreaterThan(2);
    expect(sent.files?.[0]?.size).toBe(size);

    await test.step('a sink that fails says so on both sides', async () => {
      const cut = await sender.call('sendStream', 8 * MiB, 78);
      await receiver.call('nextOffer');
      const failing = await receiver.call('acceptIntoStream', { failAfter: 2 * MiB });
      for (const side of await Promise.all([outcome(sender, cut), outcome(receiver, failing)])) {
        expect(side.error).toMatchObject({ name: 'MillraceError', code: 'out-of-space' });
      }
    });
  });

  test(`${name}: unreliable lanes deliver everything`, async ({ openPage, room }) => {
    const sender = await Bare.of(await openPage(name, 'sender', bare));
    const receiver = await Bare.of(await openPage(name, 'receiver', bare));
    await connectPair(sender, receiver, { room, delivery: 'unreliable', lanes: { min: 2 } });
    const sending = await sendPrepared(sender, 12 * MiB, 21);
    await receiver.call('nextOffer');
    const receiving = await receiver.call('accept', 'memory');
    const [sent, received] = await Promise.all([outcome(sender, sending, 21), outcome(receiver, receiving)]);
    expectSame(sent, received);
  });
}

async function sendPrepared(sender: Bare, size: number, seed: number): Promise<number> {
  await sender.call('prepare', [size], seed);
  return sender.call('send', seed);
}
