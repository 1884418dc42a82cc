// Lanes, backpressure and a quality monitor on a connection that is this page's own.
import { answerBenchmark, Backpressure, createDataChannel, detectLan, LaneSet, QualityMonitor, ready, runBenchmark } from '/dist/parts.js';
import { gathered } from './gathered.js';
import { randomBytes } from './random.js';

// The set keeps its channels to itself: those that are made are remembered here.
const made = new Map();
const create = RTCPeerConnection.prototype.createDataChannel;
RTCPeerConnection.prototype.createDataChannel = function (label, init) {
  const channel = create.call(this, label, init);
  made.set(label, channel);
  return channel;
};

const connection = new RTCPeerConnection();
const opened = Promise.withResolvers();
const samples = [];
let set = null;
let monitor = null;
let receiving = null;
let answer = null;

function watch(channel) {
  channel.addEventListener('open', () => {
    monitor = new QualityMonitor(connection, { exchange: channel, channels: [channel], interval: 100, onSample: (sample) => samples.push(sample) });
    opened.resolve();
  });
}

const outcomeOf = (promise) =>
  promise.then(
    (value) => ({ value }),
    ({ name, code }) => ({ error: { name, code } }),
  );

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

await ready;
globalThis.parts = {
  async offer(options) {
    watch(createDataChannel(connection, { prefix: 'monitor', delivery: 'ordered' }));
    set = LaneSet.open(connection, options);
    await connection.setLocalDescription();
    return gathered(connection);
  },

  async answer(offer, options) {
    connection.addEventListener('datachannel', ({ channel }) => {
      if (channel.label === 'monitor-1') watch(channel);
    });
    set = LaneSet.accept(connection, options);
    await connection.setRemoteDescription(offer);
    await connection.setLocalDescription();
    return gathered(connection);
  },

  finish: (answer) => connection.setRemoteDescription(answer),

  async ready() {
    await Promise.all([set.ready, opened.promise]);
    return set.stats().openLanes;
  },

  /** `closeAfter`: chunks after which one lane closes. Gives the receipt and the hash, or the error. */
  async send(size, { closeAfter = null, blob = false } = {}) {
    const bytes = randomBytes(size, 5);
    let chunks = 0;
    set.addEventListener('chunk', ({ lane }) => {
      chunks += 1;
      if (chunks === closeAfter) made.get(`lane-${lane}`).close();
    });
    const outcome = await outcomeOf(set.send(blob ? new Blob([bytes]) : bytes));
    return { ...outcome, sha256: await sha256(bytes) };
  },

  receive() {
    receiving = outcomeOf(set.receive());
  },

  async received() {
    const { value, error } = await receiving;
    return error ? { error } : { bytes: value.length, sha256: await sha256(value) };
  },

  stats: () => set.stats(),
  detectLan: () => detectLan(connection, { rtt: monitor.mean?.rtt }),
  quality: () => ({ latest: monitor.latest, mean: monitor.mean, quality: monitor.quality, count: monitor.sampleCount, samples }),
  closeConnection: () => connection.close(),

  /** Fills a channel of its own past its high mark, and waits until it may go on. */
  async fill() {
    const channel = createDataChannel(connection, { prefix: 'fill', delivery: 'reliable' });
    await new Promise((resolve) => channel.addEventListener('open', resolve));
    const gate = new Backpressure(channel, { preset: 'event-driven' });
    const said = [];
    for (const type of ['pause', 'resume']) gate.addEventListener(type, () => said.push(type));
    let sent = 0;
    while (gate.send(new Uint8Array(65_536))) sent += 1;
    const paused = { isPaused: gate.isPaused, hasBackpressure: gate.hasBackpressure, bufferLevel: gate.bufferLevel };
    await gate.ready();
    const after = { isPaused: gate.isPaused, buffered: channel.bufferedAmount };
    gate.dispose();
    channel.close();
    return { sent, paused, after, said };
  },

  answerBenchmark() {
    answer = answerBenchmark(connection);
  },
  endAnswers: () => answer.close(),
  runBenchmark: (options) => outcomeOf(runBenchmark(connection, options)),
};

globalThis.partsReady = true;
