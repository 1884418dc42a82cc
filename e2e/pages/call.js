// Packets like those of a call: small, regular, and worthless when late. They show what other traffic does to a call.
import { Arrivals } from './arrivals.js';
import { byDescriptions } from './gathered.js';

const connection = new RTCPeerConnection();
const opened = Promise.withResolvers();
const arrivals = new Arrivals();
/** The number and the one-way delay of each message, ms. */
const received = [];
let channel = null;

/** ms since 1970, of the machine: the same in every page on it. */
const now = () => performance.timeOrigin + performance.now();

function use(made) {
  channel = made;
  channel.binaryType = 'arraybuffer';
  channel.addEventListener('open', () => opened.resolve());
  channel.addEventListener('message', ({ data }) => {
    const view = new DataView(data);
    arrivals.add(data.byteLength);
    received.push({ number: view.getUint32(8), delayMs: now() - view.getFloat64(0) });
  });
}

globalThis.call = {
  ...byDescriptions(connection, () => connection.createDataChannel('call', { ordered: false, maxRetransmits: 0 }), use),

  /** Sends for as long as the page is there. A late timer sends one message, not several. */
  async start({ perSecond, bytes }) {
    await opened.promise;
    const view = new DataView(new ArrayBuffer(bytes));
    let number = 0;
    setInterval(() => {
      view.setFloat64(0, now());
      view.setUint32(8, number);
      number += 1;
      channel.send(view.buffer);
    }, 1000 / perSecond);
  },

  arrived: () => arrivals.soFar(),

  /** Of the messages since the last call. */
  takeDelays() {
    const taken = received.splice(0);
    const numbers = taken.map(({ number }) => number);
    const sent = Math.max(...numbers) - Math.min(...numbers) + 1;
    return { delaysMs: taken.map(({ delayMs }) => delayMs), lost: taken.length === 0 ? 0 : 1 - taken.length / sent };
  },
};
