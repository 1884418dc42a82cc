// Two engines (web/engine/engine.ts) with the real core in one process, with channels without a network between them.
globalThis.navigator ??= {};

export const { Engine } = await import(new URL('../../../dist/engine.js', import.meta.url).href);

/** The lane of pings and acknowledgements, on the control connection. */
export const pulseLane = 0xffff_ffff;

const fingerprints = ['sha-256 AA', 'sha-256 BB'];

const usualOptions = {
  leastLanes: 1,
  mostLanes: 16,
  mostBytesPerSecond: 0,
  background: false,
  secretKind: 'none',
  encryption: true,
  privacy: false,
  trace: false,
};

/** One end of a channel: a message for each step of the event loop, and an end that waits for what was sent, as a browser's. */
export class Channel extends EventTarget {
  readyState = 'connecting';
  bufferedAmountLowThreshold = 0;
  other = null;
  /** Keeps what is sent, and with it a channel that closes, as a network does that carries nothing. */
  hold = false;
  #queue = [];
  #working = false;

  constructor(label) {
    super();
    this.label = label;
  }

  get bufferedAmount() {
    return this.#queue.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  send(bytes) {
    if (this.readyState !== 'open') throw new DOMException('not open', 'InvalidStateError');
    this.#queue.push(bytes.slice().buffer);
    this.work();
  }

  open() {
    this.readyState = 'open';
    this.dispatchEvent(new Event('open'));
  }

  close() {
    if (this.readyState === 'closing' || this.readyState === 'closed') return;
    this.readyState = 'closing';
    this.work();
  }

  /** Once more after `hold` was taken back. */
  work() {
    if (this.#working || this.hold) return;
    this.#working = true;
    setImmediate(() => {
      this.#working = false;
      if (this.hold || this.readyState === 'closed') return;
      const data = this.#queue.shift();
      if (data) this.#deliver(data);
      if (this.#queue.length > 0) this.work();
      else if (this.readyState === 'closing') this.#finish();
    });
  }

  #deliver(data) {
    const { bufferedAmount, bufferedAmountLowThreshold: low } = this;
    if (this.other.readyState === 'open') this.other.dispatchEvent(Object.assign(new Event('message'), { data }));
    if (bufferedAmount <= low && bufferedAmount + data.byteLength > low) this.dispatchEvent(new Event('bufferedamountlow'));
  }

  #finish() {
    this.readyState = 'closed';
    this.dispatchEvent(new Event('close'));
    this.other.close();
  }
}

/** One engine, the messages that it posted, and the channels that it was given, by lane. */
export class EngineSide {
  messages = [];
  channels = new Map();
  #index;
  #waiting = new Set();

  constructor(index, Class = Engine) {
    this.#index = index;
    this.engine = new Class((message) => {
      this.messages.push(message);
      for (const check of this.#waiting) check();
    });
  }

  post(message) {
    this.engine.handle(message);
  }

  start(options = {}) {
    this.post({
      type: 'start',
      options: { ...usualOptions, secret: new Uint8Array(0), ...options },
      waterMarks: { high: 1024 * 1024, low: 256 * 1024 },
    });
  }

  addLane(lane, channel, reliable = lane !== pulseLane) {
    this.channels.set(lane, channel);
    this.post({ type: 'addLane', lane, channel, reliable });
    // The limit of the control lane counts for it.
    if (lane === pulseLane) return;
    const [local, remote] = this.#index === 0 ? fingerprints : [...fingerprints].reverse();
    this.post({ type: 'laneLimit', lane, maxMessageSize: 262_144, fingerprints: { local, remote } });
  }

  all(type) {
    return this.messages.filter((message) => message.type === type);
  }

  /** The first message of a type (that `matches`), once it is there. Errors: rejects after 10 s, with the types of all there are. */
  async until(type, matches = () => true) {
    const find = () => this.messages.find((message) => message.type === type && matches(message));
    return find() ?? new Promise((resolve, reject) => {
      const finish = () => {
        clearTimeout(timer);
        this.#waiting.delete(check);
      };
      const check = () => {
        const found = find();
        if (!found) return;
        finish();
        resolve(found);
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`no ${type} among ${this.messages.map((message) => message.type).join(' ')}`));
      }, 10_000);
      this.#waiting.add(check);
    });
  }

  /** Offers one blob. */
  send(id, bytes) {
    const file = { name: 'f', path: 'f', size: bytes.length, type: '', lastModified: 0 };
    this.post({ type: 'send', id, secret: crypto.getRandomValues(new Uint8Array(16)), files: [file], bodies: [new Blob([bytes])] });
  }
}

/** Two ends of a channel, not open yet. */
export function channelPair(label) {
  const pair = [new Channel(label), new Channel(label)];
  [pair[0].other, pair[1].other] = [pair[1], pair[0]];
  return pair;
}

/** Gives both sides a lane, whose channel opens at once unless `open` is false. */
export function addLane(sides, lane, { open = true } = {}) {
  const channels = channelPair(`lane-${lane}`);
  for (const [index, side] of sides.entries()) side.addLane(lane, channels[index]);
  if (open) for (const channel of channels) channel.open();
  return channels;
}

/** Gives both sides the two lanes of the control connection. */
export function addControlConnection(sides) {
  addLane(sides, pulseLane);
  addLane(sides, 0);
}

/** Two sides that have agreed on keys, with one bulk lane. */
export async function connectedPair(options) {
  const sides = [new EngineSide(0), new EngineSide(1)];
  for (const side of sides) side.start(options);
  addControlConnection(sides);
  await Promise.all(sides.map((side) => side.until('established')));
  addLane(sides, 1);
  await Promise.all(sides.map((side) => side.until('laneOpened', ({ lane }) => lane === 1)));
  return sides;
}

/** Ends both sides, whatever became of them. */
export async function closePair(sides) {
  for (const side of sides) side.post({ type: 'close', code: 'closed', detail: '' });
  await Promise.all(sides.map((side) => side.until('released')));
}

/** Timers and message ports that keep this process alive. */
export function held() {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout' || name === 'MessagePort').length;
}
