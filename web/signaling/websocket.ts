import { MillraceError } from '../api/errors.js';
import type { Signaling } from '../api/options.js';
import { abortSignal, checkOptions, number, shape, type OptionsOf } from '../api/shape.js';
import { randomBase64Url } from '../base/ids.js';
import { onAborted } from './abort.js';
import { CarriedSignaling, type Wire, type WireListener } from './carried.js';
import { closeCodes } from './close_codes.js';
import { IceRequest } from './ice_request.js';
import { metMessage, serverTexts } from './server_texts.js';

const MEMBER = /^[A-Za-z0-9_-]{16,64}$/;

const shapes = {
  /** Sub-protocols that the server expects. */
  protocols: shape<string | string[]>('a string, or an array of strings', areTexts),
  /** Time for the socket to open, ms; default 15,000. */
  openTimeout: number({ least: 1, unit: 'ms' }),
  /**
   * The name under which Millrace's server knows this page: 16 to 64 of `A-Z a-z 0-9 _ -`. A page that returns under its name gets
   * its own place in the room back, even if its earlier socket still seems to be there. Anyone who knows the name can take the
   * place, so it must be secret; the server does not reveal it to the other members. Default: random, for the life of this object.
   */
  member: shape<string>('16 to 64 characters of A-Z a-z 0-9 _ -', (value) => typeof value === 'string' && MEMBER.test(value)),
  /** Closes the socket for good: `place`, and a `connect` that waits for the other side, reject with 'aborted'. */
  signal: abortSignal(),
};

/** Options for the socket. */
export interface WebSocketSignalingOptions extends OptionsOf<typeof shapes> {}

function areTexts(value: unknown): boolean {
  return [value].flat().every((each) => typeof each === 'string');
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
   * 'signaling-failed' if the server does not or the signalling is closed before, and with 'aborted'.
   */
  readonly place: Promise<Place>;
  /** The code with which the server closed the last socket (`closeCodes`); undefined while no socket was closed, and from `reopen` on. */
  readonly closeCode: number | undefined;
  /**
   * The STUN and TURN servers of Millrace's signalling server, with credentials for this page: `connect({ signaling, rtc: () =>
   * signaling.iceServers() })`. Credentials expire, and a function is asked again for each connection.
   * While the server gives no answer (within 2 s, or because the socket failed or closed) this resolves with the last answer;
   * before the first answer, with an empty list. Never rejects. A server that only forwards messages does not answer; other members of a room at such a server
   * could, so use this method with Millrace's server only.
   */
  iceServers(): Promise<RTCConfiguration>;
}

/**
 * Signalling over a WebSocket server that forwards each text message to the other members of a room. The URL names the
 * room: `wss://host/signal?room=ID`. With Millrace's own server it may also ask for a room with a short code
 * (`?nameplate=new`), or name the number of a code (`?nameplate=7`). To such a URL, `&member=…` is added. Messages wait until the
 * socket is open. A socket that looks open and carries nothing is replaced within 22 s, and within 1 to 2 s when it is needed.
 * Errors: throws 'invalid-argument' for an invalid address or `member`. A socket that does not open, fails or closes makes a pending `connect` reject with 'signaling-failed'; a message
 * over 64 KiB throws 'too-large'. A connected session needs the socket only when its connection breaks, and then opens it
 * again.
 */
export function webSocketSignaling(url: string | URL, options: WebSocketSignalingOptions = {}): WebSocketSignaling {
  return new SocketSignaling(url, checkOptions(options, shapes));
}

class SocketSignaling extends CarriedSignaling implements WebSocketSignaling {
  readonly place: Promise<Place>;
  readonly #state: SocketState;
  readonly #ice: IceRequest;
  #isClosed = false;
  #stopListening: (() => void) | undefined;

