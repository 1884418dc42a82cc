import { isCellular } from './cellular.js';
import { readConnection } from './connection_stats.js';
import { PacketExchange } from './packet_exchange.js';

export interface PathMonitorOptions {
  /** The control connection, while there is one. */
  connection(): RTCPeerConnection | undefined;
  /** Carries a text to the other side's `handle`, in band. */
  say(message: string): void;
  onpath(hostPair: boolean, cellular: boolean): void;
  onpackets(sent: number, received: number): void;
}

/** Reading statistics costs a browser about a millisecond. */
const INTERVAL_MS = 1_000;

/**
 * Watches the control connection for the engine, which does not see connections: what its path is made of, and how many of
 * its packets get lost. It carries no bulk, so that its losses are the link's, not those of an overflowing queue of its own.
 */
export class PathMonitor {
  readonly #options: PathMonitorOptions;
  readonly #exchange: PacketExchange;
  #timer: ReturnType<typeof setInterval> | undefined;
  #reading = false;

  constructor(options: PathMonitorOptions) {
    this.#options = options;
    this.#exchange = new PacketExchange({
      connection: options.connection,
      say: options.say,
      onanswer: (counts) => {
        if (counts && this.#timer !== undefined) options.onpackets(counts.sent, counts.received);
      },
    });
  }

  /** Whether the connection works, so that there is something to watch. */
  run(works: boolean): void {
    clearInterval(this.#timer);
    this.#timer = works ? setInterval(() => void this.#read(), INTERVAL_MS) : undefined;
  }

  /** False: the text is for somebody else. */
  handle(message: string): boolean {
    return this.#exchange.handle(message);
  }

  stop(): void {
    this.run(false);
    this.#exchange.stop();
  }

  async #read(): Promise<void> {
    const connection = this.#options.connection();
    if (!connection || this.#reading) return;
    this.#reading = true;
    const stats = await readConnection(connection);
    this.#reading = false;
    if (!stats || this.#timer === undefined) return;
    this.#options.onpath(stats.hostPair, isCellular());
    this.#exchange.ask(stats);
  }
}
