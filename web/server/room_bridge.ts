import { parseObject, type Bus } from './bus.js';
import type { Metrics } from './metrics.js';
import type { RoomBridge } from './rooms.js';

interface Shared {
  /** Number of members on this server. */
  members: number;
  /** Number of members on each other server. */
  readonly elsewhere: Map<string, number>;
  /** Resolves when the other servers have had time to answer. */
  readonly known: Promise<void>;
}

interface RoomBridgeOptions {
  readonly bus: Bus;
  readonly prefix: string;
  /** The id of this server among the others. */
  readonly server: string;
  readonly metrics: Metrics;
  /** Called with a message for the members on this server. */
  ondeliver(room: string, text: Buffer): void;
  /** Called when a member of this server, by its name, is about to enter at another server. */
  onreturn(room: string, name: string): void;
  /** Called when another server is gone, with its members. */
  onlost(room: string): void;
}

/** Time that other servers have to tell how many members they have, ms: a round trip through a loaded broker. */
const ANSWER_MS = 200;
/** Most servers that share a room. */
const MOST_SERVERS = 64;

/**
 * Rooms over an MQTT broker. Messages of a room travel verbatim on the topic `PREFIX/ROOM`, so that pages that use the broker
 * directly (`mqttSignaling`) are in the same room. On `PREFIX-servers/ROOM` servers tell each other how many members they have:
 * a full room is full on every server. A server that asks for these numbers names the member that is about to enter, and the server
 * that has an earlier socket of this member gives it up.
 */
export class MqttRoomBridge implements RoomBridge {
  readonly #options: RoomBridgeOptions;
  readonly #rooms = new Map<string, Shared>();
  readonly #topic: string;
  readonly #serversTopic: string;

  constructor(options: RoomBridgeOptions) {
    this.#options = options;
    this.#topic = `${options.prefix}/`;
    this.#serversTopic = `${options.prefix}-servers/`;
    options.bus.onmessage((topic, text) => this.#hear(topic, text));
    options.bus.onconnect(() => {
      void options.bus.subscribe(goneTopic(options.prefix));
      for (const [room, { members }] of this.#rooms) this.#tell(room, members);
    });
  }

  async open(room: string, name: string | undefined): Promise<void> {
    const present = this.#rooms.get(room);
    await (present ?? this.#share(room, name)).known;
    if (present !== undefined && name !== undefined && this.elsewhere(room) > 0) await this.#ask(room, name);
  }

  elsewhere(room: string): number {
    let count = 0;
    for (const members of this.#rooms.get(room)?.elsewhere.values() ?? []) count += members;
    return count;
  }

  changed(room: string, members: number): void {
    if (members === 0) {
      if (!this.#rooms.delete(room)) return;
      this.#options.bus.unsubscribe(this.#topic + room);
      this.#options.bus.unsubscribe(this.#serversTopic + room);
    } else {
      this.#share(room).members = members;
    }
    this.#tell(room, members);
  }

  forward(room: string, text: Buffer | string): void {
    const sent = this.#options.bus.publish(this.#topic + room, text);
    this.#options.metrics.add('millrace_bridge_messages_total', 1, `direction="${sent ? 'out' : 'dropped'}"`);
  }

  #share(room: string, name?: string): Shared {
    const present = this.#rooms.get(room);
    if (present !== undefined) return present;
    const shared: Shared = { members: 0, elsewhere: new Map(), known: this.#subscribe(room, name) };
    this.#rooms.set(room, shared);
    return shared;
  }

  async #subscribe(room: string, name: string | undefined): Promise<void> {
    const { bus } = this.#options;
    await Promise.all([bus.subscribe(this.#topic + room), bus.subscribe(this.#serversTopic + room)]);
    await this.#ask(room, name);
  }

  async #ask(room: string, name: string | undefined): Promise<void> {
    const { bus, server } = this.#options;
    if (!bus.publish(this.#serversTopic + room, JSON.stringify({ server, ask: true, member: name }))) return;
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  }

  #tell(room: string, members: number): void {
    this.#options.bus.publish(this.#serversTopic + room, JSON.stringify({ server: this.#options.server, members }));
  }

  #hear(topic: string, text: Buffer): void {
    const { prefix, metrics } = this.#options;
    if (topic === goneTopic(prefix)) {
      const server = parseObject(text)?.['server'];
      if (typeof server === 'string') this.#forget(server);
    } else if (topic.startsWith(this.#topic)) {
      metrics.add('millrace_bridge_messages_total', 1, 'direction="in"');
      this.#options.ondeliver(topic.slice(this.#topic.length), text);
    } else if (topic.startsWith(this.#serversTopic)) {
      this.#hearServer(topic.slice(this.#serversTopic.length), text);
    }
  }

  #hearServer(room: string, text: Buffer): void {
    const shared = this.#rooms.get(room);
    const { server, members, ask, member } = parseObject(text) ?? {};
    if (shared === undefined || typeof server !== 'string' || server.length > 64) return;
    if (ask === true) {
      if (typeof member === 'string' && member.length <= 64) this.#options.onreturn(room, member);
      // The room may have ended with that member.
      const { members: left = 0 } = this.#rooms.get(room) ?? {};
      if (left > 0) this.#tell(room, left);
    } else if (typeof members === 'number' && Number.isSafeInteger(members) && members >= 0) {
      if (members === 0) shared.elsewhere.delete(server);
      else if (shared.elsewhere.size < MOST_SERVERS || shared.elsewhere.has(server)) shared.elsewhere.set(server, members);
    }
  }

  #forget(server: string): void {
    for (const [room, { elsewhere }] of this.#rooms) if (elsewhere.delete(server)) this.#options.onlost(room);
  }
}

/** The topic on which the broker reports a lost server. Room names are longer than this one. */
export function goneTopic(prefix: string): string {
  return `${prefix}-servers/gone`;
}
