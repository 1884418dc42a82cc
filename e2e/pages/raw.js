// The naive pump that everything is compared with: one reliable unordered channel, nothing encrypted, hashed or stored.
import { Arrivals } from './arrivals.js';
import { byDescriptions } from './gathered.js';

const arrivals = new Arrivals();
const connection = new RTCPeerConnection();
const opened = Promise.withResolvers();
let channel = null;

function use(made) {
  channel = made;
  channel.binaryType = 'arraybuffer';
  channel.addEventListener('open', () => opened.resolve());
}

globalThis.raw = {
  /** Before `offer` or `answer`: what an RTCPeerConnection takes. */
  configure: (rtc) => connection.setConfiguration(rtc),

  ...byDescriptions(connection, () => connection.createDataChannel('raw', { ordered: false }), use),

  /** Sends everything back. */
  async echo() {
    await opened.promise;
    channel.onmessage = (event) => channel.send(event.data);
  },

  /** The other side echoes: gives the round trips of `count` tiny messages, one after the other, ms. */
  async ping(count) {
    await opened.promise;
    const roundTrips = [];
    for (let i = 0; i < count; i += 1) {
      const start = performance.now();
      channel.send('ping');
      await new Promise((resolve) => {
        channel.onmessage = resolve;
      });
      roundTrips.push(performance.now() - start);
    }
    return roundTrips;
  },

  /** Counts to `bytes`, then tells the sender. Call before `send`. */
  async receive(bytes) {
    await opened.promise;
    channel.onmessage = (event) => {
      arrivals.add(event.data.byteLength);
      if (arrivals.bytes >= bytes) channel.send('done');
    };
  },

  /** What has arrived so far: bytes, and the longest time without any since the first, ms. */
  received: () => arrivals.soFar(),

  /**
   * Gives the seconds from the first `send` to the receiver's word that the last byte is there; null where that would have
   * taken longer than `limitSeconds`. The channel is filled up to `highWater` whenever it has fallen to `lowWater`.
   */
  async send({ bytes, messageBytes, highWater, lowWater = highWater / 2, limitSeconds = null }) {
    await opened.promise;
    const message = crypto.getRandomValues(new Uint8Array(65_536));
    const full = new Uint8Array(messageBytes);
    for (let at = 0; at < messageBytes; at += message.length) full.set(message.subarray(0, Math.min(message.length, messageBytes - at)), at);
    channel.bufferedAmountLowThreshold = lowWater;
    const done = new Promise((resolve) => {
      channel.onmessage = () => resolve(true);
      if (limitSeconds !== null) setTimeout(() => resolve(false), limitSeconds * 1000);
    });
    const start = performance.now();
    let left = bytes;
    const pump = () => {
      while (left > 0 && channel.bufferedAmount < highWater) {
        const length = Math.min(left, messageBytes);
        channel.send(length === messageBytes ? full : full.subarray(0, length));
        left -= length;
      }
    };
    channel.addEventListener('bufferedamountlow', pump);
    pump();
    const whole = await done;
    left = 0;
    if (!whole) return null;
    return (performance.now() - start) / 1000;
  },
};
globalThis.rawReady = true;
