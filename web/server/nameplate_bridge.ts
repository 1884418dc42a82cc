import { randomHex } from '../base/ids.js';
import { parseObject, type Bus } from './bus.js';
import type { NameplateBridge } from './desk.js';
import type { Nameplates } from './nameplates.js';
import { Recent } from './recent.js';

/** Time that other servers have to object to a claim, ms. */
const CLAIM_MS = 200;
/** Time that the server with the number has to answer, ms. */
const TAKE_MS = 1_000;
/** Takes whose outcome is open; beyond these the oldest is given up, and stays counted as a wrong guess. */
const MOST_OPEN = 1_000;

/**
 * Nameplates of servers that share a broker, on the topics `PREFIX-nameplates/NUMBER`. A server that claims a number waits for
 * objections. The server that has the number objects; of two that claim it at once, the one with the lower id does. To take a
 * number, a server asks the one that has it.
 */
export class MqttNameplateBridge implements NameplateBridge {
  readonly #bus: Bus;
  readonly #topic: string;
  readonly #nameplates: Nameplates;
  /** Claims of this server that others may object to, by number. */
  readonly #claims = new Map<number, { id: string; lost: boolean }>();
  /** Takes of this server, by id. */
  readonly #takes = new Recent<string, { answer: (room: string | undefined) => void; onmet: () => void }>(MOST_OPEN);

  constructor(bus: Bus, prefix: string, nameplates: Nameplates) {
    this.#bus = bus;
    this.#topic = `${prefix}-nameplates/`;
    this.#nameplates = nameplates;
    bus.onmessage((topic, text) => {
      if (topic.startsWith(this.#topic)) this.#hear(Number(topic.slice(this.#topic.length)), text);
    });
    bus.onconnect(() => void bus.subscribe(`${this.#topic}+`));
  }

  async claim(number: number): Promise<boolean> {
    if (this.#claims.has(number)) return false;
    const claim = { id: randomHex(12), lost: false };
    this.#claims.set(number, claim);
    // Without the broker this server is alone.
    if (this.#say(number, { type: 'claim', id: claim.id })) await new Promise((resolve) => setTimeout(resolve, CLAIM_MS));
    this.#claims.delete(number);
    return !claim.lost;
  }

  async take(number: number, onmet: () => void): Promise<string | undefined> {
    const id = randomHex(12);
    if (!this.#say(number, { type: 'take', id })) return undefined;
    const room = await new Promise<string | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), TAKE_MS);
      const answer = (found: string | undefined): void => {
        clearTimeout(timer);
        resolve(found);
      };
      this.#takes.set(id, { answer, onmet });
    });
    if (room === undefined) this.#takes.delete(id);
    return room;
  }

  #hear(number: number, text: Buffer): void {
    const { type, id, room } = parseObject(text) ?? {};
    if (!Number.isSafeInteger(number) || typeof id !== 'string' || id.length > 64) return;
    switch (type) {
      case 'claim': {
        const claim = this.#claims.get(number);
        if (this.#nameplates.has(number) || (claim !== undefined && claim.id < id)) this.#say(number, { type: 'held', id });
        else if (claim !== undefined) claim.lost = true;
        break;
      }
      case 'held': {
        const claim = this.#claims.get(number);
        if (claim?.id === id) claim.lost = true;
        break;
      }
      case 'take': {
        if (!this.#nameplates.has(number)) break;
        const found = this.#nameplates.take(number, () => this.#say(number, { type: 'met', id }));
        this.#say(number, { type: 'given', id, room: found ?? null });
        break;
      }
      case 'given':
        this.#takes.get(id)?.answer(typeof room === 'string' ? room : undefined);
        break;
      case 'met':
        this.#takes.get(id)?.onmet();
        this.#takes.delete(id);
        break;
    }
  }

  #say(number: number, message: object): boolean {
    return this.#bus.publish(this.#topic + number, JSON.stringify(message));
  }
}
