import { MAX_LANE_MESSAGES, type ConnectionMessage } from '../signaling/envelope.js';

/** A description waits this long for candidates, ms, so that one message carries both. */
const GATHERING_MS = 150;

export interface FirstLaneMessagesOptions {
  /** Sends a description and candidates through the signalling, which may lose them. Called once at most. */
  readonly say: (messages: readonly ConnectionMessage[]) => void;
  /** Sends a message over the control connection. */
  readonly sayInBand: (message: ConnectionMessage) => void;
}

/**
 * What one of the first lanes tells the other side: its description, with the candidates that are found soon, in one message through the
 * signalling, where each message may count; and everything else in band, once the control connection carries it.
 */
export class FirstLaneMessages {
  readonly #options: FirstLaneMessagesOptions;
  readonly #waiting: ConnectionMessage[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #said = false;
  #isInBand = false;

  constructor(options: FirstLaneMessagesOptions) {
    this.#options = options;
  }

  send(message: ConnectionMessage): void {
    if (this.#isInBand) {
      this.#options.sayInBand(message);
      return;
    }
    this.#waiting.push(message);
    if (this.#said) return;
    if (message.type === 'description') this.#timer = setTimeout(() => this.#say(), GATHERING_MS);
    else if (message.candidate === '') this.#say();
  }

  /** The control connection carries messages from now on. */
  connected(): void {
    this.stop();
    this.#isInBand = true;
    for (const message of this.#waiting.splice(0)) this.#options.sayInBand(message);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #say(): void {
    this.stop();
    this.#said = true;
    this.#options.say(this.#waiting.splice(0, MAX_LANE_MESSAGES));
  }
}
