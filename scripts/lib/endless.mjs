// Flows that go on for as long as a measurement does: transfers of the package, and naive pumps.
//
// A flow has `path`, the page of the site that both of its ends need; `connect(sender, receiver, options)`; `start(sender,
// receiver)`, which resolves when the first bytes have arrived; `arrived(receiver)`, what has arrived so far: bytes, and the longest
// time without any since the first, ms; and `describe(sender)`, what the sender says about itself: `lanes`, the number of open lanes,
// and `log`, the transfer's log, each null where there is none. A flow that can reconnect has `reconnect(sender)`.
import { connectBare, connectByDescription, isNaive, pumps } from './measure.mjs';

/** More than any link carries while anyone waits. */
const endlessBytes = 1e12;
/** A silence is known to this, ms. */
const lookEveryMs = 20;

/** Lets one of two connected bare pages send to the other, whose sink only counts. */
export async function startEndless(sender, receiver) {
  await sender.evaluate((size) => globalThis.bare.sendEndless(size), endlessBytes);
  await receiver.evaluate(async (everyMs) => {
    const { Arrivals } = await import(new URL('arrivals.js', location.href).href);
    await globalThis.bare.nextOffer();
    const transfer = globalThis.bare.acceptIntoStream({ hash: false });
    globalThis.arrivals = new Arrivals();
    const look = async () => {
      const { bytes } = await globalThis.bare.streamed(transfer);
      if (bytes > globalThis.arrivals.bytes) globalThis.arrivals.add(bytes - globalThis.arrivals.bytes);
      setTimeout(() => void look(), everyMs);
    };
    await globalThis.bare.untilBytes(transfer, 1);
    await look();
  }, lookEveryMs);
}

/** What the sink has received so far, in the order of the file: bytes, and the longest time without any since the first, ms. */
export function arrived(receiver) {
  return receiver.evaluate(() => globalThis.arrivals.soFar());
}

/** What a bare page says about its first transfer while it sends it or has just sent it. */
export async function describeSender(sender, logged) {
  const { stats } = await sender.evaluate(() => globalThis.bare.peer());
  return {
    lanes: stats.lanes.filter(({ lane, state }) => lane > 0 && state === 'open').length,
    log: logged ? await sender.evaluate(() => globalThis.bare.logOf(0)) : null,
  };
}

/** An endless transfer of the package. `options`: of `connect`, on both sides. */
export function millraceFlow(options = {}) {
  return {
    path: 'pages/bare.html',
    connect: (sender, receiver) => connectBare(sender, receiver, options),
    start: startEndless,
    arrived,
    describe: (sender) => describeSender(sender, options.log === true),
    /** Ends every connection of the sender, and resolves when the session is connected again. */
    reconnect: (sender) => sender.evaluate(async () => {
      const lost = globalThis.bare.untilState('reconnecting');
      globalThis.bare.closeConnections('all');
      await lost;
      await globalThis.bare.untilState('connected');
    }),
  };
}

/** An endless naive pump. */
export const naiveFlow = {
  path: 'pages/raw.html',
  connect: (sender, receiver) => connectByDescription(sender, receiver, 'raw'),
  async start(sender, receiver) {
    await receiver.evaluate((bytes) => globalThis.raw.receive(bytes), endlessBytes);
    await sender.evaluate((options) => void globalThis.raw.send(options), { bytes: endlessBytes, ...pumps.find(isNaive) });
    await receiver.waitForFunction(() => globalThis.raw.received().bytes > 0);
  },
  arrived: (receiver) => receiver.evaluate(() => globalThis.raw.received()),
  describe: () => ({ lanes: null, log: null }),
};
