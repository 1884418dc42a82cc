import type { MessageData } from '../api/message_types.js';
import { AsyncLoop } from '../base/async_loop.js';

/** The inbox as a reader sees it. */
export interface MessageSource {
  /** The message with this number; undefined if it has not arrived. One without data is passed over. */
  find(number: number): { readonly data: MessageData | undefined } | undefined;
  /** `position` has changed. */
  onread(): void;
  /** The reader needs no more messages. */
  onclose(): void;
}

/** One loop over `Peer.messages()`. */
export class MessageReader extends AsyncLoop<MessageData> {
  /** The number of the next message. */
  position: number;
  readonly #source: MessageSource;

  constructor(position: number, source: MessageSource) {
    super();
    this.position = position;
    this.#source = source;
  }

  protected override take(): { readonly value: MessageData } | undefined {
    for (let message = this.#source.find(this.position); message; message = this.#source.find(this.position)) {
      this.position += 1;
      this.#source.onread();
      if (message.data !== undefined) return { value: message.data };
    }
    return undefined;
  }

  protected override onclose(): void {
    this.#source.onclose();
  }
}
