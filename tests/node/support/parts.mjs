// The built parts in Node.js, and connections and channels without a network.
globalThis.navigator ??= {};
export const parts = await import(new URL('../../../dist/parts.js', import.meta.url).href);
await parts.ready;

/** One end of a channel. Drains a message per task; `hold` keeps it from draining, `drop(n)` says which messages are lost. */
export class FakeChannel extends EventTarget {
  readyState = 'connecting';
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  binaryType = '';
  hold = false;
  drop = () => false;
  sent = 0;
  listeners = 0;
  other = null;
  #queue = [];
  #draining = false;

  constructor(label, { protocol = '', maxRetransmits = null, ordered = true } = {}) {
    super();
    Object.assign(this, { label, protocol, maxRetransmits, maxPacketLifeTime: null, ordered });
  }

  addEventListener(type, listener, options) {
    this.listeners += 1;
    options?.signal?.addEventListener('abort', () => (this.listeners -= 1), { once: true });
    super.addEventListener(type, listener, options);
  }

  send(data) {
    if (this.readyState !== 'open') throw new DOMException('not open', 'InvalidStateError');
    const bytes = typeof data === 'string' ? data : new Uint8Array(ArrayBuffer.isView(data) ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : data.slice(0)).buffer;
    this.bufferedAmount += typeof bytes === 'string' ? bytes.length : bytes.byteLength;
    this.#queue.push(bytes);
    this.drain();
  }

  drain() {
    if (this.#draining || this.hold) return;
    this.#draining = true;
    setImmediate(() => {
      this.#draining = false;
      if (this.hold || this.readyState !== 'open') return;
      const data = this.#queue.shift();
      if (data === undefined) return;
      const before = this.bufferedAmount;
      this.bufferedAmount -= typeof data === 'string' ? data.length : data.byteLength;
      this.sent += 1;
      if (!this.drop(this.sent)) this.other?.receive(data);
      if (before > this.bufferedAmountLowThreshold && this.bufferedAmount <= this.bufferedAmountLowThreshold) {
        this.dispatchEvent(new Event('bufferedamountlow'));
      }
      if (this.#queue.length > 0) this.drain();
    });
  }

  receive(data) {
    if (this.readyState === 'open') this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }

  open() {
    this.readyState = 'open';
    this.dispatchEvent(new Event('open'));
  }

  /** Silently, as a closed connection's. */
  kill() {
    this.readyState = 'closed';
  }

  close() {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    setImmediate(() => {
      this.dispatchEvent(new Event('close'));
      this.other?.close();
    });
  }
}

export class FakeConnection extends EventTarget {
  connectionState = 'connected';
  sctp = { maxMessageSize: 262_144 };
  /** All but those of pulse lanes. */
  channels = [];
  pulses = [];
  /** What `getStats` gives, by id. */
  stats = {};
  other = null;

  static pair() {
    const pair = [new FakeConnection(), new FakeConnection()];
    [pair[0].other, pair[1].other] = [pair[1], pair[0]];
    return pair;
  }

  createDataChannel(label, init) {
    const here = new FakeChannel(label, init);
    const kind = label.includes('-pulse-') ? 'pulses' : 'channels';
    this[kind].push(here);
    if (this.other) {
      const there = new FakeChannel(label, init);
      [here.other, there.other] = [there, here];
      this.other[kind].push(there);
      setImmediate(() => {
        there.readyState = 'open';
        this.other.dispatchEvent(Object.assign(new Event('datachannel'), { channel: there }));
        here.open();
      });
    }
    return here;
  }

  async getStats() {
    return new Map(Object.entries(this.stats));
  }
}
