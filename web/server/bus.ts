import type { MqttClient } from 'mqtt';
import { isRecord } from '../base/is_record.js';

/** A message of a topic that was subscribed to. */
export type BusListener = (topic: string, text: Buffer) => void;

export interface BusOptions {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`, with user and password where the broker wants them. */
  readonly url: string;
  /** Published by the broker when this server is gone without a word. */
  readonly will: { readonly topic: string; readonly text: string };
  /** Longest message that is taken, bytes. */
  readonly maxMessageBytes: number;
}

/** Beyond this unsent a broker is too slow, and messages are dropped rather than kept, bytes. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;
const RECONNECT_MS = 1_000;
/** Topic and header of a packet, beside its message, bytes. */
const PACKET_OVERHEAD = 1024;

/**
 * A connection to an MQTT 5 broker that comes back by itself. Nothing is stored: what is published while the broker is away is
 * gone, as it would be in an empty room.
 */
export class Bus {
  readonly #client: MqttClient;
  readonly #listeners: BusListener[] = [];

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on('message', (topic, text, packet) => {
      // Nothing here is ever retained; somebody else's leftovers are no message of now.
      if (packet.retain) return;
      for (const listener of this.#listeners) listener(topic, text);
    });
    // It tries again; an 'error' without a listener would end the process.
    client.on('error', () => {});
  }

  /** Resolves at once: the broker may come later. The client is loaded only by servers that have a broker. */
  static async start({ url, will, maxMessageBytes }: BusOptions): Promise<Bus> {
    const { connect } = await import('mqtt');
    const client = connect(url, {
      protocolVersion: 5,
      clean: true,
      reconnectPeriod: RECONNECT_MS,
      queueQoSZero: false,
      will: { topic: will.topic, payload: Buffer.from(will.text), qos: 0, retain: false },
      properties: { maximumPacketSize: maxMessageBytes + PACKET_OVERHEAD },
    });
    return new Bus(client);
  }

  get connected(): boolean {
    return this.#client.connected;
  }

  /** Called each time the broker is there (again), subscriptions renewed. */
  onconnect(listener: () => void): void {
    this.#client.on('connect', listener);
  }

  onmessage(listener: BusListener): void {
    this.#listeners.push(listener);
  }

  /** Whether it went out. Own messages do not come back. */
  publish(topic: string, text: Buffer | string): boolean {
    if (!this.#client.connected || this.#client.stream.writableLength > MAX_UNSENT_BYTES) return false;
    this.#client.publish(topic, text, { qos: 0, retain: false });
    return true;
  }

  /** Resolves when the broker has agreed, or at once where it is away: it will be asked again when it is back. */
  async subscribe(topic: string): Promise<void> {
    const agreed = this.#client.subscribeAsync(topic, { qos: 0, nl: true, rh: 2 }).then(
      () => {},
      () => {},
    );
    if (this.#client.connected) await agreed;
  }

  unsubscribe(topic: string): void {
    this.#client.unsubscribe(topic, () => {});
  }

  async close(): Promise<void> {
    await this.#client.endAsync(!this.#client.connected);
  }
}

/** What a server says to the others, or undefined: whoever can publish may have said it. */
export function parseObject(text: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text.toString());
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
