// A page without a user interface: what the tests and the benchmark drive. Every function takes and gives plain data.
import { broadcastSignaling, webSocketSignaling } from '/dist/signaling.js';
import { connect } from '/dist/millrace.js';
import { channels, connections } from './connections.js';
import { randomBytes, sha256 } from './random.js';

let peer = null;
let abort = null;
let greeted = false;
const offers = [];
const transfers = [];
const sources = new Map();
const waiting = [];
const longTasks = [];
const violations = [];

document.addEventListener('securitypolicyviolation', (event) => violations.push(`${event.violatedDirective}: ${event.blockedURI}`));

if (PerformanceObserver.supportedEntryTypes.includes('longtask')) {
  new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: 'longtask' });
}

/** Wakes whoever waits in `until`. */
function changed() {
  for (const check of waiting.splice(0)) check();
}

/** Resolves with the first truthy `probe()`, tried whenever something happened in the session. */
async function until(probe) {
  for (;;) {
    const value = probe();
    if (value) return value;
    await new Promise((resolve) => waiting.push(resolve));
  }
}

function plainError(error) {
  return { error: { name: error.name, code: error.code ?? null, message: error.message, at: performance.timeOrigin + performance.now() } };
}

function bulk() {
  return channels.filter(({ channel }) => channel.label.includes('bulk'));
}

function track(transfer) {
  const entry = { transfer, startedAt: performance.now(), endedAt: null, states: [transfer.state], progress: [], progressAt: [], outcome: null };
  transfer.addEventListener('statechange', () => {
    entry.states.push(transfer.state);
    changed();
  });
  transfer.addEventListener('progress', () => {
    entry.progress.push(transfer.bytes);
    entry.progressAt.push(performance.now());
    changed();
  });
  entry.outcome = transfer.done.then(
    (receipt) => {
      entry.endedAt = performance.now();
      return { receipt };
    },
    (error) => {
      entry.endedAt = performance.now();
      return plainError(error);
    },
  );
  transfers.push(entry);
  return transfers.length - 1;
}

globalThis.bare = {
  /** `signaling`: 'socket' or 'broadcast'. Gives null, or the error. */
  async connect({ room, worker, signaling = 'socket', abortAfterMs = null, abortBefore = false, rtc }) {
    const url = new URL(`/signal?room=${room}`, location.href);
    url.protocol = 'ws:';
    abort = new AbortController();
    if (abortBefore) abort.abort();
    if (abortAfterMs !== null) setTimeout(() => abort.abort(), abortAfterMs);
    try {
      const carrier = signaling === 'broadcast' ? broadcastSignaling(room) : webSocketSignaling(url.href);
      const send = carrier.send.bind(carrier);
      carrier.send = (message) => {
        send(message);
        greeted = true;
        changed();
      };
      greeted = false;
      peer = await connect({
        signaling: carrier,
        signal: abort.signal,
        ...(worker === undefined ? {} : { worker }),
        ...(rtc === undefined ? {} : { rtc }),
      });
    } catch (error) {
      return plainError(error);
    }
    peer.onincoming = (offer) => {
      offers.push(offer);
      changed();
    };
    peer.addEventListener('statechange', changed);
    return null;
  },

  /** The pending `connect` has said its first word to the signalling. */
  untilGreeted: () => until(() => greeted),

  peer: () => ({ state: peer.state, stats: peer.stats() }),
  closePeer: () => peer.close(),
  abortSession: () => abort.abort(),
  untilClosed: () => until(() => peer.state === 'closed'),

  /** Makes the bytes beforehand, so that `send` measures sending only. */
  prepare(sizes, seed) {
    const files = sizes.map((size, index) => new File([randomBytes(size, seed + index)], `file-${index}-${size}.bin`, { lastModified: 1_700_000_000_000 }));
    sources.set(seed, files);
  },

  /** Gives the transfer's number. */
  send(seed) {
    const files = sources.get(seed);
    return track(peer.send(files.length === 1 ? files[0] : files));
  },

  async nextOffer() {
    await until(() => offers.length > 0);
    const { id, files, totalBytes } = offers[0];
    return { id, totalBytes, files: files.map(({ name, size }) => ({ name, size })) };
  },

  accept: (sink) => track(offers.shift().accept(sink === undefined ? {} : { sink })),
  reject: (reason) => offers.shift().reject(reason),
  cancel: (number, reason) => transfers[number].transfer.cancel(reason),
  untilBytes: (number, bytes) => until(() => transfers[number].transfer.bytes >= bytes || ['done', 'failed', 'cancelled'].includes(transfers[number].transfer.state)),

  /** What became of a transfer, with SHA-256 of each received blob, or of each source. */
  async outcome(number, { seed = null, hash = true } = {}) {
    const entry = transfers[number];
    const { receipt, error } = await entry.outcome;
    const common = { states: entry.states, seconds: (entry.endedAt - entry.startedAt) / 1000, state: entry.transfer.state };
    if (receipt === undefined) return { ...common, error };
    const files = [];
    for (const [index, file] of receipt.files.entries()) {
      const blob = file.blob ?? sources.get(seed)?.[index];
      files.push({
        name: file.name,
        size: file.size,
        root: file.root,
        blobSize: file.blob?.size ?? null,
        sha256: hash && blob !== undefined ? await sha256(blob) : null,
      });
    }
    return {
      ...common,
      bytes: receipt.bytes,
      files,
      progressRises: entry.progress.every((bytes, index) => index === 0 || bytes >= entry.progress[index - 1]),
      lastProgress: entry.progress.at(-1) ?? null,
      longestSilenceMs: Math.max(0, ...entry.progressAt.slice(1).map((at, index) => at - entry.progressAt[index])),
    };
  },

  /** SHA-256 of the bytes that `prepare` makes, in this page. */
  sourceHashes: (seed) => Promise.all(sources.get(seed).map(sha256)),

  connectionCount: () => connections.filter((connection) => connection.connectionState !== 'closed').length,

  /** Closes the connections that carry bulk, or all of them. Gives when, in ms since 1970, and how many. */
  closeConnections(which) {
    const chosen = which === 'all' ? connections : bulk().map(({ connection }) => connection);
    const alive = chosen.filter((connection) => connection.connectionState !== 'closed');
    for (const connection of alive) connection.close();
    return { at: performance.timeOrigin + performance.now(), count: alive.length };
  },

  /** Closes the bulk channels that this page still holds. */
  closeChannels() {
    const open = bulk().filter(({ channel }) => channel.readyState === 'open');
    for (const { channel } of open) channel.close();
    return { at: performance.timeOrigin + performance.now(), count: open.length };
  },

  /** Keeps the main thread for `ms` in a task of the page's own. */
  block: (ms) =>
    new Promise((resolve) => {
      setTimeout(() => {
        const end = performance.now() + ms;
        while (performance.now() < end);
        resolve();
      });
    }),

  /** Milliseconds; forgets those from before. */
  takeLongTasks: () => longTasks.splice(0),
  violations: () => violations,
  longTasksSupported: () => PerformanceObserver.supportedEntryTypes.includes('longtask'),
};
globalThis.bareReady = true;
