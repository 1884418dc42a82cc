import { HandshakeTimer } from './handshake_timer.js';
import type { FromEngine } from './messages.js';

type Established = Extract<FromEngine, { type: 'established' }>;

/** From the beginning of a handshake until the window may hear of the keys: when they are agreed, and the channels are open. */
export class Agreements {
  /** While a handshake is under way. */
  #timer: HandshakeTimer | undefined;
  #early: Established | undefined;
  #established = false;

  /** Keys were agreed, and the channels open, on this connection or on an earlier one. */
  get established(): boolean {
    return this.#established;
  }

  /** Keys are agreed, and the channels are not open yet. */
  get isEarly(): boolean {
    return this.#early !== undefined;
  }

  begin(): void {
    this.#timer = new HandshakeTimer();
  }

  /** Counts `work` as part of a handshake that is under way. */
  run<T>(work: () => T): T {
    return this.#timer ? this.#timer.run(work) : work();
  }

  /** The channels are open. */
  opened(): void {
    this.#timer?.opened();
  }

  /** The first keys are agreed; `takeNews` follows when the channels are open. */
  agree(message: Established): void {
    this.#early = message;
  }

  /** With open channels: what the window has to hear, once. */
  takeNews(): Established | undefined {
    const message = this.#early;
    this.#early = undefined;
    if (message) this.finish();
    return message;
  }

  /** Keys are agreed, and the channels are open. */
  finish(): void {
    this.#established = true;
    this.#timer?.finish();
    this.#timer = undefined;
  }
}
