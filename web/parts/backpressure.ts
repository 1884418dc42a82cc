import { MillraceError } from '../api/errors.js';
import { typedEventTarget } from '../api/events.js';
import { checkOptions, number, type OptionsOf } from '../api/shape.js';
import { deferred, type Deferred } from '../base/deferred.js';
import { core, keep, release, type BackpressureCore, type WaterMarks } from '../wasm/parts.js';
import { channelShape } from './check.js';
import { resolveWaterMarks, waterMarkShapes, type WaterMarkOptions } from './water_marks.js';

const watchdogShapes = {
  /** While paused, the buffer is also checked at this interval, ms; 0: never. Default 5000. */
  watchdogMs: number({ least: 0 }),
};

/** Water marks, and the interval of the watchdog. */
export interface BackpressureOptions extends WaterMarkOptions, OptionsOf<typeof watchdogShapes> {}

/** What a `Backpressure` fires. */
export interface BackpressureEvents {
  /** The buffer has reached the high mark. */
  pause: Event;
  /** The buffer has fallen to the low mark. */
  resume: Event;
}

/**
 * Tells when a channel may be written to. It pauses at the high mark, and resumes on the channel's event `bufferedamountlow`, whose
 * threshold it sets. Only a slow watchdog polls, and only while paused. `dispose`, or the end of the channel, removes every
 * listener.
 */
export class Backpressure extends typedEventTarget<BackpressureEvents>() {
  /** The marks in use. */
  readonly marks: WaterMarks;
  readonly #channel: RTCDataChannel;
  readonly #core: BackpressureCore;
  readonly #listening = new AbortController();
  readonly #watchdogMs: number;
  #waiting: Deferred<void> | undefined;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  #end: MillraceError | undefined;

  /** Errors: throws 'invalid-argument'. */
  constructor(channel: RTCDataChannel, options: BackpressureOptions = {}) {
    super();
    const { high, low } = resolveWaterMarks(checkOptions(options, waterMarkShapes));
    this.#watchdogMs = checkOptions(options, watchdogShapes).watchdogMs ?? 5000;
    this.#channel = channelShape.check(channel, 'channel');
    this.#core = keep(this, new (core().Backpressure)(high, low));
    this.marks = { high: this.#core.high(), low: this.#core.low() };
    channel.bufferedAmountLowThreshold = this.marks.low;

    const { signal } = this.#listening;
    const closed = (): void => this.#finish(new MillraceError('lane-closed', `${channel.label} closed`));
    channel.addEventListener('bufferedamountlow', () => this.#look(), { signal });
    channel.addEventListener('close', closed, { signal });
    channel.addEventListener('error', closed, { signal });
    this.#look();
  }

  /** True from the high mark on, until the buffer has fallen to the low mark. */
  get isPaused(): boolean {
    this.#look();
    return this.#end === undefined && this.#core.isPaused();
  }

  /** The buffer as a share of the high mark, 0 to 1. */
  get bufferLevel(): number {
    this.#look();
    return this.#end === undefined ? this.#core.bufferLevel() : 0;
  }

  /** Whether a send now would pass the high mark. Unlike `isPaused`, false again as soon as the buffer is below that mark. */
  get hasBackpressure(): boolean {
    return this.#end === undefined && this.#channel.bufferedAmount >= this.marks.high;
  }

  /**
   * Sends at once, and answers whether more may follow.
   * Errors: throws 'lane-closed' where the channel does not take it; no listener is left then.
   */
  send(data: ArrayBuffer | ArrayBufferView<ArrayBuffer>): boolean {
    if (this.#end) throw this.#end;
    try {
      // The overloads of `send` take one type or the other, not their union.
      if (data instanceof ArrayBuffer) this.#channel.send(data);
      else this.#channel.send(data);
    } catch (caught) {
      const error = MillraceError.from(caught, 'lane-closed');
      this.#finish(error);
      throw error;
    }
    return !this.isPaused;
  }

  /** Resolves when it is not paused. Errors: rejects with 'lane-closed' once the channel is gone, with 'closed' after `dispose`. */
  async ready(): Promise<void> {
    const paused = this.isPaused;
    if (this.#end) throw this.#end;
    if (!paused) return;
    this.#waiting ??= deferred<void>();
    await this.#waiting.promise;
  }

  /** Removes every listener; the channel stays as it is. */
  dispose(): void {
    this.#finish(new MillraceError('closed'));
  }

  #look(): void {
    if (this.#end) return;
    if (this.#channel.readyState === 'closed') {
      this.#finish(new MillraceError('lane-closed', `${this.#channel.label} closed`));
      return;
    }
    const was = this.#core.isPaused();
    this.#core.onBuffered(this.#channel.bufferedAmount);
    const is = this.#core.isPaused();
    if (was === is) return;
    if (is && this.#watchdogMs > 0) this.#watchdog ??= setInterval(() => this.#look(), this.#watchdogMs);
    if (!is) {
      this.#stopWatchdog();
      this.#waiting?.resolve();
      this.#waiting = undefined;
    }
    this.dispatchEvent(new Event(is ? 'pause' : 'resume'));
  }

  #stopWatchdog(): void {
    clearInterval(this.#watchdog);
    this.#watchdog = undefined;
  }

  #finish(error: MillraceError): void {
    if (this.#end) return;
    this.#end = error;
    this.#listening.abort();
    this.#stopWatchdog();
    release(this.#core);
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}
