import { MillraceError, toError } from '../api/errors.js';
import { typedEventTarget } from '../api/events.js';
import { checkOptions } from '../api/shape.js';
import { deferred } from '../base/deferred.js';
import { Driver } from '../base/driver.js';
import { core, keep, release, type StripeEvent, type StripeSetCore } from '../wasm/parts.js';
import { PULSE_LANE } from '../wasm/session.js';
import { connectionShape } from './check.js';
import { DEFAULT_PROTOCOL } from './data_channel.js';
import { LaneChannels, type LaneChannel } from './lane_channels.js';
import { LaneCounts } from './lane_counts.js';
import { LaneReceiver } from './lane_receiver.js';
import { LaneSender } from './lane_sender.js';
import {
  laneSetShapes,
  receiveLanesShapes,
  sendLanesShapes,
  type LaneSetEvents,
  type LaneSetOptions,
  type LaneSetStats,
  type LanesReceipt,
  type ReceiveLanesOptions,
  type SendLanesOptions,
} from './lane_set_types.js';
import type { LaneSource } from './lane_source.js';
import { resolveWaterMarks, waterMarkShapes } from './water_marks.js';

/** Without pacing, bytes. */
const DEFAULT_CHUNK_BYTES = 64 * 1024;
/** The core chooses. */
const FITTING_CHUNKS = 0;
const DEFAULT_LANES = 4;
/** A message is never longer, bytes (Chromium closes a channel on a longer one). */
const MAX_MESSAGE_BYTES = 256 * 1024;
/** While something moves, channels are checked this often besides their events, ms: closing a connection fires none. */
const WATCHDOG_MS = 1_000;

/**
 * Parallel channels on a connection of the caller's: data is cut into chunks that take any lane, each lane has its own
 * backpressure, and the other side puts the chunks together again. One transfer at a time goes each way. Chunks of a lane that
 * closes or stalls go out again on the others. Sending is paced, unless `pacing` is false. Nothing is encrypted beyond DTLS, and nothing is hashed: `connect` does that.
 */
