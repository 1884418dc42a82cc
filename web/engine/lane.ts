/** The listener of a lane. */
export interface LaneEvents {
  /** The channel is open and its limit is known. */
  onready(lane: Lane): void;
  onmessage(lane: Lane, message: ArrayBuffer): void;
  /** A message waits for the channel to open, and may go another way meanwhile. `index`: counts the messages. */
  onwaiting(lane: Lane, message: Uint8Array, index: number): void;
  /** `bufferedAmount` fell to the low water mark. */
  ondrained(lane: Lane): void;
  /** The channel closed, failed, or received a message that cannot be a record. Called once, unless `dispose` came first. */
  onclosed(lane: Lane): void;
}

/** One data channel with all its listeners, which `dispose` removes. */
export class Lane {
  readonly number: number;
  /** The channel retransmits lost messages itself. */
  readonly reliable: boolean;
  /** The channel is open and its limit is known. */
  ready = false;
  /** The limit of messages, bytes, with which the core may use the lane before its channel is open; 0: it may not. */
  earlyLimit = 0;
  /** The core knows the lane. */
  known = false;
  /** The window knows that the lane is open. */
  announced = false;
  /** What waits for the channel to open says why this side leaves. */
  hasLastWords = false;
  /** Messages that were taken, from the channel or before it opened. */
  taken = 0;
  /** Messages that the core could not take yet, in order. */
  readonly held: ArrayBuffer[] = [];
  readonly #channel: RTCDataChannel;
  readonly #events: LaneEvents;
  readonly #listening = new AbortController();
  /** What the core sent before the channel was open. */
  readonly #waiting: Uint8Array<ArrayBuffer>[] = [];
  #arrived = 0;
  /** The channel has reported that it is open: it may be so earlier, and what waits comes first. */
  #opened = false;
  #maxMessageSize = 0;
  #closed = false;

  constructor(number: number, channel: RTCDataChannel, reliable: boolean, lowWater: number, events: LaneEvents) {
    this.number = number;
    this.reliable = reliable;
    this.#channel = channel;
    this.#events = events;
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = lowWater;

    const { signal } = this.#listening;
    channel.addEventListener('open', () => this.#open(), { signal });
    channel.addEventListener('bufferedamountlow', () => events.ondrained(this), { signal });
    channel.addEventListener('close', () => this.#close(), { signal });
    channel.addEventListener('error', () => this.#close(), { signal });
    channel.addEventListener(
      'message',
      ({ data }: MessageEvent<unknown>) => {
        // In stacks other than browsers a listener may outlive its signal.
        if (this.#closed) return;
        if (data instanceof ArrayBuffer) this.#take(data);
        // Some stacks hand over a part of a larger buffer.
        else if (data instanceof Uint8Array) this.#take(new Uint8Array(data).buffer);
        else this.#close();
      },
      { signal },
    );
  }

  get maxMessageSize(): number {
    return this.#maxMessageSize;
  }

  /** Of the channel; 'connecting' until the core knows the lane. */
  get state(): RTCDataChannelState {
    const { readyState } = this.#channel;
    return readyState === 'open' && !this.known ? 'connecting' : readyState;
  }

  /** Bytes. A lossy lane that is used early is full until its channel is open: what it is given would not be sent at all. */
  get bufferedAmount(): number {
    return this.#isEarly && !this.reliable ? this.earlyLimit : this.#channel.bufferedAmount;
  }

  get #isEarly(): boolean {
    return this.earlyLimit > 0 && !this.#opened;
  }

  setLimit(maxMessageSize: number): void {
    this.#maxMessageSize = maxMessageSize;
    this.#checkReady();
  }

  /** Sends a view of the heap; the browser copies it before this returns. A channel that cannot take it is closed. */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#closed) return;
    if (this.#isEarly) {
      // What a lossy lane carries is out of date by then.
      if (!this.reliable) return;
      const copy = bytes.slice();
      this.#events.onwaiting(this, copy, this.#waiting.push(copy) - 1);
      return;
    }
    try {
      this.#channel.send(bytes);
    } catch {
      this.#close();
    }
  }

  /**
   * Closes the channel, and resolves when it has closed: a channel that closes first delivers everything that was sent. Last words are
   * sent when it opens. The listeners are removed at once. The caller bounds the time.
   */
  async finish(): Promise<void> {
    this.dispose();
    if (this.hasLastWords && !this.#opened) await this.#sayLastWords();
    if (this.#channel.readyState === 'closed') return;
    await new Promise<void>((resolve) => {
      this.#channel.addEventListener('close', () => resolve(), { once: true });
      this.#channel.close();
    });
  }

  /** Removes the listeners; the channel stays as it is. */
  dispose(): void {
    this.#closed = true;
    this.#listening.abort();
  }

  #open(): void {
    this.#opened = true;
    for (const bytes of this.#waiting.splice(0)) this.send(bytes);
    this.#checkReady();
  }

  async #sayLastWords(): Promise<void> {
    const channel = this.#channel;
    await new Promise((resolve) => {
      for (const name of ['open', 'close']) channel.addEventListener(name, resolve, { once: true });
    });
    if (channel.readyState === 'open') for (const bytes of this.#waiting.splice(0)) channel.send(bytes);
  }

  /** The first messages of a lane that was used early may have come another way. */
  #take(message: ArrayBuffer): void {
    this.#arrived += 1;
    if (this.#arrived <= this.taken) return;
    this.taken += 1;
    this.#events.onmessage(this, message);
  }

  #checkReady(): void {
    if (this.ready || this.#closed || this.#maxMessageSize === 0 || this.#channel.readyState !== 'open') return;
    this.ready = true;
    this.#events.onready(this);
  }

  #close(): void {
    if (this.#closed) return;
    this.dispose();
    this.#channel.close();
    this.#events.onclosed(this);
  }
}
