import { MillraceError, toError } from '../api/errors.js';
import { typedEventTarget } from '../api/events.js';
import { deferred, type Deferred } from '../base/deferred.js';
import { Turns } from '../base/turns.js';
import { core, keep, release, type WaterMarks, type StripeArrival, type StripeEvent, type StripeLane, type StripeOutput, type StripeSetCore } from '../wasm/parts.js';
import { checkChoice, checkNumber } from './check.js';
import { createDataChannel, DEFAULT_PROTOCOL, type ChannelDelivery } from './data_channel.js';
import { toLaneData, type LaneData, type LaneSource } from './lane_source.js';
import { resolveWaterMarks, type WaterMarkOptions } from './water_marks.js';

/** Both sides use the same prefix and protocol; the rest is each side's own. */
export interface LaneSetOptions extends WaterMarkOptions {
  /** How many lanes there are to be, 1 to 16; default 4. */
  lanes?: number;
  /** 'earliest': the lane on which a chunk will be there first. Default 'round-robin'. */
  scheduler?: 'round-robin' | 'earliest';
  /** How this side's chunks go; what the channel does not send again, the set does. Default 'reliable'. */
  delivery?: ChannelDelivery;
  /** Labels are `<prefix>-<number>`. Both sides use the same one. Default 'lane'. */
  prefix?: string;
  /** Of the channels. Default 'millrace-parts/1'. */
  protocol?: string;
  /** Bytes of a chunk, at most what a message carries; default 64 KiB. */
  chunkSize?: number;
  /** Whether a lane that closed is opened again while the connection lasts; default true. Only the side that opens lanes does. */
  reopen?: boolean;
}

/** Options of `LaneSet.send`. */
export interface SendLanesOptions {
  /** Bytes of a chunk of this transfer. */
  chunkSize?: number;
  /** Ends it with 'aborted'. */
  signal?: AbortSignal;
}

/** Options of `LaneSet.receive`. */
export interface ReceiveLanesOptions {
  /** Refuse more than this with 'too-large', bytes; default 64 MiB, or without bound where `onchunk` takes it. */
  maxBytes?: number;
  /** Takes the data piece by piece, in order; then nothing is kept. */
  onchunk?: (data: Uint8Array<ArrayBuffer>, offset: number) => void;
  /** Ends it with 'aborted'. */
  signal?: AbortSignal;
}

/** What `LaneSet.send` resolves with: all of it has arrived. */
export interface LanesReceipt {
  /** Of the data. */
  readonly bytes: number;
  /** How many it was cut into. */
  readonly chunks: number;
  /** Bytes; that of the options, or less where a message carries less. */
  readonly chunkSize: number;
  /** From `send` to the last acknowledgement. */
  readonly durationMs: number;
}

/** One lane of a `LaneSet`. */
export interface LaneState extends StripeLane {
  /** Of its channel. */
  readonly label: string;
  /** Of its channel. */
  readonly state: RTCDataChannelState;
}

/** Numbers of a `LaneSet`. */
export interface LaneSetStats {
  /** Those that are there now. */
  readonly lanes: readonly LaneState[];
  /** How many of them are open. */
  readonly openLanes: number;
  /** How many take nothing now: they are above their high water mark. */
  readonly pausedLanes: number;
  /** Of the lanes that are there now. */
  readonly bytesSent: number;
  /** Of the lanes that are there now. */
  readonly bytesReceived: number;
  /** Of the lanes that are there now. */
  readonly chunksSent: number;
  /** Of the lanes that are there now. */
  readonly chunksReceived: number;
  /** Bytes in all channels. */
  readonly bufferedAmount: number;
}

/** What a `LaneSet` fires. */
export interface LaneSetEvents {
  /** As many lanes are open as there are to be, for the first time. */
  ready: Event;
  /** A chunk went out, or arrived for the first time. */
  chunk: Event & {
    /** From 0, within its transfer. */
    readonly index: number;
    /** The number of the lane. */
    readonly lane: number;
    /** Which way it went. */
    readonly direction: 'send' | 'receive';
  };
  /** A lane is below its low mark again. */
  drain: Event & {
    /** Its number. */
    readonly lane: number;
  };
  /** A transfer begins to arrive: without a `receive` by the end of this event it is refused. */
  incoming: Event & {
    /** Of the data. */
    readonly totalBytes: number;
  };
  /** A lane opened or closed. */
  lane: Event & {
    /** Its number. */
    readonly lane: number;
    /** What it is now. */
    readonly state: RTCDataChannelState;
  };
}

