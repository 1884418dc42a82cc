import type { CoreModule, CoreSession } from '../wasm/session.js';

/** The core's mailbox and heap. Memory never grows, so both views stay valid. */
export class Mailbox {
  readonly #numbers: Float64Array;
  readonly #first: number;
  readonly #memory: ArrayBuffer;
  readonly #bytes: Uint8Array;

  constructor(core: CoreModule, session: CoreSession) {
    this.#numbers = core.HEAPF64;
    this.#first = session.mailbox() / Float64Array.BYTES_PER_ELEMENT;
    this.#bytes = core.HEAPU8;
    // No threads, hence no shared memory: channels and files take views of it.
    this.#memory = core.HEAPU8.buffer as ArrayBuffer;
  }

  get(index: number): number {
    return this.#numbers[this.#first + index]!;
  }

  view(address: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory, address, length);
  }

  copyIn(address: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, address);
  }
}
