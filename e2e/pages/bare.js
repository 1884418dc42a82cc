// A page without a user interface: what the tests and the benchmark drive. Every function takes and gives plain data.
import { broadcastSignaling, channelSignaling, manualSignaling, mqttSignaling, webSocketSignaling } from '/dist/signaling.js';
import { connect, createCode, createLinkKey, listStored, normalizeCode, sasEmoji } from '/dist/millrace.js';
import { channels, connections } from './connections.js';
import { made } from './copies.js';
import { messaging } from './messages.js';
import { randomBytes, sha256 } from './random.js';
import { anyValues, callIdly, findTaken } from './values.js';
import { wire } from './wire.js';

let peer = null;
let abort = null;
let greeted = false;
let peerStates = [];
let pathEvents = [];
let signalled = [];
const log = [];
const offers = [];
const transfers = [];
const sources = new Map();
const streams = new Map();
const waiting = [];
/** held.js, once `countHeld` was called. */
let holding = null;
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
  const { name, code = null, explanation = null, byPeer = null, detail = null, message } = error;
  return { error: { name, code, explanation, byPeer, detail, message, at: performance.timeOrigin + performance.now() } };
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

/** Between two progress events, ms. */
function longestSilenceMs({ progressAt }) {
  return Math.max(0, ...progressAt.slice(1).map((at, index) => at - progressAt[index]));
}

/** What the function `rtc` gives, and for how many connections it was asked. */
const ice = {
  configuration: { iceServers: [] },
  asked: 0,
  ask() {
    this.asked += 1;
    return this.configuration;
  },
};

/** The signalling of the attempt of now. */
let carrier = null;

function makeCarrier({ signaling, room, broker, invitation, nameplate }) {
  switch (signaling) {
    case 'kept':
      return carrier;
    case 'broadcast':
      return broadcastSignaling(room);
    case 'mqtt':
      return mqttSignaling(broker, room);
    case 'manual':
      return manualSignaling(invitation);
    case 'channel':
      return channelSignaling(globalThis.peer.channel());
    default: {
      return webSocketSignaling(nameplate === undefined ? `/signal?room=${room}` : `/signal?nameplate=${nameplate}`);
    }
  }
}

/** Of each connected connection: the candidates of its path, as its statistics have them. */
async function selectedPairs() {
  const found = [];
  for (const connection of connections.filter(({ connectionState }) => connectionState === 'connected')) {
    const report = await connection.getStats();
    const all = [...report.values()];
    // Firefox marks the pair, Chromium names it in the transport.
    const named = all.find(({ type }) => type === 'transport')?.selectedCandidatePairId;
    const pair = named === undefined ? all.find(({ type, selected }) => type === 'candidate-pair' && selected) : report.get(named);
    if (pair) found.push({ connection, local: report.get(pair.localCandidateId), remote: report.get(pair.remoteCandidateId) });
  }
  return found;
}