  constructor(url: string | URL, options: WebSocketSignalingOptions) {
    const ice = new IceRequest((message) => this.send(message));
    const state = new SocketState(url, options, ice);
    super((listener) => state.open(listener), options.openTimeout ?? 15_000);
    this.#state = state;
    this.#ice = ice;
    this.place = state.place;
    this.#stopListening = onAborted(options.signal, (error) => {
      state.giveUp(error);
      this.tellFailure(error);
      this.close();
    });
  }

  get closeCode(): number | undefined {
    return this.#state.closeCode;
  }

  iceServers(): Promise<RTCConfiguration> {
    return this.#isClosed || this.hasFailed ? Promise.resolve(this.#ice.known) : this.#ice.ask();
  }

  override close(): void {
    this.#isClosed = true;
    this.#stopListening?.();
    this.#state.giveUp(new MillraceError('signaling-failed', 'the signalling was closed before the server gave a place'));
    super.close();
  }

  established(): void {
    // Only for the server, which then gives the guest of this code further attempts.
    if (this.#state.isOwner) this.send(metMessage);
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
  readonly #ice: IceRequest;
  #resolve!: (place: Place) => void;
  #reject!: (error: MillraceError) => void;

  /** Errors: throws 'invalid-argument' for an invalid address or name. */
  constructor(url: string | URL, { protocols, member }: WebSocketSignalingOptions, ice: IceRequest) {
    this.#url = socketUrl(url);
    this.#protocols = protocols;
    this.#ice = ice;
    this.#enterAs(member ?? newMember());
    const nameplate = this.#url.searchParams.get('nameplate');
    this.isOwner = nameplate === 'new' || (nameplate !== null && this.#url.searchParams.has('room'));
    this.place = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Most pages do not await it.
    this.place.catch(() => {});
  }

  /** Nobody opens a socket any more. */
  giveUp(error: MillraceError): void {
    this.#reject(error);
  }

  open(listener: WireListener): Wire {
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.#url, this.#protocols);
    } catch (caught) {
      throw MillraceError.from(caught, 'invalid-argument');
    }
    this.closeCode = undefined;
    const listening = new AbortController();
    const { signal } = listening;
    // If the server was asked for a room, it sends the first message itself; later ones may come from any member.
    let expectsPlace = this.#url.searchParams.has('nameplate');
    // A server that greets this page answers its probes. Others only forward.
    let answersProbes = false;
    const fail = (detail: string): void => {
      this.#reject(new MillraceError('signaling-failed', detail));
      listener.failed(detail);
    };
    const enter = (): void => {
      listener.opened();
      this.#ice.opened();
    };
    const hear = (data: unknown): void => {
      if (expectsPlace) {
        expectsPlace = false;
        this.#settle(data);
        enter();
      } else if (data === serverTexts.alive) {
        answersProbes = true;
        listener.answered();
      } else if (!this.#ice.take(data)) {
        listener.heard(data);
      }
    };
    // A page that asked for a room is in it when the server has sent it.
    if (!expectsPlace) socket.addEventListener('open', enter, { signal });
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => hear(data), { signal });
    // Browsers do not say why; other sockets do.
    socket.addEventListener(
      'error',
      (event) => fail(`the socket failed${'message' in event && typeof event.message === 'string' && event.message ? `: ${event.message}` : ''}`),
      { signal },
    );
    socket.addEventListener(
      'close',
      ({ code, reason }) => {
        this.closeCode = code;
        // Another page uses the same name and is in its place. Under new names, the two do not expel each other for ever.
        if (code === closeCodes.replaced) this.#enterAs(newMember());
        fail(`the socket closed (${code}${reason ? ` ${reason}` : ''})`);
      },
      { signal },
    );
    // A server that refuses closes right after the opening: messages that it will not read are not sent, and `close` has the reason.
    const send = (text: string): void => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    };
    return {
      send,
      close: () => {
        listening.abort();
        socket.close();
        this.#ice.closed();
        this.#reject(new MillraceError('signaling-failed', 'the server did not send a room'));
      },
      probe: () => {
        if (answersProbes) send(serverTexts.probe);
        return answersProbes;
      },
    };
  }

  /** Only addresses of the form that Millrace's server has get the name: others may be signed as a whole. */
  #enterAs(member: string): void {
    const { searchParams } = this.#url;
    if (searchParams.has('room') || searchParams.has('nameplate')) searchParams.set('member', member);
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

/** 128 random bits. */
function newMember(): string {
  return randomBase64Url(16);
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
