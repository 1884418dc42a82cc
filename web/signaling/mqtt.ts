import type { IClientOptions, MqttClient } from 'mqtt';
import { MillraceError, describe } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { CarriedSignaling, MAX_MESSAGE_BYTES, type Wire, type WireListener } from './carried.js';

/** Options for the connection to the broker. */
export interface MqttSignalingOptions {
  /** If the broker requires one. */
  username?: string;
  /** If the broker requires one. */
  password?: string;
  /** The topic of a room is `PREFIX/ROOM`; default 'millrace'. */
  prefix?: string;
  /** Time for the broker to admit this side to the room, ms; default 15,000. */
  openTimeout?: number;
}

/** Bytes of a packet without its message: topic and properties. */
const PACKET_OVERHEAD = 1024;
const KEEPALIVE_S = 20;

/** Sent to the room by this side when it closes, or by the broker when this side is lost. */
const leftMessage = JSON.stringify({ millrace: 1, type: 'left' });

/**
 * Signalling over an MQTT 5 broker with a WebSocket listener (`wss://broker/mqtt`). `room`: the same name on both sides, 16 to 64
 * of `A-Z a-z 0-9 _ -`, as for Millrace's own server, which shares its rooms with the broker when it is bridged to it. Every
 * subscriber of the topic can read the messages, so names of rooms should be hard to guess. Nothing is retained.
 * Errors: throws 'invalid-argument' for an invalid address or room. A broker that refuses, fails or disappears makes a pending
 * `connect` reject with 'signaling-failed'. A message over 64 KiB throws 'too-large'. A connected session needs the broker only
 * when its connection breaks, and then connects to it again.
 */
export function mqttSignaling(url: string | URL, room: string, options: MqttSignalingOptions = {}): Signaling {
  if (!/^(wss?|mqtts?):$/.test(protocolOf(url))) throw new MillraceError('invalid-argument', 'the address of an MQTT broker must be like wss://host/mqtt');
  if (!/^[A-Za-z0-9_-]{16,64}$/.test(room)) throw new MillraceError('invalid-argument', 'a room must be 16 to 64 characters of A-Z a-z 0-9 _ -');
  const { prefix = 'millrace', openTimeout = 15_000 } = options;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(prefix)) throw new MillraceError('invalid-argument', 'a prefix must be 1 to 64 characters of A-Z a-z 0-9 _ -');
  const topic = `${prefix}/${room}`;
  const settings: IClientOptions = {
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    protocolVersion: 5,
    clean: true,
    keepalive: KEEPALIVE_S,
    connectTimeout: openTimeout,
    // `reopen` connects again when the session needs it.
    reconnectPeriod: 0,
    // The other kind starts a worker from a blob, which a strict content security policy forbids.
    timerVariant: 'native',
    will: { topic, payload: leftMessage as unknown as Buffer, qos: 1, retain: false },
    properties: { maximumPacketSize: MAX_MESSAGE_BYTES + PACKET_OVERHEAD },
  };
  return new CarriedSignaling((listener) => new MqttWire(String(url), topic, settings, listener), openTimeout);
}

/** One connection to the broker. */
class MqttWire implements Wire {
  readonly #topic: string;
  #client: MqttClient | undefined;
  #closed = false;

  constructor(url: string, topic: string, settings: IClientOptions, listener: WireListener) {
    this.#topic = topic;
    this.#open(url, settings, listener).catch((caught: unknown) => listener.failed(describe(caught)));
  }

  send(text: string): void {
    this.#client?.publish(this.#topic, text, { qos: 1, retain: false });
  }

  close(): void {
    this.#closed = true;
    const client = this.#client;
    if (client === undefined) return;
    if (client.connected) this.send(leftMessage);
    client.end(!client.connected);
  }

  async #open(url: string, settings: IClientOptions, listener: WireListener): Promise<void> {
    const { connect } = await import('./mqtt_client.js');
    if (this.#closed) return;
    const client = connect(url, settings);
    this.#client = client;
    client.on('error', (error) => listener.failed(`the broker refused or failed (${describe(error)})`));
    client.on('close', () => listener.failed('the connection to the broker closed'));
    client.on('message', (_topic, message, { retain }) => {
      // Retained messages are old.
      if (!retain) listener.heard(new TextDecoder().decode(message));
    });
    client.on('connect', () => {
      // `nl`: own messages do not come back. `rh: 2`: retained messages are not sent.
      client.subscribe(this.#topic, { qos: 1, nl: true, rh: 2 }, (error, granted) => {
        if (error || granted?.some(({ qos }) => qos > 2)) listener.failed('the broker does not let this side into the room');
        else listener.opened();
      });
    });
  }
}

function protocolOf(url: string | URL): string {
  try {
    return new URL(url).protocol;
  } catch {
    return '';
  }
}