const DEFAULT_CHUNK_BYTES = 64 * 1024;
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const DEFAULT_LANES = 4;
const MOST_LANES = 16;
/** A lane that does not stay is opened so many times in a row at most. */
const MOST_REOPENINGS = 8;
/** What every stack can receive, RFC 8841 section 6.1. */
const DEFAULT_MAX_MESSAGE_SIZE = 65_536;
/** A message is never longer (Chromium closes a channel on a longer one). */
const MAX_MESSAGE_BYTES = 256 * 1024;
/** While something moves, channels are looked at this often besides their events: closing a connection fires none, ms. */
const WATCHDOG_MS = 1_000;

interface Channel {
  readonly number: number;
  readonly channel: RTCDataChannel;
  readonly listening: AbortController;
  /** The core knows it. */
  open: boolean;
  /** Bytes that were given to it and are still being read. */
  reading: number;
}

interface Sending {
  readonly data: LaneData;
  readonly done: Deferred<LanesReceipt>;
  readonly chunkSize: number;
  readonly startedAt: number;
  readonly listening: AbortController;
  chunks: number;
}

interface Receiving {
  readonly done: Deferred<Uint8Array<ArrayBuffer> | undefined>;
  readonly maxBytes: number;
  readonly onchunk: ReceiveLanesOptions['onchunk'];
  readonly listening: AbortController;
  /** Undefined until the transfer begins. */
  whole: Uint8Array<ArrayBuffer> | undefined;
  begun: boolean;
  /** With `onchunk`: what came before its turn, by offset. */
  readonly early: Map<number, Uint8Array<ArrayBuffer>>;
  /** Where the next piece begins. */
  next: number;
}

/**
 * Parallel channels on a connection of the caller's: data is cut into chunks that take any lane, each lane has its own
 * backpressure, and the other side puts the chunks together again. One transfer at a time goes each way. What a lane that
 * closes or stalls has carried goes out on the others. Nothing is encrypted beyond DTLS, and nothing is hashed: `connect`
 * does that.
 */
export class LaneSet extends typedEventTarget<LaneSetEvents>() {
  /** Resolves when as many lanes are open as there are to be; rejects once the set is closed. */
  readonly ready: Promise<void>;
  readonly #connection: RTCPeerConnection;
  readonly #opens: boolean;
  readonly #count: number;
  readonly #prefix: string;
  readonly #protocol: string;
  readonly #delivery: ChannelDelivery;
  readonly #chunkSize: number;
  readonly #reopen: boolean;
  readonly #marks: WaterMarks;
  readonly #core: StripeSetCore;
  readonly #channels = new Map<number, Channel>();
  readonly #listening = new AbortController();
  readonly #ready = deferred<void>();
  #isReady = false;
  #reopenings = 0;
  #sending: Sending | undefined;
  #receiving: Receiving | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  readonly #turns = new Turns(() => this.#work());
  #end: MillraceError | undefined;

