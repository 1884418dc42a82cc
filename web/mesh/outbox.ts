import { MillraceError, toError } from '../api/errors.js';
import type { Acknowledgement, Level, MeshLogEvent, MessageOptions, Payload } from '../api/mesh_types.js';
import { encodeData } from '../session/message_data.js';
import type { CoreMessageId, MeshNodeCore } from '../wasm/mesh.js';
import { compress } from './compression.js';
import { messageIdOf } from './message_ids.js';
import type { MemberName } from '../room/member_name.js';

export interface OutboxOptions {
  readonly node: MeshNodeCore;
  readonly self: MemberName;
  readonly log: (event: MeshLogEvent) => void;
  /** The node took a message: it has something to do. */
  readonly ontaken: () => void;
}

/** A message that not everyone has acknowledged. */
interface Pending {
  readonly id: string;
  readonly sequence: number;
  readonly sentAt: number;
  resolve(acknowledgement: Acknowledgement): void;
  reject(error: MillraceError): void;
}

/** How one message goes. */
interface Handling {
  readonly level: Level;
  readonly unordered: boolean;
  readonly compressed: boolean;
}

/** This agent's own messages: gives them to the node in the order of the calls, and answers each once it is acknowledged. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #pending = new Map<string, Pending>();
  /** While a message is being compressed: resolves when the last message so far was given to the node. */
  #sending: Promise<void> | undefined;
  #end: MillraceError | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** As `Mesh.send`. `to`: empty for all. Errors: throws or rejects as `Mesh.send`. */
  async send(to: string, payload: Payload, { level = 'normal', unordered = false }: MessageOptions): Promise<Acknowledgement> {
    if (this.#end) throw new MillraceError('closed');
    const bytes = encodeData(payload);
    const isLow = this.#options.node.mode() === 'LOW';
    if (!isLow && !this.#sending) return this.#give(to, bytes, { level, unordered, compressed: false });
    return this.#sendInTurn(to, bytes, isLow ? compress(bytes) : Promise.resolve(undefined), { level, unordered });
  }

  /** Everyone that the message was for has it. */
  delivered(id: CoreMessageId): void {
    const pending = this.#take(id);
    pending?.resolve({ id: pending.id, sequence: pending.sequence, milliseconds: performance.now() - pending.sentAt });
  }

  /** The agent that the message was for left without it. */
  failed(id: CoreMessageId): void {
    this.#take(id)?.reject(new MillraceError('connection-lost', `${id.destination} left before it had the message`));
  }

  /** Whatever is not acknowledged fails with `error`. */
  end(error: MillraceError): void {
    this.#end ??= error;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }

  /** A message keeps its place behind one that is being compressed. */
  async #sendInTurn(
    to: string,
    bytes: Uint8Array<ArrayBuffer>,
    compressing: Promise<Uint8Array<ArrayBuffer> | undefined>,
    handling: Omit<Handling, 'compressed'>,
  ): Promise<Acknowledgement> {
    // In an object: the next message waits until this one is given away, not until it is acknowledged.
    const given = Promise.all([compressing, this.#sending]).then(([packed]) => ({
      acknowledged: this.#give(to, packed ?? bytes, { ...handling, compressed: packed !== undefined }),
    }));
    const sending = given.then(
      () => {},
      () => {},
    );
    this.#sending = sending;
    void sending.then(() => {
      if (this.#sending === sending) this.#sending = undefined;
    });
    return (await given).acknowledged;
  }

  #give(to: string, body: Uint8Array, handling: Handling): Promise<Acknowledgement> {
    if (this.#end) throw new MillraceError('closed');
    const { node, self, log, ontaken } = this.#options;
    const sentAt = performance.now();
    const answer = node.send(to, body, { ...handling, timestamp: Date.now() }, sentAt);
    if ('code' in answer) throw toError(answer.code, answer.detail, 'internal');
    const id = messageIdOf(self, answer);
    const { sequence } = answer;
    const acknowledged = new Promise<Acknowledgement>((resolve, reject) => {
      this.#pending.set(keyOf(answer), { id, sequence, sentAt, resolve, reject });
    });
    const bufferedAmount = to === '' ? node.stats().maxBuffered : node.buffered(to);
    log({ event: 'message_sent', id, sequence, mode: node.mode(), bufferedAmount });
    ontaken();
    return acknowledged;
  }

  #take(id: CoreMessageId): Pending | undefined {
    const key = keyOf(id);
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    return pending;
  }
}

/** Tells this agent's messages apart. */
function keyOf({ destination, level, unordered, sequence }: CoreMessageId): string {
  return `${sequence} ${level} ${unordered} ${destination}`;
}
