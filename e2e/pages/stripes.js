// Data over the lanes of `millrace/parts`, on one connection or several of this page's own.
import { LaneSet, ready } from '/dist/parts.js';
import { Arrivals } from './arrivals.js';
import { gathered } from './gathered.js';

const arrivals = new Arrivals();
let connections = [];
let sets = [];

await ready;
globalThis.stripes = {
  /** `connectionCount` connections with a set of `lanes` each; the rest are options of `LaneSet`. Gives a description of each. */
  async offer({ connectionCount, ...options }) {
    connections = Array.from({ length: connectionCount }, () => new RTCPeerConnection());
    sets = connections.map((connection) => LaneSet.open(connection, options));
    return Promise.all(
      connections.map(async (connection) => {
        await connection.setLocalDescription();
        return gathered(connection);
      }),
    );
  },

  async answer(offers, options) {
    connections = offers.map(() => new RTCPeerConnection());
    sets = connections.map((connection) => LaneSet.accept(connection, options));
    return Promise.all(
      offers.map(async (offer, index) => {
        await connections[index].setRemoteDescription(offer);
        await connections[index].setLocalDescription();
        return gathered(connections[index]);
      }),
    );
  },

  finish: (answers) => Promise.all(answers.map((answer, index) => connections[index].setRemoteDescription(answer))),

  /** Takes what comes and counts it. Call before `send`. */
  async receive() {
    await Promise.all(sets.map((set) => set.ready));
    for (const set of sets) set.receive({ onchunk: ({ length }) => arrivals.add(length) }).catch(() => {});
  },

  received: () => arrivals.soFar(),

  /** Statistics of the first set. */
  stats: () => sets[0].stats(),

  /** An equal part on each connection. Gives the seconds until all of it is there; null where that would take longer than `limitSeconds`. */
  async send({ bytes, limitSeconds }) {
    await Promise.all(sets.map((set) => set.ready));
    const part = crypto.getRandomValues(new Uint8Array(65_536));
    const blob = new Blob(Array.from({ length: Math.ceil(bytes / sets.length / part.length) }, () => part)).slice(0, Math.ceil(bytes / sets.length));
    const start = performance.now();
    const whole = Promise.all(sets.map((set) => set.send(blob))).then(() => true);
    const limit = new Promise((resolve) => setTimeout(() => resolve(false), limitSeconds * 1000));
    const done = await Promise.race([whole, limit]);
    const seconds = (performance.now() - start) / 1000;
    whole.catch(() => {});
    return done ? seconds : null;
  },
};
globalThis.stripesReady = true;
