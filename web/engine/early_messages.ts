/** Handshake messages that come before the control lane is open (PROTOCOL.md): their number, and bytes of each. */
const MAX_MESSAGES = 4;
const MAX_BYTES = 2_048;
/** The first byte of a channel message that is one of the handshake. */
const HANDSHAKE = 1;

/** The handshake messages of the control lane that came through the signalling, by their number, until the core can take them. */
export class EarlyMessages {
  readonly #messages = new Map<number, ArrayBuffer>();

  get isEmpty(): boolean {
    return this.#messages.size === 0;
  }

  /** Keeps the first message with each number. What no handshake can contain is dropped: the signalling is not trusted. */
  add(index: number, message: Uint8Array): void {
    const isExpected = index >= 0 && index < MAX_MESSAGES && message.length > 1 && message.length <= MAX_BYTES && message[0] === HANDSHAKE;
    if (isExpected && !this.#messages.has(index)) this.#messages.set(index, message.slice().buffer);
  }

  get(index: number): ArrayBuffer | undefined {
    return this.#messages.get(index);
  }

  delete(index: number): void {
    this.#messages.delete(index);
  }

  clear(): void {
    this.#messages.clear();
  }
}

/** The type of a channel message that is one of the handshake; undefined for any other. */
export function handshakeTypeOf(message: ArrayBuffer | Uint8Array): number | undefined {
  const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
  return bytes[0] === HANDSHAKE ? bytes[1] : undefined;
}
