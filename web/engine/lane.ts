/** The listener of a lane. */
export interface LaneEvents {
  /** The channel is open and its limit is known. */
  onready(lane: Lane): void;
  onmessage(lane: Lane, message: ArrayBuffer): void;
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
  /** The core knows the lane. */
  known = false;
  /** Messages that the core could not take yet, in order. */
  readonly held: ArrayBuffer[] = [];
  readonly #channel: RTCDataChannel;
  readonly #events: LaneEvents;
  readonly #listening = new AbortController();
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
    channel.addEventListener('open', () => this.#checkReady(), { signal });
    channel.addEventListener('bufferedamountlow', () => events.ondrained(this), { signal });
    channel.addEventListener('close', () => this.#close(), { signal });
    channel.addEventListener('error', () => this.#close(), { signal });
    channel.addEventListener(
      'message',
      ({ data }: MessageEvent<unknown>) => {
        // In stacks other than browsers a listener may outlive its signal.
        if (this.#closed) return;
        if (data instanceof ArrayBuffer) events.onmessage(this, data);
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

  get bufferedAmount(): number {
    return this.#channel.bufferedAmount;
  }

  setLimit(maxMessageSize: number): void {
    this.#maxMessageSize = maxMessageSize;
    this.#checkReady();
  }

  /** Sends a view of the heap; the browser copies it before this returns. A channel that cannot take it is closed. */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#closed) return;
    try {
      this.#channel.send(bytes);
    } catch {
      this.#close();
    }
  }

  /**
   * Closes the channel, and resolves when it has closed: a channel that closes first delivers everything that was sent. The
   * listeners are removed at once. The caller bounds the time.
   */
  async finish(): Promise<void> {
    this.dispose();
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
