import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { CarriedSignaling, type Wire, type WireListener } from './carried.js';

/** Options for the socket. */
export interface WebSocketSignalingOptions {
  /** Sub-protocols that the server expects. */
  protocols?: string | string[];
  /** Time for the socket to open, ms; default 15,000. */
  openTimeout?: number;
}

/** The room that the server gave to this page. */
export interface Place {
  /** 16 to 64 of A-Z a-z 0-9 _ -. */
  readonly room: string;
  /** The number of the short code that leads here. */
  readonly nameplate: number;
}

/** The signalling that `webSocketSignaling` returns. */
export interface WebSocketSignaling extends Signaling {
  /**
   * With `nameplate` in the URL: resolves when the server has sent the number and the room. Errors: rejects with
   * 'signaling-failed' if the server does not.
   */
  readonly place: Promise<Place>;
  /** The code with which the server closed the socket (`closeCodes`). */
  readonly closeCode: number | undefined;
}

/**
 * Signalling over a WebSocket server that forwards each text message to the other members of a room. The URL names the
 * room: `wss://host/signal?room=ID`. With Millrace's own server it may also ask for a room with a short code
 * (`?nameplate=new`), or name the number of a code (`?nameplate=7`). Messages wait until the socket is open.
 * Errors: a socket that does not open, fails or closes makes a pending `connect` reject with 'signaling-failed'; a message
 * over 64 KiB throws 'too-large'. A connected session needs the socket only when its connection breaks, and then opens it
 * again.
 */
export function webSocketSignaling(url: string | URL, options: WebSocketSignalingOptions = {}): WebSocketSignaling {
  return new SocketSignaling(url, options);
}

class SocketSignaling extends CarriedSignaling implements WebSocketSignaling {
  readonly place: Promise<Place>;
  readonly #state: SocketState;

  constructor(url: string | URL, options: WebSocketSignalingOptions) {
    const state = new SocketState(url, options.protocols);
    super((listener) => state.open(listener), options.openTimeout ?? 15_000);
    this.#state = state;
    this.place = state.place;
  }

  get closeCode(): number | undefined {
    return this.#state.closeCode;
  }

  established(): void {
    // Only for the server, which then gives the guest of this code further attempts.
    if (this.#state.isOwner) this.send({ millrace: 1, type: 'met' });
  }
}

/** State that outlives a socket. */
class SocketState {
  readonly place: Promise<Place>;
  /** Whether this side waits with a short code. */
  readonly isOwner: boolean;
  closeCode: number | undefined;
  readonly #url: URL;
  readonly #protocols: string | string[] | undefined;
  #resolve!: (place: Place) => void;
  #reject!: (error: MillraceError) => void;

  constructor(url: string | URL, protocols: string | string[] | undefined) {
    this.#url = socketUrl(url);
    this.#protocols = protocols;
    const nameplate = this.#url.searchParams.get('nameplate');
    this.isOwner = nameplate === 'new' || (nameplate !== null && this.#url.searchParams.has('room'));
    this.place = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Most pages do not await it.
    this.place.catch(() => {});
  }

  open(listener: WireListener): Wire {
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.#url, this.#protocols);
    } catch (caught) {
      throw MillraceError.from(caught, 'invalid-argument');
    }
    const listening = new AbortController();
    const { signal } = listening;
    // If the server was asked for a room, it sends the first message itself; later ones may come from any member.
    let expectsPlace = this.#url.searchParams.has('nameplate');
    const fail = (detail: string): void => {
      this.#reject(new MillraceError('signaling-failed', detail));
      listener.failed(detail);
    };
    socket.addEventListener('open', () => listener.opened(), { signal });
    socket.addEventListener(
      'message',
      ({ data }: MessageEvent<unknown>) => {
        if (expectsPlace) this.#settle(data);
        else listener.heard(data);
        expectsPlace = false;
      },
      { signal },
    );
    socket.addEventListener('error', () => fail('the socket failed'), { signal });
    socket.addEventListener(
      'close',
      ({ code, reason }) => {
        this.closeCode = code;
        fail(`the socket closed (${code}${reason ? ` ${reason}` : ''})`);
      },
      { signal },
    );
    return {
      // A server that refuses closes right after the opening: messages that it will not read are not sent, and `close` has the reason.
      send: (text) => {
        if (socket.readyState === WebSocket.OPEN) socket.send(text);
      },
      close: () => {
        listening.abort();
        socket.close();
        this.#reject(new MillraceError('signaling-failed', 'the server did not send a room'));
      },
    };
  }

  #settle(data: unknown): void {
    const place = parsePlace(data);
    if (place === undefined) return;
    // A code leads to the room once; a page that returns uses the name of the room.
    this.#url.searchParams.set('room', place.room);
    this.#url.searchParams.delete('nameplate');
    this.#resolve(place);
  }
}

/** Errors: throws 'invalid-argument' for an invalid address. */
function socketUrl(address: string | URL): URL {
  try {
    const url = new URL(address, globalThis.location?.href);
    url.protocol = url.protocol.replace('http', 'ws');
    return url;
  } catch (caught) {
    throw MillraceError.from(caught, 'invalid-argument');
  }
}

function parsePlace(data: unknown): Place | undefined {
  if (typeof data !== 'string' || data.length > 1024) return undefined;
  try {
    const { room, nameplate } = JSON.parse(data) as Record<string, unknown>;
    if (typeof room !== 'string' || typeof nameplate !== 'number' || !Number.isSafeInteger(nameplate)) return undefined;
    return { room, nameplate };
  } catch {
    return undefined;
  }
}
