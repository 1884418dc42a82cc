import { isCellular } from './cellular.js';
import { readConnection } from './connection_stats.js';
import { PacketExchange } from './packet_exchange.js';

export interface PathMonitorOptions {
  /** The control connection, while there is one. */
  readonly connection: () => RTCPeerConnection | undefined;
  /** Sends a text to the other side's `handle`, in band. */
  readonly say: (message: string) => void;
  readonly onpath: (hostPair: boolean, cellular: boolean) => void;
  readonly onpackets: (sent: number, received: number) => void;
}

/** Interval of the measurements. Each costs a browser about a millisecond. */
const INTERVAL_MS = 1_000;

/**
 * Measures the control connection for the engine, which has no access to connections: the kind of its path, and the loss of its
 * packets. It carries no bulk, so its losses are those of the link, not of a queue that it fills itself.
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

  /** Starts or ends the measurements. `works`: the connection works. */
  run(works: boolean): void {
    clearInterval(this.#timer);
    this.#timer = works ? setInterval(() => void this.#read(), INTERVAL_MS) : undefined;
  }

  /** Takes a text of the other side. Returns false if it is not a text of a `PathMonitor`. */
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
