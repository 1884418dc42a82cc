// How sessions begin, what they can do at once, and what they leave the main thread.
import { Bare, connectPair, type Held } from './support/bare.js';
import { expect, nameOf, pairings, tagOf, test } from './support/fixtures.js';

/** The state of a page without a session. */
const nothing: Held = { connections: 0, workers: 0, sockets: 0, channels: 0, ports: 0, timers: 0, listeners: 0 };

for (const pairing of pairings) {
  test(`${nameOf(pairing)}: either side may connect first, and both can send at once`, { tag: tagOf(pairing) }, async ({ openPage, complaints, room }) => {
    const a = await Bare.of(await openPage(pairing.sender, 'sender', '/pages/bare.html'));
    const b = await Bare.of(await openPage(pairing.receiver, 'receiver', '/pages/bare.html'));

    for (const [first, second] of [[a, b], [b, a]] as const) {
      const id = `${room}-${first === a ? 'a' : 'b'}`;
      let early = true;
      const waiting = first.call('connect', { room: id }).then((failure) => {
        expect(early).toBe(false);
        return failure;
      });
      // The first is alone in the room when the second comes: its greeting went to nobody.
      await first.call('untilGreeted');
      early = false;
      expect(await second.call('connect', { room: id })).toBeNull();
      expect(await waiting).toBeNull();

      await a.call('prepare', [2_000_000], 1);
      await b.call('prepare', [2_000_000], 2);
      const [fromA, fromB] = await Promise.all([a.call('send', 1), b.call('send', 2)]);
      await Promise.all([a.call('nextOffer'), b.call('nextOffer')]);
      const [toA, toB] = await Promise.all([a.call('accept', 'memory'), b.call('accept', 'opfs')]);
      const [sentByA, receivedByB, sentByB, receivedByA] = await Promise.all([
        a.call('outcome', fromA, { seed: 1 }),
        b.call('outcome', toB),
        b.call('outcome', fromB, { seed: 2 }),
        a.call('outcome', toA),
      ]);
      for (const outcome of [sentByA, receivedByB, sentByB, receivedByA]) expect(outcome.error).toBeUndefined();
      expect(receivedByB.files?.[0]?.sha256).toBe(sentByA.files?.[0]?.sha256);
      expect(receivedByA.files?.[0]?.sha256).toBe(sentByB.files?.[0]?.sha256);
      expect(receivedByB.files?.[0]?.root).toBe(sentByA.files?.[0]?.root);
      expect(receivedByA.files?.[0]?.root).toBe(sentByB.files?.[0]?.root);
      expect(receivedByA.files?.[0]?.root).not.toBe(receivedByB.files?.[0]?.root);
      await Promise.all([a.call('closePeer'), b.call('closePeer')]);
    }
    expect(complaints).toEqual([]);
  });
}

for (const name of ['chromium', 'firefox'] as const) {
  test(`${name}: two tabs find each other through broadcastSignaling`, async ({ openPage, complaints, room }) => {
    const page = await openPage(name, 'sender', '/pages/bare.html');
    const other = await page.context().newPage();
    await other.goto(page.url());
    const [a, b] = [await Bare.of(page), await Bare.of(other)];
    await connectPair(a, b, { room, signaling: 'broadcast' });
    await a.call('prepare', [3_000_000], 5);
    const sending = await a.call('send', 5);
    await b.call('nextOffer');
    const receiving = await b.call('accept');
    const [sent, received] = await Promise.all([a.call('outcome', sending, { seed: 5 }), b.call('outcome', receiving)]);
    expect(received.files?.[0]?.sha256).toBe(sent.files?.[0]?.sha256);
    expect(complaints).toEqual([]);
  });

  test(`${name}: a sender may leave as soon as everything is sent`, async ({ openPage, room }) => {
    const sender = await Bare.of(await openPage(name, 'sender', '/pages/bare.html'));
    const receiver = await Bare.of(await openPage(name, 'receiver', '/pages/bare.html'));
    await sender.call('prepare', [20_000, 0, 70_000], 31);
    for (let round = 0; round < 3; round += 1) {
      await connectPair(sender, receiver, { room: `${room}-${round}` });
      const sending = await sender.call('sendAndLeave', 31);
      await receiver.call('nextOffer');
      const receiving = await receiver.call('accept', 'opfs');
      const [sent, received] = await Promise.all([sender.call('outcome', sending, { seed: 31 }), receiver.call('outcome', receiving)]);
      expect(received.error).toBeUndefined();
      expect(received.files?.map(({ sha256 }) => sha256)).toEqual(sent.files?.map(({ sha256 }) => sha256));
      await receiver.call('untilClosed');
    }
  });

  test(`${name}: an aborted connect rejects and leaves nothing open`, async ({ openPage, room }) => {
    const bare = await Bare.of(await openPage(name, 'sender', '/pages/bare.html'));
    await bare.call('countHeld');
    for (const worker of [true, false]) {
      for (const how of [{ abortBefore: true }, { abortAfterMs: 0 }, { abortAfterMs: 300 }]) {
        const failure = await bare.call('connect', { room, worker, ...how });
        expect(failure?.error).toMatchObject({ name: 'MillraceError', code: 'aborted' });
        expect(await bare.call('held')).toEqual(nothing);
      }
    }
    // The room is free again: two others can meet there.
    const [a, b] = [
      await Bare.of(await openPage(name, 'sender', '/pages/bare.html')),
      await Bare.of(await openPage(name, 'receiver', '/pages/bare.html')),
    ];
    await connectPair(a, b, { room });
    await a.call('abortSession');
    await Promise.all([a.call('untilClosed'), b.call('untilClosed')]);
  });

  for (const worker of [true, false]) {
    test(`${name}: a session with the engine in the ${worker ? 'worker' : 'window'} holds nothing after its end`, async ({ openPage, room }) => {
      const a = await Bare.of(await openPage(name, 'sender', '/pages/bare.html'));
      const b = await Bare.of(await openPage(name, 'receiver', '/pages/bare.html'));
      await Promise.all([a.call('countHeld'), b.call('countHeld')]);
      for (const round of [1, 2]) {
        await connectPair(a, b, { room: `${room}-${round}`, worker });
        // The counts see each kind that a session uses.
        const used = await a.call('held');
        for (const kind of ['connections', 'sockets', 'timers', 'listeners'] as const) expect(used[kind], kind).toBeGreaterThan(0);
        expect(used.workers).toBe(worker ? 1 : 0);
        await a.call('prepare', [300_000], 3);
        const sending = await a.call('send', 3);
        await b.call('nextOffer');
        const receiving = await b.call('accept', 'memory');
        for (const outcome of await Promise.all([a.call('outcome', sending), b.call('outcome', receiving)])) expect(outcome.state).toBe('done');
        // One side closes, the other is closed by it.
        await a.call('closePeer');
        expect(await a.call('held')).toEqual(nothing);
        await b.call('untilClosed');
        await expect.poll(() => b.call('held')).toEqual(nothing);
      }
    });
  }

  test(`${name}: a third side is told that the room is taken`, async ({ openPage, room }) => {
    const [a, b, third] = [
      await Bare.of(await openPage(name, 'sender', '/pages/bare.html')),
      await Bare.of(await openPage(name, 'receiver', '/pages/bare.html')),
      await Bare.of(await openPage(name, 'receiver', '/pages/bare.html')),
    ];
    await connectPair(a, b, { room });
    const failure = await third.call('connect', { room });
    expect(failure?.error).toMatchObject({ name: 'MillraceError', code: 'signaling-failed' });
    expect(failure?.error.message).toContain('4409');
  });
}

