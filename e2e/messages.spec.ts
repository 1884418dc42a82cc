// Messages and requests between two browsers: what they carry, their order, and what becomes of them beside a transfer and when the
// connection is lost.
import { Bare, connectPair } from './support/bare.js';
import { expect, nameOf, pairings, test, type BrowserName, type Side } from './support/fixtures.js';
import type { DataToMake } from './support/messages_api.js';
import type { Page } from '@playwright/test';

const KiB = 1024;
const limit = 64 * KiB;
const bare = '/pages/bare.html';

const everyKind: readonly DataToMake[] = [
  { string: '' }, { string: 'ü€\u{1f680}' }, { string: 'x'.repeat(limit) }, { json: null }, { json: { a: [1, null, 'ü'], b: { c: false } } },
  ...['ArrayBuffer', 'DataView', 'Uint8Array', 'Int16Array', 'Float32Array', 'Float64Array', 'BigUint64Array'].map((kind) => ({ kind, size: 4_096, seed: 1 })),
  ...[0, 1, limit - 1, limit].map((size) => ({ kind: 'Uint8Array', size, seed: 2 })),
];

type OpenPage = (name: BrowserName, side: Side, path: string) => Promise<Page>;

async function openPair(openPage: OpenPage, first: BrowserName, second: BrowserName): Promise<[Bare, Bare]> {
  return [await Bare.of(await openPage(first, 'sender', bare)), await Bare.of(await openPage(second, 'receiver', bare))];
}

for (const [index, pairing] of pairings.entries()) {
  // In turns, for time: over the matrix each browser is met in both.
  const worker = index % 2 === 0;
  const name = `${nameOf(pairing)}, ${worker ? 'in workers' : 'in the windows'}`;

  test(`${name}: messages of every kind arrive as what they were, in order, in both directions`, async ({ openPage, complaints, room }) => {
    const [a, b] = await openPair(openPage, pairing.sender, pairing.receiver);
    await connectPair(a, b, { room, worker });
    for (const [from, to] of [[a, b], [b, a]] as const) {
      // Before anybody listens.
      const early = await from.call('sendMessages', [{ string: 'early' }]);
      expect(early).toEqual([{ value: null }]);
      await to.call('listenForMessages');
      const sent = await from.call('sendMessages', everyKind);
      expect(sent).toEqual(everyKind.map(() => ({ value: null })));
      expect(await to.call('takeMessages', 1 + everyKind.length)).toEqual([{ string: 'early' }, ...(await from.call('describeMessages', everyKind))]);

      const [large] = await from.call('sendMessages', [{ kind: 'Uint8Array', size: limit + 1, seed: 1 }]);
      expect(large).toMatchObject({ code: 'too-large', byPeer: false });
      for (const [what, code] of await from.call('sendImpossible')) expect(code, what).toBe('invalid-argument');
    }
    // A loop reads the same.
    await b.call('startReading', everyKind.length);
    await a.call('sendMessages', everyKind);
    expect(await b.call('readMessages')).toEqual(await a.call('describeMessages', everyKind));
    expect(complaints).toEqual([]);
  });

  test(`${name}: messages arrive exactly once and in order across lost connections`, async ({ openPage, room }) => {
    const [a, b] = await openPair(openPage, pairing.sender, pairing.receiver);
    await connectPair(a, b, { room, worker });
    await b.call('listenForMessages');
    const count = 2_000;
    await a.call('sendNumbered', count, 2);
    for (const [round, closer] of [a, b].entries()) {
      const before = await b.call('heardMessages');
      await expect.poll(() => b.call('heardMessages')).toBeGreaterThan(before + 50);
      expect(await closer.call('closeConnections', 'all')).toBeGreaterThan(0);
      // Each state may last for a moment only.
      const lost = async (): Promise<number> => (await a.call('peer')).states.filter((state) => state === 'reconnecting').length;
      await expect.poll(lost).toBeGreaterThan(round);
      await a.call('untilState', 'connected');
    }
    expect(await a.call('numberedSent')).toEqual(Array.from({ length: count }, () => ({ value: null })));
    expect(await b.call('numberedHeard', count, 500)).toEqual(Array.from({ length: count }, (_, number) => number));
    for (const side of [a, b]) expect((await side.call('peer')).states.filter((state) => state === 'reconnecting')).toHaveLength(2);
  });
}

for (const name of ['chromium', 'firefox'] as const) {
  test(`${name}: requests are answered beside a transfer, which goes on`, async ({ openPage, room }) => {
    const [a, b] = await openPair(openPage, name, name);
    await connectPair(a, b, { room, bandwidthLimit: 2_000_000 });
    await b.call('answerRequests');
    await a.call('prepare', [6_000_000], 4);
    const sending = await a.call('send', 4);
    await b.call('nextOffer');
    const receiving = await b.call('accept', 'memory');
    await b.call('untilBytes', receiving, 500_000);
    const times = await a.call('requestRepeatedly', 50);
    expect(times).toHaveLength(50);
    // The transfer takes three seconds: the requests did not wait for its end.
    expect((await b.call('progressOf', receiving)).bytes).toBeLessThan(6_000_000);
    const [sent, received] = await Promise.all([a.call('outcome', sending, { seed: 4 }), b.call('outcome', receiving)]);
    expect(received.files?.[0]?.sha256).toBe(sent.files?.[0]?.sha256);
  });

  test(`${name}: a request fails with the error of the other side, in time, and with its session`, async ({ openPage, complaints, room }) => {
    const [a, b] = await openPair(openPage, name, name);
    await connectPair(a, b, { room });
    // It waits for the handler.
    const early = a.call('request', { x: 1 });
    await b.call('answerRequests');
    expect(await early).toEqual({ value: [{ x: 1 }, { x: 1 }] });
    expect(await a.call('request', 'refuse')).toEqual({ code: 'peer-error', explanation: 'RangeError: not today', byPeer: true });
    expect(await a.call('request', 'wait', { timeoutMs: 100 })).toMatchObject({ code: 'timeout', byPeer: false });
    const waiting = a.call('request', 'wait');
    await b.call('closePeer');
    expect(await waiting).toMatchObject({ code: 'closed', byPeer: true });
    expect(complaints).toEqual([]);
  });
}