  /** Opens the lanes; the other side calls `accept`. Errors: throws 'invalid-argument', and 'connection-failed' as `createDataChannel`. */
  static open(connection: RTCPeerConnection, options: LaneSetOptions = {}): LaneSet {
    const set = new LaneSet(connection, options, true);
    try {
      for (let i = 0; i < set.#count; i += 1) set.#create();
    } catch (caught) {
      set.close();
      throw caught;
    }
    return set;
  }

  /** Takes the lanes that the other side opens under the same prefix; call it before they can come. Errors: throws 'invalid-argument'. */
  static accept(connection: RTCPeerConnection, options: LaneSetOptions = {}): LaneSet {
    return new LaneSet(connection, options, false);
  }

  private constructor(connection: RTCPeerConnection, options: LaneSetOptions, opens: boolean) {
    super();
    const { lanes = DEFAULT_LANES, scheduler = 'round-robin', delivery = 'reliable' } = options;
    checkNumber('lanes', lanes, 1, MOST_LANES);
    if (!Number.isInteger(lanes)) throw new MillraceError('invalid-argument', 'lanes: a whole number');
    checkChoice('scheduler', scheduler, ['round-robin', 'earliest']);
    checkChoice('delivery', delivery, ['unreliable', 'reliable', 'ordered']);
    this.#connection = connection;
    this.#opens = opens;
    this.#count = lanes;
    this.#prefix = options.prefix ?? 'lane';
    this.#protocol = options.protocol ?? DEFAULT_PROTOCOL;
    this.#delivery = delivery;
    this.#chunkSize = checkNumber('chunkSize', options.chunkSize ?? DEFAULT_CHUNK_BYTES, 1);
    this.#reopen = options.reopen ?? true;
    this.#marks = resolveWaterMarks(options);
    this.#core = keep(this, new core.StripeSet(this.#marks.high, this.#marks.low, scheduler === 'round-robin'));
    this.ready = this.#ready.promise;
    this.ready.catch(() => {});
    const { signal } = this.#listening;
    if (!opens) connection.addEventListener('datachannel', ({ channel }) => this.#take(channel), { signal });
    connection.addEventListener('connectionstatechange', () => this.#look(), { signal });
  }

  /**
   * Sends data to the other side's `receive`. Resolves when all of it has arrived there.
   * Errors: rejects with 'invalid-argument' while something is being sent or no lane is open, 'lane-closed' as soon as the
   * last lane is gone, 'rejected' with the other side's reason, 'source-failed', 'aborted', 'closed'. Then the set can send again.
   */
  async send(data: LaneSource, { chunkSize = this.#chunkSize, signal }: SendLanesOptions = {}): Promise<LanesReceipt> {
    if (this.#end) throw this.#end;
    if (signal?.aborted) throw new MillraceError('aborted');
    const source = toLaneData(data);
    const begun = this.#core.begin(source.bytes, checkNumber('chunkSize', chunkSize, 1));
    if (typeof begun !== 'number') throw toError(begun.code, begun.detail, 'internal');
    const done = deferred<LanesReceipt>();
    const listening = new AbortController();
    signal?.addEventListener('abort', () => this.#stopSending(new MillraceError('aborted')), { signal: listening.signal });
    this.#sending = { data: source, done, chunkSize: begun, startedAt: performance.now(), listening, chunks: 0 };
    this.#watch();
    this.#turns.run();
    return done.promise;
  }

  /**
   * Takes the next transfer of the other side; call it before that begins, at the latest in the event 'incoming'. Resolves
   * with the data, or with undefined where `onchunk` took it.
   * Errors: rejects with 'invalid-argument' while another one waits, 'too-large', 'lane-closed' as soon as the last lane is
   * gone, 'cancelled' by the other side, 'sink-failed' where `onchunk` throws, 'aborted', 'closed'.
   */
  async receive(options: ReceiveLanesOptions = {}): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#end) throw this.#end;
    const { onchunk, signal } = options;
    if (this.#receiving) throw new MillraceError('invalid-argument', 'another receive is waiting');
    if (signal?.aborted) throw new MillraceError('aborted');
    const maxBytes = options.maxBytes ?? (onchunk ? Infinity : DEFAULT_MAX_BYTES);
    const done = deferred<Uint8Array<ArrayBuffer> | undefined>();
    const listening = new AbortController();
    signal?.addEventListener('abort', () => this.#stopReceiving(new MillraceError('aborted')), { signal: listening.signal });
    this.#receiving = { done, maxBytes, onchunk, listening, whole: undefined, begun: false, early: new Map(), next: 0 };
    this.#watch();
    return done.promise;
  }

  /** Numbers of now; none of lanes once it is closed. */
  stats(): LaneSetStats {
    const known = this.#end ? [] : this.#core.lanes();
    const lanes = known.map((lane): LaneState => {
      const channel = this.#channels.get(lane.lane)?.channel;
      return { ...lane, label: `${this.#prefix}-${lane.lane}`, state: channel?.readyState ?? 'closed' };
    });
    const sum = (pick: (lane: StripeLane) => number): number => known.reduce((total, lane) => total + pick(lane), 0);
    return {
      lanes,
      openLanes: lanes.filter(({ state }) => state === 'open').length,
      pausedLanes: lanes.filter(({ paused }) => paused).length,
      bytesSent: sum((lane) => lane.bytesSent),
      bytesReceived: sum((lane) => lane.bytesReceived),
      chunksSent: sum((lane) => lane.chunksSent),
      chunksReceived: sum((lane) => lane.chunksReceived),
      bufferedAmount: sum((lane) => lane.bufferedAmount),
    };
  }

  /** Closes the lanes and removes every listener; the connection stays. What is under way rejects with 'closed'. */
  close(): void {
    this.#finish(new MillraceError('closed'));
  }

  // Channels

  #create(): void {
    const channel = createDataChannel(this.#connection, {
      prefix: this.#prefix,
      delivery: this.#delivery,
      protocol: this.#protocol,
      bufferedAmountLowThreshold: this.#marks.low,
    });
    this.#add(channel);
  }

  #take(channel: RTCDataChannel): void {
    if (channel.protocol !== this.#protocol || this.#numberOf(channel) === undefined) return;
    if (this.#channels.size >= MOST_LANES) channel.close();
    else this.#add(channel);
  }

  #numberOf({ label }: RTCDataChannel): number | undefined {
    const start = `${this.#prefix}-`;
    const digits = label.startsWith(start) ? label.slice(start.length) : '';
    return /^\d{1,9}$/.test(digits) ? Number(digits) : undefined;
  }

  #add(channel: RTCDataChannel): void {
    const number = this.#numberOf(channel);
    if (number === undefined || this.#channels.has(number)) {
      channel.close();
      return;
    }
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = this.#marks.low;
    const lane: Channel = { number, channel, listening: new AbortController(), open: false, reading: 0 };
    this.#channels.set(number, lane);
    const { signal } = lane.listening;
    channel.addEventListener('open', () => this.#opened(lane), { signal });
    channel.addEventListener('close', () => this.#lose(lane), { signal });
    channel.addEventListener('error', () => this.#lose(lane), { signal });
    channel.addEventListener('bufferedamountlow', () => this.#turns.run(), { signal });
    channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => this.#hear(lane, data), { signal });
    if (channel.readyState === 'open') this.#opened(lane);
  }

  #opened(lane: Channel): void {
    if (lane.open || this.#end) return;
    const most = this.#connection.sctp?.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE;
    const reliable = lane.channel.maxRetransmits === null && lane.channel.maxPacketLifeTime === null;
    if (this.#core.openLane(lane.number, most, reliable) !== '') {
      this.#lose(lane);
      return;
    }
    lane.open = true;
    this.#sayLane(lane, 'open');
    const open = [...this.#channels.values()].filter((other) => other.open).length;
    if (open >= this.#count) {
      this.#reopenings = 0;
      if (!this.#isReady) {
        this.#isReady = true;
        this.#ready.resolve();
        this.dispatchEvent(new Event('ready'));
      }
    }
    this.#turns.run();
  }

  #lose(lane: Channel): void {
    if (this.#channels.get(lane.number) !== lane) return;
    this.#channels.delete(lane.number);
    lane.listening.abort();
    lane.channel.close();
    if (lane.open) this.#core.closeLane(lane.number);
    this.#sayLane(lane, 'closed');
    if (this.#mayReopen()) {
      this.#reopenings += 1;
      try {
        this.#create();
      } catch {
        // The connection is on its way out: what is left says so.
      }
    }
    if (lane.open && ![...this.#channels.values()].some(({ open }) => open)) this.#waitInVain();
    this.#turns.run();
  }

  #mayReopen(): boolean {
    const { connectionState } = this.#connection;
    const alive = connectionState === 'connected' || connectionState === 'connecting' || connectionState === 'new';
    return this.#opens && this.#reopen && !this.#end && alive && this.#reopenings < MOST_REOPENINGS;
  }

  #sayLane({ number }: Channel, state: RTCDataChannelState): void {
    this.dispatchEvent(Object.assign(new Event('lane'), { lane: number, state }));
  }

  /** Channels that closed without an event, as those of a closed connection do, and waiting over a connection that is no more. */
  #look(): void {
    const dead = ['closed', 'failed'].includes(this.#connection.connectionState);
    for (const lane of [...this.#channels.values()]) {
      if (dead || lane.channel.readyState === 'closed') this.#lose(lane);
    }
    if (dead) this.#waitInVain();
  }

  /** Nothing can come any more. The core knows of transfers that have begun, and says so itself. */
  #waitInVain(): void {
    if (this.#receiving && !this.#receiving.begun) this.#endReceiving(new MillraceError('lane-closed', 'the last lane is gone'));
  }

  #watch(): void {
    this.#watchdog ??= setInterval(() => {
      this.#look();
      if (this.#sending || this.#receiving) this.#turns.run();
      else this.#unwatch();
    }, WATCHDOG_MS);
  }

  #unwatch(): void {
    clearInterval(this.#watchdog);
    this.#watchdog = undefined;
  }

  // Turns

  #work(): void {
    if (this.#end) return;
    for (const lane of this.#channels.values()) {
      if (lane.open) this.#core.setBuffered(lane.number, lane.channel.bufferedAmount + lane.reading);
    }
    for (let output = this.#core.pollOutput(performance.now()); output; output = this.#core.pollOutput(performance.now())) {
      this.#carry(output);
      if (this.#end) return;
    }
    for (let event = this.#core.pollEvent(); event; event = this.#core.pollEvent()) {
      this.#handleEvent(event);
      if (this.#end) return;
    }
    clearTimeout(this.#timer);
    const at = this.#core.nextTimeout();
    if (at !== Infinity) this.#timer = setTimeout(() => this.#turns.run(), Math.max(0, Math.ceil(at - performance.now())));
  }

  #carry(output: StripeOutput): void {
    const lane = this.#channels.get(output.lane);
    if (!lane) return;
    const message = new Uint8Array(output.bytes + output.length);
    message.set(core.HEAPU8.subarray(output.address, output.address + output.bytes));
    const sending = this.#sending;
    if (!output.isChunk || !sending) {
      this.#put(lane, message);
      return;
    }
    sending.chunks += 1;
    this.dispatchEvent(Object.assign(new Event('chunk'), { index: output.index, lane: lane.number, direction: 'send' as const }));
    const copy = (piece: Uint8Array): void => message.set(piece, output.bytes);
    const read = sending.data.read(output.offset, output.length, copy);
    if (!read) {
      this.#put(lane, message);
      return;
    }
    lane.reading += message.length;
    read.then(
      () => {
        lane.reading -= message.length;
        if (this.#sending === sending) this.#put(lane, message);
        this.#turns.run();
      },
      (caught: unknown) => {
        lane.reading -= message.length;
        if (this.#sending === sending) this.#stopSending(MillraceError.from(caught, 'source-failed'));
      },
    );
  }

  #put(lane: Channel, message: Uint8Array<ArrayBuffer>): void {
    if (this.#channels.get(lane.number) !== lane) return;
    try {
      lane.channel.send(message);
    } catch {
      this.#lose(lane);
    }
  }

  #hear(lane: Channel, data: unknown): void {
    if (this.#end || !lane.open) return;
    if (!(data instanceof ArrayBuffer)) {
      this.#lose(lane);
      return;
    }
    const bytes = new Uint8Array(data);
    // What is longer than a message may be is cut, and no message any more.
    const length = Math.min(bytes.length, MAX_MESSAGE_BYTES);
    core.HEAPU8.set(bytes.subarray(0, length), this.#core.inputBuffer());
    const totalBytes = this.#core.begins(length);
    if (totalBytes === undefined) this.#takeMessage(lane, bytes, length);
    else {
      const refusal = this.#begin(totalBytes);
      if (this.#end) return;
      // A listener may have used the buffer.
      core.HEAPU8.set(bytes.subarray(0, length), this.#core.inputBuffer());
      if (refusal === undefined) this.#takeMessage(lane, bytes, length);
      else this.#core.decline(length, refusal);
    }
    this.#turns.run();
  }

  #takeMessage(lane: Channel, message: Uint8Array<ArrayBuffer>, length: number): void {
    const arrival = this.#core.handleInput(lane.number, length, performance.now());
    if (!arrival) return;
    if ('code' in arrival) this.#finish(toError(arrival.code, arrival.detail, 'internal'));
    else this.#store(lane, message, arrival);
  }

  #handleEvent(event: StripeEvent): void {
    switch (event.type) {
      case 'drained':
        this.dispatchEvent(Object.assign(new Event('drain'), { lane: event.lane }));
        break;
      case 'sent':
        this.#sent();
        break;
      case 'sendFailed':
        this.#stopSending(toError(event.code, event.detail, 'internal'));
        break;
      case 'received':
        this.#received();
        break;
      case 'receiveFailed':
        this.#stopReceiving(toError(event.code, event.detail, 'internal'));
        break;
    }
  }

  // Sending

  #sent(): void {
    const sending = this.#sending;
    if (!sending) return;
    this.#sending = undefined;
    sending.listening.abort();
    const { data, chunks, chunkSize, startedAt } = sending;
    sending.done.resolve({ bytes: data.bytes, chunks, chunkSize, durationMs: performance.now() - startedAt });
  }

  #stopSending(error: MillraceError): void {
    const sending = this.#sending;
    if (!sending) return;
    this.#sending = undefined;
    sending.listening.abort();
    if (!this.#end) this.#core.cancel(error.message);
    sending.done.reject(error);
    this.#turns.run();
  }

  // Receiving

  /** A transfer begins: answers why it is not taken. */
  #begin(totalBytes: number): string | undefined {
    if (this.#receiving?.begun) this.#endReceiving(new MillraceError('cancelled', 'the other side began another transfer'));
    this.dispatchEvent(Object.assign(new Event('incoming'), { totalBytes }));
    const receiving = this.#receiving;
    if (!receiving) return 'nobody is waiting for it';
    if (totalBytes > receiving.maxBytes) {
      const error = new MillraceError('too-large', `${totalBytes} bytes, and ${receiving.maxBytes} are taken`);
      this.#endReceiving(error);
      return error.message;
    }
    receiving.begun = true;
    if (!receiving.onchunk) receiving.whole = new Uint8Array(totalBytes);
    return undefined;
  }

  #store(lane: Channel, message: Uint8Array<ArrayBuffer>, { index, offset, payload }: StripeArrival): void {
    const receiving = this.#receiving;
    if (!receiving?.begun) return;
    this.dispatchEvent(Object.assign(new Event('chunk'), { index, lane: lane.number, direction: 'receive' as const }));
    const data = message.subarray(payload);
    if (receiving.whole) {
      receiving.whole.set(data, offset);
      return;
    }
    receiving.early.set(offset, data);
    try {
      for (let next = receiving.early.get(receiving.next); next; next = receiving.early.get(receiving.next)) {
        receiving.early.delete(receiving.next);
        const at = receiving.next;
        receiving.next += next.length;
        receiving.onchunk?.(next, at);
        if (next.length === 0) break;
      }
    } catch (caught) {
      this.#stopReceiving(MillraceError.from(caught, 'sink-failed'));
    }
  }

  #received(): void {
    const receiving = this.#receiving;
    if (!receiving) return;
    this.#receiving = undefined;
    receiving.listening.abort();
    receiving.done.resolve(receiving.whole);
  }

  #stopReceiving(error: MillraceError): void {
    if (this.#receiving?.begun && !this.#end) this.#core.refuse(error.message);
    this.#endReceiving(error);
    this.#turns.run();
  }

  #endReceiving(error: MillraceError): void {
    const receiving = this.#receiving;
    if (!receiving) return;
    this.#receiving = undefined;
    receiving.listening.abort();
    receiving.done.reject(error);
  }

  #finish(error: MillraceError): void {
    if (this.#end) return;
    // What is owed to the other side: the reason.
    this.#stopSending(error);
    this.#stopReceiving(error);
    this.#end = error;
    clearTimeout(this.#timer);
    this.#unwatch();
    this.#listening.abort();
    for (const lane of [...this.#channels.values()]) {
      this.#channels.delete(lane.number);
      lane.listening.abort();
      lane.channel.close();
    }
    release(this.#core);
    this.#ready.reject(error);
  }
}