for (const name of ['chromium', 'firefox'] as const) {
  test(`${name}: an exception in the worker ends the session, and its words reach the page`, async ({ openPage, room }) => {
    const page = await openPage(name, 'sender', '/pages/bare.html');
    // The worker as it is, but for an exception in a listener when a transfer begins.
    await page.route(/\/worker\.js$/, async (route) => {
      const response = await route.fetch();
      const planted = "addEventListener('message', ({ data }) => { if (data.type === 'send') throw new TypeError('planted'); });";
      await route.fulfill({ response, body: `${await response.text()}\n${planted}` });
    });
    const sender = await Bare.of(page);
    const receiver = await Bare.of(await openPage(name, 'receiver', '/pages/bare.html'));
    await connectPair(sender, receiver, { room });
    await sender.call('prepare', [1_000], 3);
    const { error } = await sender.call('outcome', await sender.call('send', 3));
    expect(error?.code).toBe('internal');
    expect(error?.message).toContain('TypeError: planted');
    await Promise.all([sender.call('untilClosed'), receiver.call('untilClosed')]);
    // Connections end once the engine has let go of its channels.
    await expect.poll(() => sender.call('connectionCount')).toBe(0);
  });

  test(`${name}: the sessions of a page load the core once`, async ({ openPage, room }) => {
    const page = await openPage(name, 'sender', '/pages/bare.html');
    let loads = 0;
    page.on('request', (request) => {
      if (request.url().endsWith('/millrace_core.wasm')) loads += 1;
    });
    const sender = await Bare.of(page);
    const receiver = await Bare.of(await openPage(name, 'receiver', '/pages/bare.html'));
    for (let session = 0; session < 3; session += 1) {
      await connectPair(sender, receiver, { room: `${room}-${session}` });
      await Promise.all([sender.call('closePeer'), receiver.call('closePeer')]);
    }
    expect(loads).toBe(1);
  });
}

test('no main-thread task over 50 ms while 50 MiB cross in workers', { tag: '@alone' }, async ({ openPage, room }) => {
  const sender = await Bare.of(await openPage('chromium', 'sender', '/pages/bare.html'));
  const receiver = await Bare.of(await openPage('chromium', 'receiver', '/pages/bare.html'));
  expect(await sender.call('longTasksSupported')).toBe(true);
  // Lanes are all there before: Chromium keeps the window while its busy network thread makes a connection.
  await connectPair(sender, receiver, { room, worker: true, lanes: { min: 4, max: 4 } });
  await expectDone(sender, receiver, 100_000);
  await expect.poll(() => sender.call('connectionCount')).toBe(5);

  for (const side of [sender, receiver]) {
    // The observer works: it sees a task that is too long.
    await side.call('takeLongTasks');
    await side.call('block', 80);
    await expect.poll(async () => (await side.call('takeLongTasks')).some((ms) => ms >= 80)).toBe(true);
  }
  await expectDone(sender, receiver, 50 * 1024 * 1024);
  expect(await sender.call('takeLongTasks')).toEqual([]);
  expect(await receiver.call('takeLongTasks')).toEqual([]);
});

async function expectDone(sender: Bare, receiver: Bare, bytes: number): Promise<void> {
  await sender.call('prepare', [bytes], 9);
  await Promise.all([sender.call('takeLongTasks'), receiver.call('takeLongTasks')]);
  const sending = await sender.call('send', 9);
  await receiver.call('nextOffer');
  const receiving = await receiver.call('accept', 'opfs');
  const [sent, received] = await Promise.all([
    sender.call('outcome', sending, { hash: false }),
    receiver.call('outcome', receiving, { hash: false }),
  ]);
  expect(sent.state).toBe('done');
  expect(received.state).toBe('done');
}
