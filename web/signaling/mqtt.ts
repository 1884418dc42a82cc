import type { IClientOptions, MqttClient } from 'mqtt';
import { MillraceError, describe } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { check, checkOptions, number, shape, text, type OptionsOf } from '../api/shape.js';
import { randomHex } from '../base/ids.js';
import { CarriedSignaling, MAX_MESSAGE_BYTES, type Wire, type WireListener } from './carried.js';
import { serverTexts } from './server_texts.js';

/** As a room of Millrace's own server is called. */
const ROOM = /^[A-Za-z0-9_-]{16,64}$/;
const PREFIX = /^[A-Za-z0-9_-]{1,64}$/;

const shapes = {
  /** If the broker requires one. */
  username: text(),
  /** If the broker requires one. */
  password: text(),
  /** The topic of a room is `PREFIX/ROOM`; default 'millrace'. */
  prefix: shape<string>('1 to 64 characters of A-Z a-z 0-9 _ -', (value) => typeof value === 'string' && PREFIX.test(value)),
  /** Time for the broker to admit this side to the room, ms; default 15,000. */
  openTimeout: number({ least: 1, unit: 'ms' }),
};

/** Options for the connection to the broker. */
export interface MqttSignalingOptions extends OptionsOf<typeof shapes> {}

/** Bytes of a packet without its message: topic and properties. */
const PACKET_OVERHEAD = 1024;
/** The broker gives this side up after one and a half times as long. */
const KEEPALIVE_S = 20;

/**
 * Signalling over an MQTT 5 broker with a WebSocket listener (`wss://broker/mqtt`). `room`: the same name on both sides, 16 to 64
 * of `A-Z a-z 0-9 _ -`, as for Millrace's own server, which shares its rooms with the broker when it is bridged to it. Every
 * subscriber of the topic can read the messages, so names of rooms should be hard to guess. Nothing is retained.
 * Errors: throws 'invalid-argument' for an invalid address or room. A broker that refuses, fails or disappears makes a pending
 * `connect` reject with 'signaling-failed'. A message over 64 KiB throws 'too-large'. A connected session needs the broker only
 * when its connection breaks, and then connects to it again. A connection that carries nothing any more is replaced within 22 s,
 * and within 2 s when it is needed.
 */
export function mqttSignaling(url: string | URL, room: string, options: MqttSignalingOptions = {}): Signaling {
  if (!/^(wss?|mqtts?):$/.test(protocolOf(url))) throw new MillraceError('invalid-argument', 'the address of an MQTT broker must be like wss://host/mqtt');
  check(typeof room === 'string' && ROOM.test(room), 'room', '16 to 64 characters of A-Z a-z 0-9 _ -', room);
  const { prefix = 'millrace', openTimeout = 15_000, username, password } = checkOptions(options, shapes);
  const topic = `${prefix}/${room}`;
  const settings: IClientOptions = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    protocolVersion: 5,
    // A new connection under the same id takes the place of the previous one at once (MQTT 5, section 3.1.4). Every broker takes
    // ids of up to 23 such characters.
    clientId: randomHex(11),
    clean: true,
    keepalive: KEEPALIVE_S,
    connectTimeout: openTimeout,
    // `reopen` connects again when the session needs it.
    reconnectPeriod: 0,
    // The other kind starts a worker from a blob, which a strict content security policy forbids.
    timerVariant: 'native',
    will: { topic, payload: serverTexts.left as unknown as Buffer, qos: 1, retain: false },
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

  close(isDead: boolean): void {
    this.#closed = true;
    const client = this.#client;
    if (client === undefined) return;
    const saysGoodbye = client.connected && !isDead;
    if (saysGoodbye) this.send(serverTexts.left);
    client.end(!saysGoodbye);
  }

  probe(): boolean {
    this.#client?.sendPing();
    return true;
  }

  async #open(url: string, settings: IClientOptions, listener: WireListener): Promise<void> {
    const { connect } = await import('./mqtt_client.js');
    if (this.#closed) return;
    const client = connect(url, settings);
    this.#client = client;
    client.on('error', (error) => listener.failed(`the broker refused or failed (${describe(error)})`));
    client.on('close', () => listener.failed('the connection to the broker closed'));
    client.on('packetreceive', ({ cmd }) => {
      if (cmd === 'pingresp') listener.answered();
    });
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
