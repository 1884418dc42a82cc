import { isCellular } from './cellular.js';
import { isHostPair, readConnection, type ConnectionPath, type ConnectionStats } from './connection_stats.js';
import { PacketExchange } from './packet_exchange.js';

export interface PathMonitorOptions {
  /** The control connection, while there is one. */
  readonly connection: () => RTCPeerConnection | undefined;
  /** Sends a text to the other side's `handle`, in band. */
  readonly say: (message: string) => void;
  /** The path, each time that it is read. `rtt`: of connectivity checks, ms. */
  readonly onpath: (path: ConnectionPath, rtt: number | undefined) => void;
  /** The kind of network, once a second. */
  readonly onnetwork: (hostPair: boolean, cellular: boolean) => void;
  readonly onpackets: (sent: number, received: number) => void;
}

/** Interval of the measurements. Each costs a browser about a millisecond. */
const INTERVAL_MS = 1_000;
/** The path is read at once, and again after this time, ms, where the browser does not know it yet. */
const RETRY_MS = 100;

/**
 * Measures the control connection for the session, and for the engine, which has no access to connections: its path, and the loss
 * of its packets. It carries no bulk, so its losses are those of the link, not of a queue that it fills itself.
 */
export class PathMonitor {
  readonly #options: PathMonitorOptions;
  readonly #exchange: PacketExchange;
  #timer: ReturnType<typeof setInterval> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
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
    clearTimeout(this.#retry);
    this.#timer = works ? setInterval(() => void this.#measure(), INTERVAL_MS) : undefined;
    if (works) void this.#readSoon();
  }

  /** Takes a text of the other side. Returns false if it is not a text of a `PathMonitor`. */
  handle(message: string): boolean {
    return this.#exchange.handle(message);
  }

  stop(): void {
    this.run(false);
    this.#exchange.stop();
  }

  async #readSoon(): Promise<void> {
    // The measurements may have ended meanwhile.
    if ((await this.#read()) || this.#timer === undefined) return;
    this.#retry = setTimeout(() => void this.#read(), RETRY_MS);
  }

  async #measure(): Promise<void> {
    const stats = await this.#read();
    if (!stats) return;
    this.#options.onnetwork(isHostPair(stats), isCellular());
    this.#exchange.ask(stats);
  }

  async #read(): Promise<ConnectionStats | undefined> {
    const connection = this.#options.connection();
    if (!connection || this.#reading || this.#timer === undefined) return undefined;
    this.#reading = true;
    const stats = await readConnection(connection);
    this.#reading = false;
    // The connection may have broken, or have been replaced, meanwhile.
    if (!stats || this.#timer === undefined || connection !== this.#options.connection()) return undefined;
    if (stats.path) this.#options.onpath(stats.path, stats.rtt);
    return stats;
  }
}
