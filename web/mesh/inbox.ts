import type { MeshMessage, Payload } from '../api/mesh_types.js';
import { decodeData } from '../session/message_data.js';
import type { CoreMeshEvent } from '../wasm/mesh.js';
import { decompress } from './compression.js';
import { messageIdOf } from './message_ids.js';

/** A message as the node delivers it. */
type Delivery = Extract<CoreMeshEvent, { type: 'message' }>;

/** Of this form of messages. */
const VERSION = 1;

export interface InboxOptions {
  /** This agent's name. */
  readonly agentId: string;
  onmessage(message: MeshMessage): void;
  /** A payload of `agent` was invalid. */
  oninvalid(agent: string): void;
}

/** Messages of other agents: decompresses and decodes them, and keeps their order. */
export class Inbox {
  readonly #options: InboxOptions;
  /** While a payload is being decompressed: resolves when the last message so far was handed on. */
  #receiving: Promise<void> | undefined;
  #closed = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  take(delivery: Delivery): void {
    if (!delivery.compressed && !this.#receiving) {
      this.#handOn(delivery, delivery.payload);
      return;
    }
    const unpacking = delivery.compressed ? decompress(delivery.payload) : Promise.resolve(delivery.payload);
    const receiving = Promise.all([unpacking, this.#receiving]).then(([payload]) => this.#handOn(delivery, payload));
    this.#receiving = receiving;
    void receiving.then(() => {
      if (this.#receiving === receiving) this.#receiving = undefined;
    });
  }

  /** Nothing is handed on any more. */
  close(): void {
    this.#closed = true;
  }

  #handOn(delivery: Delivery, bytes: Uint8Array | undefined): void {
    if (this.#closed) return;
    const payload = bytes && decodeData(bytes);
    if (payload === undefined) this.#options.oninvalid(delivery.agent);
    else this.#options.onmessage(this.#describe(delivery, payload));
  }

  #describe({ agent, incarnation, timestamp, id }: Delivery, payload: Payload): MeshMessage {
    return {
      id: messageIdOf({ id: agent, incarnation }, id),
      timestamp,
      level: id.level,
      source: agent,
      destination: id.broadcast ? null : this.#options.agentId,
      version: VERSION,
      sequence: id.sequence,
      payload,
    };
  }
}
