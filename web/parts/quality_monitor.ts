import { readConnection } from '../rtc/connection_stats.js';
import { PacketExchange } from '../rtc/packet_exchange.js';
import { core, keep, release, type QualityMonitorCore, type QualitySample } from '../wasm/parts.js';
import { checkNumber } from './check.js';

/** What is watched, and how often. */
export interface QualityMonitorOptions {
  /** Channels whose buffered amounts are summed; default: none, and the amount is unknown. */
  channels?: readonly RTCDataChannel[];
  /**
   * How the two sides' monitors talk, for packet counts and round trips: a channel of their own (best a reliable, ordered one
   * without anything else on it), or a function that carries a text to the other side's `handle`. Without it there is no
   * packet loss, and the round trip is the browser's.
   */
  exchange?: RTCDataChannel | ((message: string) => void);
  /** ms; default 1000. */
  interval?: number;
  /** Begins as `QualityMonitor.onSample`. */
  onSample?: (sample: QualitySample) => void;
}

/**
 * Watches any connection: a sample each second, thirty of them kept. What is not known is undefined, never 0. A timer runs
 * until `stop`.
 */
export class QualityMonitor {
  /** Is told each sample. */
  onSample: ((sample: QualitySample) => void) | undefined;
  readonly #connection: RTCPeerConnection;
  readonly #channels: readonly RTCDataChannel[];
  readonly #core: QualityMonitorCore;
  readonly #listening = new AbortController();
  readonly #exchange: PacketExchange | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  /** From the other side's last answer, until the next sample. */
  #rtt: number | undefined;
  #reading = false;
  #stopped = false;

  /** Errors: throws 'invalid-argument' for an interval that is none. */
  constructor(connection: RTCPeerConnection, options: QualityMonitorOptions = {}) {
    const { channels = [], exchange, interval = 1000, onSample } = options;
    checkNumber('interval', interval, 10);
    this.#connection = connection;
    this.#channels = channels;
    this.#core = keep(this, new core.QualityMonitor());
    this.onSample = onSample;
    if (exchange) {
      this.#exchange = new PacketExchange({
        connection: () => this.#connection,
        say: typeof exchange === 'function' ? exchange : this.#listenTo(exchange),
        onanswer: (counts, rtt) => {
          if (this.#stopped) return;
          this.#rtt = rtt;
          if (counts) this.#core.onAnswer(counts.sent, counts.received, performance.now());
        },
      });
    }
    this.#timer = setInterval(() => void this.#sample(), interval);
  }

  /** Undefined before the first sample. */
  get latest(): QualitySample | undefined {
    return this.#stopped ? undefined : this.#core.latest();
  }

  /** Of each number, over the samples kept that have it. */
  get mean(): QualitySample | undefined {
    return this.#stopped ? undefined : this.#core.mean();
  }

  /** 0 to 100, of the means; undefined while nothing is known. */
  get quality(): number | undefined {
    return this.#stopped ? undefined : this.#core.quality();
  }

  /** At most 30. */
  get sampleCount(): number {
    return this.#stopped ? 0 : this.#core.samples();
  }

  /** Takes a text of the other side's monitor. False: it is none of its texts. What makes no sense is ignored. */
  handle(message: string): boolean {
    return this.#exchange?.handle(message) ?? false;
  }

  /** Ends the timer and removes every listener; nothing is known afterwards. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#exchange?.stop();
    this.#listening.abort();
    release(this.#core);
  }

  #listenTo(channel: RTCDataChannel): (message: string) => void {
    const { signal } = this.#listening;
    channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => typeof data === 'string' && this.handle(data), { signal });
    return (message) => {
      if (channel.readyState === 'open') channel.send(message);
    };
  }

  async #sample(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    const stats = await readConnection(this.#connection);
    this.#reading = false;
    if (this.#stopped) return;
    const bytes = stats?.bytesSent === undefined || stats.bytesReceived === undefined ? NaN : stats.bytesSent + stats.bytesReceived;
    const buffered = this.#channels.length === 0 ? NaN : this.#channels.reduce((sum, channel) => sum + channel.bufferedAmount, 0);
    if (this.#core.add(this.#rtt ?? stats?.rtt ?? NaN, bytes, buffered, performance.now())) this.onSample?.(this.#core.latest()!);
    this.#rtt = undefined;
    this.#exchange?.ask(stats);
  }
}
