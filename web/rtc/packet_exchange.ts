import { readConnection, type ConnectionStats } from './connection_stats.js';

type Exchanged =
  /** Asks how many packets have arrived. */
  | { millrace: 'counts'; id: number }
  /** So many; -1 where that is not known. `held`: how long the answer took, ms. */
  | { millrace: 'received'; id: number; received: number; held: number };

/** Chromium gives a report that is younger than 50 ms once more. */
const REPEATED_MS = 60;
/** An answer that takes longer, ms, is not waited for any more. */
const LONGEST_ANSWER_MS = 5_000;

export interface PacketExchangeOptions {
  /** The connection whose packets are counted; undefined while there is none. */
  connection(): RTCPeerConnection | undefined;
  /** Carries a text to the other side's `handle`; may throw. */
  say(message: string): void;
  /** The other side has received `received` of `sent` packets; undefined where one of the browsers does not count. `rtt`: ms. */
  onanswer(counts: { sent: number; received: number } | undefined, rtt: number | undefined): void;
}

/**
 * Packet counts of a connection, exchanged by both sides: this one remembers how many packets it has sent and asks, the
 * other one answers how many it has received when it hears that. What was sent before the text has mostly arrived before it,
 * so the two fit.
 */
export class PacketExchange {
  readonly #options: PacketExchangeOptions;
  #asked = 0;
  #askedAt = 0;
  /** The last question has no answer yet. */
  #waiting = false;
  /** Packets that this side had sent then; -1 where that is not known. */
  #sent = -1;
  #answering = false;
  #stopped = false;

  constructor(options: PacketExchangeOptions) {
    this.#options = options;
  }

  /** `stats`: of the connection, just read. Nothing is asked while the other side still owes an answer, however often this is called. */
  ask(stats: ConnectionStats | undefined): void {
    const now = performance.now();
    if (this.#waiting && now - this.#askedAt < LONGEST_ANSWER_MS) return;
    this.#asked += 1;
    this.#askedAt = now;
    this.#sent = stats?.packetsSent ?? -1;
    // Also without counts: the answer measures the round trip.
    this.#waiting = this.#tell({ millrace: 'counts', id: this.#asked });
  }

  /** False: the text is none of the other side's exchange. What makes no sense is ignored. */
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
  }

  async #answer(id: number): Promise<void> {
    // However often the other side asks.
    if (this.#answering) return;
    this.#answering = true;
    const start = performance.now();
    const connection = this.#options.connection();
    const received = (connection && (await countedSince(connection, start)))?.packetsReceived ?? -1;
    this.#answering = false;
    if (!this.#stopped) this.#tell({ millrace: 'received', id, received, held: performance.now() - start });
  }

  #take({ received, held }: Extract<Exchanged, { millrace: 'received' }>): void {
    this.#waiting = false;
    const rtt = performance.now() - this.#askedAt - held;
    const counted = this.#sent >= 0 && received >= 0;
    this.#options.onanswer(counted ? { sent: this.#sent, received } : undefined, rtt >= 0 ? rtt : undefined);
  }

  /** False: the way is closed, and what it would have told stays unknown. */
  #tell(message: Exchanged): boolean {
    try {
      this.#options.say(JSON.stringify(message));
      return true;
    } catch {
      return false;
    }
  }
}

/** What was counted at `since` or later: an older count lacks packets that were sent before the question, as if they were lost. */
async function countedSince(connection: RTCPeerConnection, since: number): Promise<ConnectionStats | undefined> {
  const stats = await readConnection(connection);
  if (!stats || stats.at >= since) return stats;
  await new Promise((resolve) => setTimeout(resolve, REPEATED_MS));
  return readConnection(connection);
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
