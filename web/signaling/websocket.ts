import { MillraceError } from '../errors.js';
import type { Signaling } from '../options.js';

export interface WebSocketSignalingOptions {
  /** Sub-protocols that the server expects. */
  protocols?: string | string[];
  /** Milliseconds until the socket must be open; default 15 000. */
  openTimeout?: number;
}

/** The server's limit on one message, bytes of JSON text. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** What is kept while the socket opens; `connect` sends a handful. */
const MAX_QUEUED = 64;

/**
 * Signalling over a WebSocket server that forwards each text message to the other members of a room. The URL names the
 * room: `wss://host/signal?room=ID`. Messages wait until the socket is open.
 * Errors: a socket that does not open, fails or closes makes a pending `connect` reject with 'signaling-failed'; a message
 * over 64 KiB throws 'too-large'. A session that is up needs the socket only when its connection breaks, and opens it again
 * then.
 */
export function webSocketSignaling(url: string | URL, options: WebSocketSignalingOptions = {}): Signaling {
  return new WebSocketSignaling(url, options);
}

class WebSocketSignaling implements Signaling {
  onmessage: Signaling['onmessage'] = null;
  readonly #url: string | URL;
  readonly #options: WebSocketSignalingOptions;
  #queue: string[] = [];
  #socket: WebSocket;
  #listening = new AbortController();
  #openTimer: ReturnType<typeof setTimeout> | undefined;
  #failure: MillraceError | undefined;
  #closed = false;
  #onerror: NonNullable<Signaling['onerror']> | null = null;

  constructor(url: string | URL, options: WebSocketSignalingOptions) {
    this.#url = url;
    this.#options = options;
    this.#socket = this.#open();
  }

  get onerror(): NonNullable<Signaling['onerror']> | null {
    return this.#onerror;
  }

  // A failure may come before `connect` listens for it.
  set onerror(listener: NonNullable<Signaling['onerror']> | null) {
    this.#onerror = listener;
    if (this.#failure) listener?.(this.#failure);
  }

  send(message: object): void {
    const text = JSON.stringify(message);
    if (new TextEncoder().encode(text).length > MAX_MESSAGE_BYTES) {
      throw new MillraceError('too-large', `a signalling message may have ${MAX_MESSAGE_BYTES} bytes`);
    }
    const { readyState } = this.#socket;
    if (readyState === WebSocket.OPEN) this.#socket.send(text);
    else if (readyState !== WebSocket.CONNECTING) this.#fail('the socket is closed');
    else if (this.#queue.length >= MAX_QUEUED) this.#fail('too many messages before the socket opened');
    else this.#queue.push(text);
  }

  reopen(): void {
    if (this.#closed || !this.#failure) return;
    this.#failure = undefined;
    this.#socket = this.#open();
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }

  #open(): WebSocket {
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.#url, this.#options.protocols);
    } catch (caught) {
      throw MillraceError.from(caught, 'invalid-argument');
    }
    const openTimeout = this.#options.openTimeout ?? 15_000;
    this.#openTimer = setTimeout(() => this.#fail(`the socket did not open within ${openTimeout} ms`), openTimeout);
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    socket.addEventListener(
      'open',
      () => {
        clearTimeout(this.#openTimer);
        for (const text of this.#queue.splice(0)) socket.send(text);
      },
      { signal },
    );
    socket.addEventListener('message', (event: MessageEvent<unknown>) => this.#hear(event.data), { signal });
    socket.addEventListener('error', () => this.#fail('the socket failed'), { signal });
    socket.addEventListener(
      'close',
      (event) => this.#fail(`the socket closed (${event.code}${event.reason ? ` ${event.reason}` : ''})`),
      { signal },
    );
    return socket;
  }

  #hear(data: unknown): void {
    if (typeof data !== 'string' || data.length > MAX_MESSAGE_BYTES) return;
    let message: unknown;
    try {
      message = JSON.parse(data);
    } catch {
      return; // The server is not trusted to send JSON.
    }
    this.onmessage?.(message);
  }

  #fail(detail: string): void {
    if (this.#failure || this.#closed) return;
    this.#failure = new MillraceError('signaling-failed', detail);
    this.#release();
    this.#onerror?.(this.#failure);
  }

  #release(): void {
    clearTimeout(this.#openTimer);
    this.#listening.abort();
    this.#queue = [];
    this.#socket.close();
  }
}
