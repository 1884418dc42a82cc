// A flow that behaves like a call: 50 small messages per second on an unordered channel without retransmissions, on a connection of its
// own. Both pages are on one machine, so that their clocks agree.
import { connectByDescription } from './measure.mjs';

const messages = { perSecond: 50, bytes: 200 };

export const callFlow = {
  path: 'pages/call.html',
  connect: (sender, receiver) => connectByDescription(sender, receiver, 'call'),
  async start(sender, receiver) {
    await sender.evaluate((options) => globalThis.call.start(options), messages);
    await receiver.waitForFunction(() => globalThis.call.arrived().bytes > 0);
  },
  arrived: (receiver) => receiver.evaluate(() => globalThis.call.arrived()),
  describe: () => ({ lanes: null, log: null }),
  /** The one-way delays since the last call, ms, and the share of messages that were lost between the first and the last of them. */
  takeDelays: (receiver) => receiver.evaluate(() => globalThis.call.takeDelays()),
};
