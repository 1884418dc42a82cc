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
 * over 64 KiB throws 'too-large'. A session that is up does not need the socket any more.
 */
export function webSocketSignaling(url: string | URL, options: WebSocketSignalingOptions = {}): Signaling {
  let socket: WebSocket;
  try {
    socket = new WebSocket(url, options.protocols);
  } catch (caught) {
    throw MillraceError.from(caught, 'invalid-argument');
  }

  const queue: string[] = [];
  const listening = new AbortController();
  let failure: MillraceError | undefined;
  let onerror: Signaling['onerror'] = null;

  const release = (): void => {
    clearTimeout(openTimer);
    listening.abort();
    queue.length = 0;
    socket.close();
  };
  const fail = (detail: string): void => {
    if (failure) return;
    failure = new MillraceError('signaling-failed', detail);
    release();
    onerror?.(failure);
  };

  const openTimeout = options.openTimeout ?? 15_000;
  const openTimer = setTimeout(() => fail(`the socket did not open within ${openTimeout} ms`), openTimeout);

  const signaling: Signaling = {
    onmessage: null,
    // A failure may come before `connect` listens for it.
    get onerror() {
      return onerror;
    },
    set onerror(listener) {
      onerror = listener;
      if (failure) listener?.(failure);
    },
    send(message) {
      const text = JSON.stringify(message);
      if (new TextEncoder().encode(text).length > MAX_MESSAGE_BYTES) {
        throw new MillraceError('too-large', `a signalling message may have ${MAX_MESSAGE_BYTES} bytes`);
      }
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
      else if (socket.readyState !== WebSocket.CONNECTING) fail('the socket is closed');
      else if (queue.length >= MAX_QUEUED) fail('too many messages before the socket opened');
      else queue.push(text);
    },
    close() {
      failure ??= new MillraceError('closed');
      release();
    },
  };

  const { signal } = listening;
  socket.addEventListener(
    'open',
    () => {
      clearTimeout(openTimer);
      for (const text of queue.splice(0)) socket.send(text);
    },
    { signal },
  );
  socket.addEventListener(
    'message',
    (event: MessageEvent<unknown>) => {
      if (typeof event.data !== 'string' || event.data.length > MAX_MESSAGE_BYTES) return;
      let message: unknown;
      try {
        message = JSON.parse(event.data);
      } catch {
        return; // The server is not trusted to send JSON.
      }
      signaling.onmessage?.(message);
    },
    { signal },
  );
  socket.addEventListener('error', () => fail('the socket failed'), { signal });
  socket.addEventListener(
    'close',
    (event) => fail(`the socket closed (${event.code}${event.reason ? ` ${event.reason}` : ''})`),
    { signal },
  );
  return signaling;
}
