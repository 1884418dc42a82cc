import { callback, checkOptions, number, shape, type OptionsOf } from '../api/shape.js';
import { callListener } from '../base/report_exception.js';
import { readConnection } from '../rtc/connection_stats.js';
import { PacketExchange } from '../rtc/packet_exchange.js';
import { core, keep, release, type QualityMonitorCore, type QualitySample } from '../wasm/parts.js';
import { connectionShape, isChannel } from './check.js';

const shapes = {
  /** Channels whose buffered amounts are added up; default: none, and the amount is unknown. */
  channels: shape<readonly RTCDataChannel[]>('an array of RTCDataChannels', areChannels),
  /**
   * How the monitors of the two sides exchange packet counts and measure round trips: a channel that only they use, best a
   * reliable and ordered one; or a function that carries a text to the other side's `handle`. Without it, packet loss is
   * unknown and the round trip is the browser's.
   */
  exchange: shape<RTCDataChannel | ((message: string) => void)>('an RTCDataChannel, or a function', isExchange),
  /** ms; default 1000. */
  interval: number({ least: 10, unit: 'ms' }),
  /** First value of `QualityMonitor.onSample`. */
  onSample: callback<(sample: QualitySample) => void>(),
};

/** Options of a `QualityMonitor`. */
export interface QualityMonitorOptions extends OptionsOf<typeof shapes> {}

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

  /** Errors: throws 'invalid-argument'. */
  constructor(connection: RTCPeerConnection, options: QualityMonitorOptions = {}) {
    const { channels = [], exchange, interval = 1000, onSample } = checkOptions(options, shapes);
    this.#connection = connectionShape.check(connection, 'connection');
    this.#channels = channels;
    this.#core = keep(this, new (core().QualityMonitor)());
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
    if (this.#core.add(this.#rtt ?? stats?.rtt ?? NaN, bytes, buffered, performance.now())) callListener(() => this.onSample?.(this.#core.latest()!));
    this.#rtt = undefined;
    this.#exchange?.ask(stats);
  }
}

function isExchange(value: unknown): boolean {
  return typeof value === 'function' || isChannel(value);
}

function areChannels(value: unknown): boolean {
  return Array.isArray(value) && value.every(isChannel);
}
