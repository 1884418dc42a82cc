import { readConnection } from '../rtc/connection_stats.js';
import { PacketExchange } from '../rtc/packet_exchange.js';
import { core, keep, release, type QualityMonitorCore, type QualitySample } from '../wasm/parts.js';
import { checkNumber } from './check.js';

/** Options of a `QualityMonitor`. */
export interface QualityMonitorOptions {
  /** Channels whose buffered amounts are added up; default: none, and the amount is unknown. */
  channels?: readonly RTCDataChannel[];
  /**
   * How the monitors of the two sides exchange packet counts and measure round trips: a channel that only they use, best a
   * reliable and ordered one; or a function that carries a text to the other side's `handle`. Without it, packet loss is
   * unknown and the round trip is the browser's.
   */
  exchange?: RTCDataChannel | ((message: string) => void);
  /** ms; default 1000. */
  interval?: number;
  /** First value of `QualityMonitor.onSample`. */
  onSample?: (sample: QualitySample) => void;
}

/**
 * Monitors any connection: it takes a sample each second and keeps thirty. Unknown numbers are undefined, never 0. A timer runs
 * until `stop`.
 */
export class QualityMonitor {
  /** Called with each sample. */
  onSample: ((sample: QualitySample) => void) | undefined;
  readonly #connection: RTCPeerConnection;
  readonly #channels: readonly RTCDataChannel[];
  readonly #core: QualityMonitorCore;
  readonly #listening = new AbortController();
  readonly #exchange: PacketExchange | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Round trip of the other side's last answer, until the next sample. */
  #rtt: number | undefined;
  #reading = false;
  #stopped = false;

  /** Errors: throws 'invalid-argument' for an invalid interval. */
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

  /** Mean of each number, over the kept samples that have it. */
  get mean(): QualitySample | undefined {
    return this.#stopped ? undefined : this.#core.mean();
  }

  /** 0 to 100, from the means; undefined while nothing is known. */
  get quality(): number | undefined {
    return this.#stopped ? undefined : this.#core.quality();
  }

  /** Number of kept samples, at most 30. */
  get sampleCount(): number {
    return this.#stopped ? 0 : this.#core.samples();
  }

  /** Takes a text of the other side's monitor. False: the text is for somebody else. An invalid one is ignored. */
  handle(message: string): boolean {
    return this.#exchange?.handle(message) ?? false;
  }

  /** Stops the timer and removes every listener; afterwards all numbers are unknown. */
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
