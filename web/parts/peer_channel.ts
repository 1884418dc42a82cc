import { MillraceError } from '../api/errors.js';
import { byteLength } from '../base/bytes.js';
import { maxMessageSizeOf } from '../rtc/new_connection.js';
import type { WaterMarks } from '../wasm/parts.js';

/** What a data channel sends: text, or bytes, which arrive as an ArrayBuffer. */
export type ChannelData = string | ArrayBuffer | ArrayBufferView;

interface Waiting {
  readonly data: string | ArrayBuffer;
  readonly bytes: number;
}

/** Bytes that may wait for one channel; browsers hold as much in the channel itself. */
const MOST_WAITING_BYTES = 16 * 1024 * 1024;

export interface PeerChannelOptions {
  readonly connection: RTCPeerConnection;
  readonly channel: RTCDataChannel;
  readonly marks: WaterMarks;
  readonly onopen: () => void;
  readonly ondata: (data: string | ArrayBuffer) => void;
  /** The buffer was at the high mark and has fallen to the low one. */
  readonly ondrain: () => void;
  /** There is room for a message that waits. */
  readonly onroom: () => void;
  /** Called once. */
  readonly onclose: () => void;
}

/** The channel of one peer, with the messages that wait for it: until it is open, has room, and it is this peer's turn. */
export class PeerChannel {
  readonly #options: PeerChannelOptions;
  readonly #listening = new AbortController();
  /** Bytes at which there is room again: below the high mark also where both are the same. */
  readonly #low: number;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #wasFull = false;

  constructor(options: PeerChannelOptions) {
    this.#options = options;
    const { connection, channel, marks, onopen, ondata, onroom } = options;
    const { signal } = this.#listening;
    channel.binaryType = 'arraybuffer';
    this.#low = Math.min(marks.low, marks.high - 1);
    channel.bufferedAmountLowThreshold = this.#low;
    const opened = (): void => {
      onopen();
      onroom();
    };
    channel.addEventListener('open', opened, { signal });
    channel.addEventListener(
      'bufferedamountlow',
      () => {
        onroom();
        this.#checkDrain();
      },
      { signal },
    );
    channel.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => ondata(data), { signal });
    const closed = (): void => this.#closed();
    channel.addEventListener('close', closed, { signal });
    channel.addEventListener('error', closed, { signal });
    connection.addEventListener(
      'connectionstatechange',
      () => {
        if (connection.connectionState === 'failed' || connection.connectionState === 'closed') this.#closed();
      },
      { signal },
    );
  }

  /** Bytes that were given to `add` and have not left. */
  get bufferedBytes(): number {
    return this.#options.channel.bufferedAmount + this.#waitingBytes;
  }

  /** The size of the message that could go now, bytes; undefined where there is none, or no room. */
  get nextBytes(): number | undefined {
    const { channel, marks } = this.#options;
    return channel.readyState === 'open' && channel.bufferedAmount < marks.high ? this.#waiting[0]?.bytes : undefined;
  }

  /** Errors: throws 'invalid-argument' for anything that a channel does not carry, and 'too-large'. Nothing is added then. */
  add(given: unknown): void {
    const waiting = this.#copy(given);
    const { connection, marks } = this.#options;
    const most = maxMessageSizeOf(connection);
    if (waiting.bytes > most) throw new MillraceError('too-large', `a message of ${waiting.bytes} bytes; this connection carries ${most}`);
    if (this.bufferedBytes + waiting.bytes > MOST_WAITING_BYTES) {
      throw new MillraceError('too-large', `${MOST_WAITING_BYTES} bytes wait for this peer already: wait for the event drain`);
    }
    this.#waiting.push(waiting);
    this.#waitingBytes += waiting.bytes;
    if (this.bufferedBytes >= marks.high) this.#wasFull = true;
  }

  /** Puts the next message into the channel. Only where `nextBytes` is known. */
  sendNext(): void {
    const next = this.#waiting.shift();
    if (!next) return;
    this.#waitingBytes -= next.bytes;
    try {
      // The overloads of `send` take one type or the other, not their union.
      if (typeof next.data === 'string') this.#options.channel.send(next.data);
      else this.#options.channel.send(next.data);
    } catch {
      this.#closed();
      return;
    }
    // What waited for the limit never was in the channel, which says nothing then.
    this.#checkDrain();
  }

  /** Removes every listener, and closes the connection. `onclose` is not called. */
  close(): void {
    this.#listening.abort();
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#options.channel.close();
    this.#options.connection.close();
  }

  #copy(given: unknown): Waiting {
    if (typeof given === 'string') return { data: given, bytes: byteLength(given) };
    if (given instanceof ArrayBuffer) return { data: given.slice(0), bytes: given.byteLength };
    if (!ArrayBuffer.isView(given)) throw new MillraceError('invalid-argument', 'data must be text, an ArrayBuffer, or a view of one');
    const copy = new Uint8Array(given.byteLength);
    copy.set(new Uint8Array(given.buffer, given.byteOffset, given.byteLength));
    return { data: copy.buffer, bytes: copy.length };
  }

  #checkDrain(): void {
    if (!this.#wasFull || this.bufferedBytes > this.#low) return;
    this.#wasFull = false;
    this.#options.ondrain();
  }

  #closed(): void {
    if (this.#listening.signal.aborted) return;
    this.close();
    this.#options.onclose();
  }
}
