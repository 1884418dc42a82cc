import type { MqttClient } from 'mqtt';
import { isRecord } from '../base/is_record.js';

/** Gets the messages of all topics that are subscribed to. */
export type BusListener = (topic: string, text: Buffer) => void;

export interface BusOptions {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`, with user and password where the broker needs them. */
  readonly url: string;
  /** The broker publishes this when the server is gone without a goodbye. */
  readonly will: { readonly topic: string; readonly text: string };
  /** Longest message that is accepted, bytes. */
  readonly maxMessageBytes: number;
}

/** With more than this unsent, bytes, the broker is too slow: messages are dropped instead of queued. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;
const RECONNECT_MS = 1_000;
/** Topic and header of a packet, beside its message, bytes. */
const PACKET_OVERHEAD = 1024;

/**
 * A connection to an MQTT 5 broker that reconnects by itself. Nothing is stored: a message that is published while the broker is
 * away is lost, as in an empty room.
 */
export class Bus {
  readonly #client: MqttClient;
  readonly #listeners: BusListener[] = [];

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on('message', (topic, text, packet) => {
      // This server never retains messages, and does not take the old messages of others.
      if (packet.retain) return;
      for (const listener of this.#listeners) listener(topic, text);
    });
    // The client tries again by itself; an 'error' without a listener would end the process.
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

  /** `listener` is called each time that the broker is connected, after subscriptions were renewed. */
  onconnect(listener: () => void): void {
    this.#client.on('connect', listener);
  }

  onmessage(listener: BusListener): void {
    this.#listeners.push(listener);
  }

  /** Answers whether the message went out. A server does not get its own messages. */
  publish(topic: string, text: Buffer | string): boolean {
    if (!this.#client.connected || this.#client.stream.writableLength > MAX_UNSENT_BYTES) return false;
    this.#client.publish(topic, text, { qos: 0, retain: false });
    return true;
  }

  /** Resolves when the broker has confirmed, or at once where it is away: it is asked again when it is back. */
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

/** A message of another server as an object, or undefined. It is not trusted: anyone who can publish may have sent it. */
export function parseObject(text: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text.toString());
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
