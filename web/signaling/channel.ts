import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { CarriedSignaling, type Wire, type WireListener } from './carried.js';
import { serverTexts } from './server_texts.js';

/** As much of an `RTCDataChannel` as signalling needs. */
export type TextChannel = Pick<RTCDataChannel, 'send' | 'readyState' | 'addEventListener' | 'removeEventListener'>;

/** A connection that has not opened by then, ms, has no path. */
const OPEN_TIMEOUT_MS = 30_000;

/**
 * Signalling over a data channel that the application already has, such as one of PeerJS, simple-peer, Trystero or LiveKit: the
 * session gets connections of its own, and the channel only carries the texts that set them up.
 *
 * `channel`: ordered and reliable, open or still connecting. It stays open when the session ends, and may carry other texts, as long as
 * these are not JSON with a field `millrace`. Both sides call this with their end of the same channel. When the channel closes, a session
 * that is connected goes on; it cannot be repaired with new connections any more.
 * Errors: throws 'invalid-argument' for something that is no data channel; a closed channel, or one that does not open within 30 s, makes
 * `connect` reject with 'signaling-failed'.
 * Cost: some 10 kB each way for a session.
 */
export function channelSignaling(channel: TextChannel): Signaling {
  if (!isTextChannel(channel)) throw new MillraceError('invalid-argument', 'channel must be an RTCDataChannel');
  return new CarriedSignaling((listener) => new ChannelWire(channel, listener), OPEN_TIMEOUT_MS);
}

class ChannelWire implements Wire {
  readonly #channel: TextChannel;
  readonly #listener: WireListener;
  readonly #listening = new AbortController();

  constructor(channel: TextChannel, listener: WireListener) {
    this.#channel = channel;
    this.#listener = listener;
    const { signal } = this.#listening;
    channel.addEventListener('message', ({ data }) => listener.heard(data), { signal });
    channel.addEventListener('open', () => listener.opened(), { signal });
    channel.addEventListener('close', () => listener.failed('the channel closed'), { signal });
    globalThis.addEventListener?.('pagehide', () => this.#leave(), { signal });
    // Not before the caller has its wire.
    if (channel.readyState !== 'connecting') queueMicrotask(() => this.#begin());
  }

  send(text: string): void {
    try {
      this.#channel.send(text);
    } catch (caught) {
      this.#listener.failed(MillraceError.from(caught, 'signaling-failed').explanation);
    }
  }

  close(): void {
    this.#leave();
    this.#listening.abort();
  }

  #begin(): void {
    if (this.#channel.readyState === 'open') this.#listener.opened();
    else this.#listener.failed('the channel is closed');
  }

  /** The other side need not wait for this one. */
  #leave(): void {
    if (this.#listening.signal.aborted || this.#channel.readyState !== 'open') return;
    try {
      this.#channel.send(serverTexts.left);
    } catch {
      // The channel is closing, which tells the other side as well.
    }
  }
}

function isTextChannel(channel: unknown): channel is TextChannel {
  if (typeof channel !== 'object' || channel === null) return false;
  const { send, addEventListener, readyState } = channel as Partial<TextChannel>;
  return typeof send === 'function' && typeof addEventListener === 'function' && typeof readyState === 'string';
}
