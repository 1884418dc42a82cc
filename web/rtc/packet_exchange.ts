import { deferred, settledWithin } from '../base/deferred.js';
import { readConnection, type ConnectionStats } from './connection_stats.js';

type Exchanged =
  /** Asks how many packets have arrived. */
  | { millrace: 'counts'; id: number }
  /** The number of packets; -1 if unknown. `held`: time that the answer took, ms. */
  | { millrace: 'received'; id: number; received: number; held: number };

/** Chromium repeats a report that is younger than 50 ms. */
const REPEATED_MS = 60;
/** After this time, ms, an answer is no longer awaited. */
const LONGEST_ANSWER_MS = 5_000;

export interface PacketExchangeOptions {
  /** The connection whose packets are counted; undefined while there is none. */
  connection(): RTCPeerConnection | undefined;
  /** Sends a text to the other side's `handle`; may throw. */
  say(message: string): void;
  /** The other side has received `received` of `sent` packets; undefined if one of the browsers does not count. `rtt`: ms. */
  onanswer(counts: { sent: number; received: number } | undefined, rtt: number | undefined): void;
}

/**
 * Exchanges packet counts of a connection: this side notes how many packets it has sent and asks; the other side answers how many
 * it has received by then. Most packets that were sent before the question arrive before it, so the two counts match.
 */
export class PacketExchange {
  readonly #options: PacketExchangeOptions;
  #asked = 0;
  #askedAt = 0;
  /** The last question waits for its answer. */
  #waiting = false;
  /** Packets that this side had sent at the last question; -1 if unknown. */
  #sent = -1;
  #answering = false;
  #stopped = false;
  readonly #stop = deferred<void>();

  constructor(options: PacketExchangeOptions) {
    this.#options = options;
  }

  /** Asks the other side, unless an answer is still awaited. `stats`: the current statistics of the connection. */
  ask(stats: ConnectionStats | undefined): void {
    const now = performance.now();
    if (this.#waiting && now - this.#askedAt < LONGEST_ANSWER_MS) return;
    this.#asked += 1;
    this.#askedAt = now;
    this.#sent = stats?.packetsSent ?? -1;
    // Even without counts: the answer measures the round trip.
    this.#waiting = this.#tell({ millrace: 'counts', id: this.#asked });
  }

  /** Takes a text of the other side. Returns false if it is not a text of a `PacketExchange`. Invalid content is ignored. */
  handle(message: string): boolean {
    const parsed = parse(message);
    if (!parsed) return false;
    if (this.#stopped) return true;
    if (parsed.millrace === 'counts') void this.#answer(parsed.id);
    else if (this.#waiting && parsed.id === this.#asked) this.#take(parsed);
    return true;
  }

  stop(): void {
    this.#stopped = true;
    this.#stop.resolve();
  }

  async #answer(id: number): Promise<void> {
    // One answer at a time, however often the other side asks.
    if (this.#answering) return;
    this.#answering = true;
    const start = performance.now();
    const connection = this.#options.connection();
    const received = (connection && (await this.#countedSince(connection, start)))?.packetsReceived ?? -1;
    this.#answering = false;
    if (!this.#stopped) this.#tell({ millrace: 'received', id, received, held: performance.now() - start });
  }

  /** Counts at `since` or later. In an older count, packets that were sent before the question would seem lost. */
  async #countedSince(connection: RTCPeerConnection, since: number): Promise<ConnectionStats | undefined> {
    const stats = await readConnection(connection);
    if (!stats || stats.at >= since || this.#stopped) return stats;
    await settledWithin(this.#stop.promise, REPEATED_MS);
    return readConnection(connection);
  }

  #take({ received, held }: Extract<Exchanged, { millrace: 'received' }>): void {
    this.#waiting = false;
    const rtt = performance.now() - this.#askedAt - held;
    const counted = this.#sent >= 0 && received >= 0;
    this.#options.onanswer(counted ? { sent: this.#sent, received } : undefined, rtt >= 0 ? rtt : undefined);
  }

  /** Returns false if the text cannot be sent; the counts stay unknown then. */
  #tell(message: Exchanged): boolean {
    try {
      this.#options.say(JSON.stringify(message));
      return true;
    } catch {
      return false;
    }
  }
}

function parse(text: string): Exchanged | undefined {
  if (!text.startsWith('{"millrace":')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { millrace, id, received, held } = value as Record<string, unknown>;
  if (!isNumber(id)) return undefined;
  if (millrace === 'counts') return { millrace, id };
  if (millrace === 'received' && isNumber(received) && isNumber(held)) return { millrace, id, received, held };
  return undefined;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