export class LaneSet extends typedEventTarget<LaneSetEvents>() {
  /** Resolves when as many lanes are open as there are to be; rejects once the set is closed. */
  readonly ready: Promise<void>;
  readonly #chunkSize: number;
  readonly #core: StripeSetCore;
  readonly #channels: LaneChannels;
  readonly #sender: LaneSender;
  readonly #receiver: LaneReceiver;
  readonly #counts = new LaneCounts();
  readonly #driver = new Driver({
    work: (deadline) => this.#work(deadline),
    nextTimeout: () => this.#core.nextTimeout(),
    onfatal: (caught) => this.#finish(MillraceError.from(caught, 'internal')),
  });
  readonly #ready = deferred<void>();
  #isReady = false;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  #end: MillraceError | undefined;

  /** Opens the lanes; the other side calls `accept`. Errors: throws 'invalid-argument', and 'connection-failed' as `createDataChannel`. */
  static open(connection: RTCPeerConnection, options: LaneSetOptions = {}): LaneSet {
    const set = new LaneSet(connection, options, true);
    try {
      set.#channels.open();
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

  private constructor(connection: RTCPeerConnection, given: LaneSetOptions, opens: boolean) {
    super();
    connectionShape.check(connection, 'connection');
    const options = checkOptions(given, laneSetShapes);
    const { lanes = DEFAULT_LANES, scheduler = 'round-robin', delivery = 'reliable', reopen = true } = options;
    const { prefix = 'lane', protocol = DEFAULT_PROTOCOL, pacing = true } = options;
    this.#chunkSize = options.chunkSize ?? (pacing ? FITTING_CHUNKS : DEFAULT_CHUNK_BYTES);
    const marks = resolveWaterMarks(checkOptions(given, waterMarkShapes));
    this.#core = keep(this, new (core().StripeSet)(marks.high, marks.low, scheduler === 'round-robin', pacing));
    this.ready = this.#ready.promise;
    this.ready.catch(() => {});
    this.#sender = new LaneSender({
      set: this.#core,
      put: (lane, message) => this.#channels.send(lane, message),
      onchunk: (index, lane, data) => this.#tell('chunk', { index, lane, data, direction: 'send' }),
      onchange: () => this.#driver.run(),
    });
    this.#receiver = new LaneReceiver({ set: this.#core, onchange: () => this.#driver.run() });
    this.#channels = new LaneChannels({
      connection,
      opens,
      count: lanes,
      prefix,
      protocol,
      delivery,
      reopen,
      marks,
      onopen: (lane, maxMessageSize, reliable) => this.#opened(lane, maxMessageSize, reliable),
      onpulse: (open) => {
        if (open) this.#core.openPulse();
        else this.#core.closePulse();
        this.#driver.run();
      },
      onready: () => this.#becomeReady(),
      onlost: (lane) => this.#lost(lane),
      ondead: () => this.#receiver.stopWaiting(new MillraceError('lane-closed', 'the last lane is gone')),
      onmessage: (lane, data) => this.#driver.run(() => this.#hear(lane, data)),
      onlow: () => this.#driver.run(),
    });
  }

  /**
   * Sends data to the other side's `receive`. Resolves when all of it has arrived there.
   * Errors: rejects with 'invalid-argument' while something is being sent or no lane is open, 'lane-closed' as soon as the
   * last lane is gone, 'rejected' with the other side's reason, 'source-failed', 'aborted', 'closed'. Then the set can send again.
   */
  async send(data: LaneSource, options: SendLanesOptions = {}): Promise<LanesReceipt> {
    const { chunkSize = this.#chunkSize, signal } = checkOptions(options, sendLanesShapes);
    if (this.#end) throw this.#end;
    const sent = this.#sender.begin(data, chunkSize, signal);
    this.#watch();
    this.#driver.run();
    return sent;
  }

  /**
   * Takes the next transfer of the other side; call it before that begins, at the latest in the event 'incoming'. Resolves
   * with the data, or with undefined where `onchunk` took it.
   * Errors: rejects with 'invalid-argument' while another one waits, 'too-large', 'lane-closed' as soon as the last lane is
   * gone, 'cancelled' by the other side, 'sink-failed' where `onchunk` throws, 'aborted', 'closed'.
   */
  async receive(options: ReceiveLanesOptions = {}): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#end) throw this.#end;
    const received = this.#receiver.expect(checkOptions(options, receiveLanesShapes));
    this.#watch();
    return received;
  }

  /** Current numbers; without lanes once the set is closed. */
  stats(): LaneSetStats {
    const known = this.#end ? [] : this.#core.lanes();
    const lanes = this.#end ? [] : this.#counts.describe(this.#channels.lanes, known);
    const pacingRate = this.#end ? undefined : this.#core.pacingRate();
    return {
      lanes,
      openLanes: lanes.filter(({ state }) => state === 'open').length,
      pausedLanes: known.filter(({ paused }) => paused).length,
      ...this.#counts.totals(known),
      bufferedAmount: known.reduce((total, { bufferedAmount }) => total + bufferedAmount, 0),
      ...(pacingRate === undefined ? {} : { pacingRate }),
    };
  }

  /** Closes the lanes and removes every listener; the connection stays. What is under way rejects with 'closed'. */
  close(): void {
    this.#leave(new MillraceError('closed'));
  }

  /** Ends the set; the other side is told why, as far as the channels take that. */
  #leave(error: MillraceError): void {
    if (this.#end) return;
    this.#sender.stop(error);
    this.#receiver.stop(error);
    // Within a turn, the turn that these ask for comes too late.
    this.#sendOutput(Infinity);
    for (const lane of this.#channels.opened) this.#leaveCounts(lane);
    this.#finish(error);
  }

  /** Lets go of everything. The core may have failed. */
  #finish(error: MillraceError): void {
    if (this.#end) return;
    this.#end = error;
    this.#driver.stop();
    this.#unwatch();
    this.#channels.close();
    this.#sender.abandon(error);
    this.#receiver.abandon(error);
    this.#ready.reject(error);
    release(this.#core);
  }

  // Lanes

  #opened(lane: LaneChannel, maxMessageSize: number, reliable: boolean): boolean {
    if (this.#core.openLane(lane.number, maxMessageSize, reliable) !== '') return false;
    this.#tell('lane', { lane: lane.number, state: 'open' });
    this.#driver.run();
    return true;
  }

  #becomeReady(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#ready.resolve();
    this.dispatchEvent(new Event('ready'));
  }

  #lost(lane: LaneChannel): void {
    this.#leaveCounts(lane);
    if (lane.open) this.#core.closeLane(lane.number);
    this.#tell('lane', { lane: lane.number, state: 'closed' });
    this.#driver.run();
  }

  #leaveCounts(lane: LaneChannel): void {
    this.#counts.leave(lane, this.#core.lanes().find(({ lane: number }) => number === lane.number));
  }

  #watch(): void {
    this.#watchdog ??= setInterval(() => {
      this.#channels.check();
      if (this.#sender.active || this.#receiver.active) this.#driver.run();
      else this.#unwatch();
    }, WATCHDOG_MS);
  }

  #unwatch(): void {
    clearInterval(this.#watchdog);
    this.#watchdog = undefined;
  }

  // Turns

  #work(deadline: number): boolean {
    for (const { number, channel, readingBytes } of this.#channels.all) {
      this.#core.setBuffered(number, channel.bufferedAmount + readingBytes);
    }
    const finished = this.#sendOutput(deadline);
    if (this.#end) return true;
    for (let event = this.#core.pollEvent(); event; event = this.#core.pollEvent()) {
      this.#handleEvent(event);
      if (this.#end) return true;
    }
    return finished;
  }

  /** Puts messages of the core into the channels. False: the deadline passed before there were none left. */
  #sendOutput(deadline: number): boolean {
    for (let output = this.#core.pollOutput(performance.now()); output; output = this.#core.pollOutput(performance.now())) {
      const lane = this.#channels.get(output.lane);
      if (lane) this.#sender.carry(output, lane);
      if (this.#end) return true;
      if (performance.now() >= deadline) return false;
    }
    return true;
  }

  #handleEvent({ type, lane, code, detail }: StripeEvent): void {
    switch (type) {
      case 'drained':
        this.#tell('drain', { lane });
        break;
      case 'sent':
        this.#sender.sent();
        break;
      case 'sendFailed':
        this.#sender.stop(toError(code, detail, 'internal'));
        break;
      case 'received':
        this.#receiver.received();
        break;
      case 'receiveFailed':
        this.#receiver.stop(toError(code, detail, 'internal'));
        break;
    }
  }

  // Messages of the other side

  #hear(lane: LaneChannel, data: unknown): void {
    if (!(data instanceof ArrayBuffer)) {
      this.#channels.lose(lane);
      return;
    }
    const message = new Uint8Array(data);
    // The rest of a message that is too long is cut off, so that the core finds it malformed.
    const length = Math.min(message.length, MAX_MESSAGE_BYTES);
    this.#lend(message, length);
    const totalBytes = lane.number === PULSE_LANE ? undefined : this.#core.begins(length);
    if (totalBytes !== undefined) {
      const refusal = this.#begin(totalBytes);
      if (this.#end) return;
      // A listener may have used the buffer.
      this.#lend(message, length);
      if (refusal !== undefined) {
        this.#core.decline(length, refusal);
        return;
      }
    }
    const arrival = this.#core.handleInput(lane.number, length, performance.now());
    if (!arrival) return;
    if ('code' in arrival) {
      this.#leave(toError(arrival.code, arrival.detail, 'internal'));
    } else if (this.#receiver.begun) {
      this.#tell('chunk', { index: arrival.index, lane: lane.number, data: message.subarray(arrival.payload), direction: 'receive' });
      this.#receiver.store(message, arrival);
    }
  }

  /** Copies a message to where the core reads it. */
  #lend(message: Uint8Array, length: number): void {
    core().HEAPU8.set(message.subarray(0, length), this.#core.inputBuffer());
  }

  /** A transfer begins. Answers why it is refused, or undefined. */
  #begin(totalBytes: number): string | undefined {
    this.#receiver.giveUpBegun();
    this.#tell('incoming', { totalBytes });
    return this.#receiver.begin(totalBytes);
  }

  #tell<Name extends 'chunk' | 'drain' | 'incoming' | 'lane'>(name: Name, fields: Omit<LaneSetEvents[Name], keyof Event>): void {
    this.dispatchEvent(Object.assign(new Event(name), fields));
  }
}