globalThis.bare = {
  /**
   * `signaling`: 'socket' (into `room`, or with the number of a code), 'broadcast', 'mqtt' (at `broker`), 'manual' (with the
   * other side's `invitation`, or none), 'channel' (over the connection of another library: e2e/peers), or 'kept' from `waitWithCode`. `rtc`: a configuration, or 'asked' for a function that gives
   * what `setIce` set last. Gives null, or the error.
   */
  async connect({ room, broker, invitation, nameplate, worker, signaling = 'socket', abortAfterMs = null, abortBefore = false, rtc = { iceServers: [] }, lanes, delivery, bandwidthLimit, chunkSize, waterMarks, secret, secretKind, privacy, encryption, log: logged }) {
    abort = new AbortController();
    holding?.watch(abort.signal);
    if (abortBefore) abort.abort();
    if (abortAfterMs !== null) setTimeout(() => abort.abort(), abortAfterMs);
    try {
      carrier = makeCarrier({ signaling, room, broker, invitation, nameplate });
      const send = carrier.send.bind(carrier);
      signalled = [];
      carrier.send = (message) => {
        signalled.push(JSON.stringify(message));
        send(message);
        greeted = true;
        changed();
      };
      greeted = false;
      peer = await connect({
        signaling: carrier,
        signal: abort.signal,
        ...(worker === undefined ? {} : { worker }),
        rtc: rtc === 'asked' ? () => ice.ask() : rtc,
        ...(lanes === undefined ? {} : { lanes }),
        ...(bandwidthLimit === undefined ? {} : { bandwidthLimit }),
        ...(delivery === undefined ? {} : { delivery }),
        ...(chunkSize === undefined ? {} : { chunkSize }),
        ...(waterMarks === undefined ? {} : { waterMarks }),
        ...(secret === undefined ? {} : { secret }),
        ...(secretKind === undefined ? {} : { secretKind }),
        ...(privacy === undefined ? {} : { privacy }),
        ...(encryption === undefined ? {} : { encryption }),
        ...(logged === undefined ? {} : { log: logged }),
      });
    } catch (error) {
      return plainError(error);
    }
    peer.onincoming = (offer) => {
      offers.push(offer);
      changed();
    };
    pathEvents = [];
    peer.addEventListener('path', ({ path }) => {
      pathEvents.push(path);
      changed();
    });
    peerStates = [peer.state];
    peer.addEventListener('statechange', () => {
      peerStates.push(peer.state);
      changed();
    });
    peer.addEventListener('log', ({ message }) => {
      log.push(message);
      changed();
    });
    return null;
  },

  /** The pending `connect` has said its first word to the signalling. */
  untilGreeted: () => until(() => greeted),

  peer: () => ({
    state: peer.state,
    states: peerStates,
    stats: peer.stats(),
    sas: [...peer.sas],
    pictures: peer.sas.map((name) => sasEmoji[name]),
    verified: peer.verified,
    encrypted: peer.encrypted,
  }),
  verify: () => peer.verify(),
  /** What this side said to the signalling since `connect`, as JSON. */
  signalled: () => signalled,
  /** Arrays with these bytes that were made from text in this window, and how many of them still hold anything. */
  copiesOf(hex) {
    const copies = made.filter(({ was }) => was === hex);
    return { made: copies.length, left: copies.filter(({ bytes }) => bytes.some((byte) => byte !== 0)).length };
  },
  createCode,
  createLinkKey,
  normalizeCode,
  /** What the handshakes of an engine in this window took, ms. */
  handshakes: () => performance.getEntriesByName('millrace-handshake').map(({ duration, detail }) => ({ duration, ...detail })),
  /** From now on, counts messages of data channels in this window that hold `text`. */
  watchWire: (text) => wire.watch(text),
  wire: () => ({ ...wire.counts }),
  /** `Peer.path`, once it is known. */
  untilPath: () => until(() => peer.path),
  /** Of the event, since `connect`. */
  pathEvents: () => pathEvents,
  /** The type of this side's candidate, of each connection's path. */
  async paths() {
    return (await selectedPairs()).map(({ local }) => local?.candidateType);
  },
  /** The path of each connection: `lane` (0: control) and both candidates, as far as the browser tells. */
  async routes() {
    const plain = (candidate) => ({
      type: candidate?.candidateType ?? null, protocol: candidate?.protocol ?? null, relayProtocol: candidate?.relayProtocol ?? null,
      address: candidate?.address ?? null,
    });
    return (await selectedPairs()).map(({ connection, local, remote }) => {
      const label = channels.find((entry) => entry.connection === connection)?.channel.label;
      return { lane: Number(/bulk-(\d+)/.exec(label)?.[1] ?? 0), local: plain(local), remote: plain(remote) };
    });
  },
  /** Of the attempt by 'manual': what to carry over, and what was carried here. */
  text: () => carrier.text,
  answer: (text) => carrier.answer(text),

  /** Asks the server for a short code, and gives the whole of it. */
  async waitWithCode() {
    carrier = webSocketSignaling('/signal?nameplate=new');
    return createCode((await carrier.place).nameplate);
  },

  setIce(configuration) {
    ice.configuration = configuration;
  },
  /** How often a function `rtc` was asked in this window. */
  askedForIce: () => ice.asked,
  /** The configuration that the site gives for peer connections. */
  ice: async () => (await (await fetch('/ice')).json()).iceServers,

  untilState: (state) => until(() => peer.state === state),
  log: () => log,
  untilLog: (text) => until(() => log.some((line) => line.includes(text))),
  closePeer: () => peer.close(),
  connectionsMade: () => connections.length,
  /** Takes a relay of a TURN server, and keeps it as long as the page is open. */
  async keepRelay(server) {
    const connection = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: 'relay' });
    connection.createDataChannel('kept');
    await new Promise((resolve) => {
      connection.onicecandidate = ({ candidate }) => candidate?.type === 'relay' && resolve();
      void connection.setLocalDescription();
    });
  },
  abortSession: () => abort.abort(),
  untilClosed: () => until(() => peer.state === 'closed'),

  /** Makes the bytes beforehand, so that `send` measures sending only. */
  prepare(sizes, seed) {
    const files = sizes.map((size, index) => new File([randomBytes(size, seed + index)], `file-${index}-${size}.bin`, { lastModified: 1_700_000_000_000 }));
    sources.set(seed, files);
  },

  /** The same with a file that says `text` again and again. */
  prepareText(text, times, seed) {
    sources.set(seed, [new File([text.repeat(times)], 'text.txt')]);
  },

  /** Gives the transfer's number. */
  send(seed) {
    const files = sources.get(seed);
    return track(peer.send(files.length === 1 ? files[0] : files));
  },

  async nextOffer() {
    await until(() => offers.length > 0);
    const { id, files, totalBytes } = offers[0];
    return { id, totalBytes, files: files.map(({ name, path, size }) => ({ name, path, size })) };
  },

  /** Leaves the session as soon as the other side has everything. */
  sendAndLeave(seed) {
    const files = sources.get(seed);
    const number = track(peer.send(files));
    void transfers[number].transfer.done.then(() => peer.close());
    return number;
  },

  /** A stream of `size` bytes in chunks of odd lengths. Gives the transfer's number. */
  sendStream(size, seed) {
    const bytes = randomBytes(size, seed);
    let at = 0;
    const stream = new ReadableStream({
      pull(controller) {
        const chunk = bytes.slice(at, at + 100_003);
        at += chunk.length;
        if (chunk.length > 0) controller.enqueue(chunk);
        if (at >= size) controller.close();
      },
    });
    sources.set(seed, [new Blob([bytes])]);
    return track(peer.send(stream, { name: `stream-${size}.bin` }));
  },

  /** A stream of `size` bytes that come at this rate. */
  sendSlowly(size, bytesPerSecond) {
    const block = randomBytes(Math.ceil(bytesPerSecond / 20), 1);
    let left = size;
    const stream = new ReadableStream({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        const chunk = block.slice(0, Math.min(block.length, left));
        left -= chunk.length;
        controller.enqueue(chunk);
        if (left === 0) controller.close();
      },
    });
    return track(peer.send(stream, { name: 'slow.bin' }));
  },

  /** A stream of `size` bytes that is made while it is read: one block, again and again. */
  sendEndless(size) {
    const block = randomBytes(1024 * 1024, 1);
    let left = size;
    const stream = new ReadableStream(
      {
        pull(controller) {
          const chunk = block.slice(0, Math.min(block.length, left));
          left -= chunk.length;
          if (chunk.length > 0) controller.enqueue(chunk);
          if (left === 0) controller.close();
        },
      },
      { highWaterMark: 1 },
    );
    return track(peer.send(stream, { name: 'endless.bin' }));
  },

  /** Fills a folder of the private file system with files of these paths and sizes and sends it as a directory. */
  async sendDirectory(name, files, seed) {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true });
    for (const [index, [path, size]] of files.entries()) {
      const parts = path.split('/');
      let at = folder;
      for (const part of parts.slice(0, -1)) at = await at.getDirectoryHandle(part, { create: true });
      const writable = await (await at.getFileHandle(parts.at(-1), { create: true })).createWritable();
      await writable.write(randomBytes(size, seed + index));
      await writable.close();
    }
    return track(peer.send(folder));
  },

  /** Sends what the page's file input holds. */
  sendChosen() {
    return track(peer.send([...document.querySelector('input[type=file]').files]));
  },

  accept: (sink) => track(offers.shift().accept(sink === undefined ? {} : { sink })),

  async acceptIntoDirectory(name) {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true });
    return track(offers.shift().accept({ sink: folder }));
  },

  /** Paths and SHA-256 of all files in a folder of the private file system. */
  async listDirectory(name) {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(name);
    const found = [];
    const walk = async (directory, path) => {
      for await (const [entry, handle] of directory.entries()) {
        if (handle.kind === 'directory') await walk(handle, `${path}${entry}/`);
        else found.push([`${path}${entry}`, await sha256(await handle.getFile())]);
      }
    };
    await walk(folder, '');
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  },

  /** SHA-256 of the bytes that `seed` stands for. */
  hashOf: (size, seed) => sha256(new Blob([randomBytes(size, seed)])),

  /**
   * Accepts into a stream that takes `bytesPerSecond`, stops for `pauseFor` ms every `pauseEvery` ms, and fails after
   * `failAfter` bytes. It keeps nothing but a count, and what came where `hash`.
   */
  acceptIntoStream({ bytesPerSecond = Infinity, pauseEvery = Infinity, pauseFor = 0, failAfter = Infinity, hash = true }) {
    const offer = offers.shift();
    const parts = [];
    let bytes = 0;
    let pausedAt = performance.now();
    const number = track(
      offer.accept({
        sink: () =>
          new WritableStream({
            async write(chunk) {
              bytes += chunk.length;
              if (bytes > failAfter) throw new DOMException('no room', 'QuotaExceededError');
              if (hash) parts.push(chunk);
              if (performance.now() - pausedAt >= pauseEvery) {
                await new Promise((resolve) => setTimeout(resolve, pauseFor));
                pausedAt = performance.now();
              }
              if (Number.isFinite(bytesPerSecond)) await new Promise((resolve) => setTimeout(resolve, (chunk.length / bytesPerSecond) * 1000));
            },
          }),
      }),
    );
    streams.set(number, { parts, bytes: () => bytes });
    return number;
  },

  async streamed(number) {
    const { parts, bytes } = streams.get(number);
    return { bytes: bytes(), sha256: await sha256(new Blob(parts)) };
  },

  /** How much the origin stores below the folder of the package, bytes. */
  async storedBytes() {
    const count = async (directory) => {
      let bytes = 0;
      for await (const handle of directory.values()) bytes += handle.kind === 'directory' ? await count(handle) : (await handle.getFile()).size;
      return bytes;
    };
    try {
      return await count(await (await navigator.storage.getDirectory()).getDirectoryHandle('millrace'));
    } catch {
      return 0;
    }
  },

  /** What is stored, without dates. */
  async listStored() {
    const transfers = await listStored();
    return Promise.all(
      transfers.map(async ({ state, bytes, totalBytes, files }) => ({
        state,
        bytes,
        totalBytes,
        files: await Promise.all(files.map(async ({ name, size, blob }) => ({ name, size, sha256: blob ? await sha256(blob) : null }))),
      })),
    );
  },
  removeStored: async () => Promise.all((await listStored()).map((transfer) => transfer.remove())),

  reject: (reason) => offers.shift().reject(reason),
  pause: (number) => transfers[number].transfer.pause(),
  resume: (number) => transfers[number].transfer.resume(),
  cancel: (number, reason) => transfers[number].transfer.cancel(reason),

  /** The names and texts of values.js; the other functions take one by its index. */
  anyValues: () => anyValues.map(([name, , text]) => [name, text]),
  cancelWith: (number, index) => transfers[number].transfer.cancel(anyValues[index][1]),
  rejectWith: (index) => offers.shift().reject(anyValues[index][1]),
  acceptIntoValue: (index) => track(offers.shift().accept({ sink: () => anyValues[index][1] })),
  findTaken: () => findTaken(peer, offers[0]),
  callIdly: (number) => callIdly(peer, transfers[number].transfer),
  untilBytes: (number, bytes) => until(() => transfers[number].transfer.bytes >= bytes || ['done', 'failed', 'cancelled'].includes(transfers[number].transfer.state)),

  /** Bytes that the other side has acknowledged, or that are stored here, and the longest time without progress, ms. */
  progressOf: (number) => ({ bytes: transfers[number].transfer.bytes, longestSilenceMs: longestSilenceMs(transfers[number]) }),
  statsOf: (number) => transfers[number].transfer.stats(),
  logOf: (number) => transfers[number].transfer.log(),

  /** What became of a transfer, with SHA-256 of each received blob, or of each source. */
  async outcome(number, { seed = null, hash = true } = {}) {
    const entry = transfers[number];
    const { receipt, error } = await entry.outcome;
    const lanes = receipt?.stats.lanes ?? [];
    const common = {
      bulkBytes: lanes.filter(({ lane }) => lane > 0).reduce((sum, { bytesSent, bytesReceived }) => sum + bytesSent + bytesReceived, 0),
      states: entry.states, seconds: (entry.endedAt - entry.startedAt) / 1000,
      state: entry.transfer.state,
    };
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
      longestSilenceMs: longestSilenceMs(entry),
    };
  },

  /** SHA-256 of the bytes that `prepare` makes, in this page. */
  sourceHashes: (seed) => Promise.all(sources.get(seed).map(sha256)),

  /** From now on, counts what is held of each kind that a session uses; see held.js. */
  async countHeld() {
    holding = await import('./held.js');
  },
  held: () => ({ connections: globalThis.bare.connectionCount(), ...holding.counted() }),

  connectionCount: () => connections.filter((connection) => connection.connectionState !== 'closed').length,

  /** Closes the connections that carry bulk, one of them, or all there are. Gives how many. */
  closeConnections(which) {
    const carriers = bulk().map(({ connection }) => connection);
    // Not those of a library that shares the page.
    const own = new Set(channels.filter(({ channel }) => channel.label.startsWith('millrace-')).map(({ connection }) => connection));
    const alive = ({ all: connections, own: [...own] }[which] ?? carriers).filter(({ connectionState }) => connectionState !== 'closed');
    const chosen = which === 'one' ? alive.slice(0, 1) : alive;
    for (const connection of chosen) connection.close();
    return chosen.length;
  },

  /** Closes the channels that this page still holds: those for bulk, or all. Gives how many. */
  closeChannels(which) {
    const open = (which === 'all' ? channels : bulk()).filter(({ channel }) => channel.readyState === 'open');
    for (const { channel } of open) channel.close();
    return open.length;
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

  ...messaging(() => peer, until, changed),
};
globalThis.bareReady = true;
