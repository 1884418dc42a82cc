// Other libraries in a page, behind one interface, for the benchmark: bundled, and carried into a blank page.
// First: some libraries take hold of RTCPeerConnection when they are loaded.
import { arrivals } from './watched_channels.js';
import { connectPeerJs } from './peerjs.js';
import { connectSimplePeer } from './simple_peer.js';
import { connectTrystero } from './trystero.js';
import { connectWebTorrent } from './webtorrent.js';

/**
 * Each connects to the same library in the other page and gives `{ send(file), received(bytes) }`, and `channel()` where Millrace can be
 * signalled over a data channel of its connection: `send` hands a Uint8Array
 * over as the library's documentation shows; `received` resolves when the library has given out as many bytes.
 */
const libraries = { 'simple-peer': connectSimplePeer, peerjs: connectPeerJs, trystero: connectTrystero, webtorrent: connectWebTorrent };

/** The way to the other page that needs no server. What comes before somebody listens waits. */
const signaling = {
  waiting: [],
  listener: null,
  send: (message) => globalThis.signalOther(JSON.stringify(message)),
  listen(listener) {
    this.listener = listener;
    for (const message of this.waiting.splice(0)) listener(message);
  },
};

let connection = null;
let channel = null;
const done = Promise.withResolvers();

globalThis.peer = {
  onsignal(text) {
    const message = JSON.parse(text);
    if (message.done) done.resolve(true);
    else if (signaling.listener === null) signaling.waiting.push(message);
    else signaling.listener(message);
  },

  async connect(library, initiator) {
    connection = await libraries[library](initiator, signaling);
  },

  /** Call before `send`; gives at once. */
  receive(bytes) {
    void connection.received(bytes).then(() => signaling.send({ done: true }));
  },

  received: () => arrivals.soFar(),

  /** A data channel on the library's connection, the same one each time. */
  channel: () => (channel ??= connection.channel()),

  /** As of raw.js. */
  async send({ bytes, limitSeconds }) {
    const file = new Uint8Array(bytes);
    // The most that one call gives.
    for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(file.subarray(at, Math.min(at + 65_536, bytes)));
    const start = performance.now();
    setTimeout(() => done.resolve(false), limitSeconds * 1000);
    void connection.send(file);
    return (await done.promise) ? (performance.now() - start) / 1000 : null;
  },
};
