import { checkNumber } from './check.js';
import { readConnection } from './connection_stats.js';
import { core, keep, release, type QualityMonitorCore, type QualitySample } from './core.js';

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
  onSample?: (sample: QualitySample) => void;
}

/** How many packets this side has sent, and the other side's answer to that. */
type Exchanged =
  | { millrace: 'counts'; id: number; sent: number }
  /** `held`: how long the answer took, ms. */
  | { millrace: 'received'; id: number; sent: number; received: number; held: number };

/** An answer that takes longer, ms, says nothing about the round trip any more. */
const LONGEST_ANSWER_MS = 10_000;

/**
 * Watches any connection: a sample each second, thirty of them kept. What is not known is undefined, never 0. A timer runs
 * until `stop`.
 */
export class QualityMonitor {
  onSample: ((sample: QualitySample) => void) | undefined;
  readonly #connection: RTCPeerConnection;
  readonly #channels: readonly RTCDataChannel[];
  readonly #core: QualityMonitorCore;
  readonly #listening = new AbortController();
  readonly #say: ((message: string) => void) | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  #asked = 0;
  #askedAt = 0;
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
    if (typeof exchange === 'function') this.#say = exchange;
    else if (exchange) this.#say = this.#listenTo(exchange);
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
    const parsed = parse(message);
    if (!parsed) return false;
    if (this.#stopped) return true;
    if (parsed.millrace === 'counts') void this.#answer(parsed.id, parsed.sent);
    else if (parsed.id === this.#asked) this.#takeAnswer(parsed.sent, parsed.received, parsed.held);
    return true;
  }

  /** Ends the timer and removes every listener; nothing is known afterwards. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
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
    // Also without packet counts: the answer measures the round trip.
    this.#asked += 1;
    this.#askedAt = performance.now();
    this.#tell({ millrace: 'counts', id: this.#asked, sent: stats?.packetsSent ?? -1 });
  }

  async #answer(id: number, sent: number): Promise<void> {
    const start = performance.now();
    const received = (await readConnection(this.#connection))?.packetsReceived ?? -1;
    if (!this.#stopped) this.#tell({ millrace: 'received', id, sent, received, held: performance.now() - start });
  }

  #takeAnswer(sent: number, received: number, held: number): void {
    const now = performance.now();
    const rtt = now - this.#askedAt - held;
    if (rtt >= 0 && rtt < LONGEST_ANSWER_MS) this.#rtt = rtt;
    if (sent >= 0 && received >= 0) this.#core.onAnswer(sent, received, now);
  }

  #tell(message: Exchanged): void {
    try {
      this.#say?.(JSON.stringify(message));
    } catch {
      // A way that is closed: what it would have told stays unknown.
    }
  }
}

function parse(text: string): Exchanged | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { millrace, id, sent, received, held } = value as Record<string, unknown>;
  if (!isNumber(id) || !isNumber(sent)) return undefined;
  if (millrace === 'counts') return { millrace, id, sent };
  if (millrace === 'received' && isNumber(received) && isNumber(held)) return { millrace, id, sent, received, held };
  return undefined;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
