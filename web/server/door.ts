import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { closeCodes } from '../signaling/close_codes.js';
import type { Desk, Place } from './desk.js';
import type { IceOffice } from './ice.js';
import type { Limits } from './limits.js';
import type { Metrics } from './metrics.js';
import { isOriginAllowed } from './origins.js';
import { dismiss, nameOf, type MemberListener, type Refusal, type RoomBridge, type Rooms } from './rooms.js';

export interface DoorOptions {
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly rooms: Rooms;
  readonly desk: Desk;
  readonly ice: IceOffice;
  /** See `isOriginAllowed`. */
  readonly allowedOrigins: readonly string[];
  readonly trustedProxies: number;
  readonly bridge?: RoomBridge | undefined;
}

const nameplatePattern = /^[1-9][0-9]{0,6}$/;
const foreignPage: Refusal = { code: closeCodes.originNotAllowed, reason: 'pages of this origin are not allowed here' };
const sizePattern = /^[1-9][0-9]{0,2}$/;
/** Sockets beyond those in rooms: they have just come, or are being refused. */
const MOST_OTHERS = 100;

/**
 * Lets sockets into rooms. `/signal` takes
 * - `room=ID`: that room; with `size=N`, a new room is for N members;
 * - `nameplate=new`: a new room, and the nameplate of a short code that leads to it; the first message names both;
 * - `nameplate=N&room=ID`: the same room and nameplate again, after the socket broke;
 * - `nameplate=N`: the room behind the nameplate of a short code; the first message names it.
 *
 * `member=NAME` beside any of these: the socket takes the place of an earlier one with this name, and is greeted when it is in.
 */
export class Door {
  readonly #options: DoorOptions;
  readonly #sockets: WebSocketServer;
  readonly #owners = new Map<string, object>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: true,
      maxPayload: options.limits.maxMessageBytes,
      // Each piece of an unfinished message takes memory beside its bytes. Browsers send a message as one fragment.
      maxFragments: 64,
      maxBufferedChunks: 1024,
      perMessageDeflate: false,
    });
    this.#sweeper = setInterval(() => this.#sweep(), options.limits.pingIntervalMs);
    this.#sweeper.unref();
  }

  /** Takes over an HTTP upgrade from `address`. Errors: the socket is closed with one of `closeCodes`. */
  handleUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer, query: URLSearchParams, address: string): void {
    // A full server must not spend memory on handshakes either.
    const { maxRooms, maxClientsPerRoom } = this.#options.limits;
    if (this.#sockets.clients.size >= maxRooms * maxClientsPerRoom + MOST_OTHERS) {
      stream.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.#sockets.handleUpgrade(request, stream, head, (socket) => {
      // Without a listener an 'error' (a bad frame, a reset) would end the process.
      socket.on('error', () => socket.terminate());
      // Messages that arrive before it is a member wait in the socket.
      socket.pause();
      const { allowedOrigins, trustedProxies } = this.#options;
      const admitted = isOriginAllowed(request, allowedOrigins, trustedProxies) ? this.#admit(socket, query, address) : Promise.resolve(foreignPage);
      void admitted
        .catch((): Refusal => ({ code: 1011, reason: 'the server failed' }))
        .then((refusal) => {
          socket.resume();
          if (refusal === null) return;
          this.#options.metrics.add('millrace_refused_total', 1, `code="${refusal.code}"`);
          dismiss(socket, refusal.code, refusal.reason);
        });
    });
  }

  /** Ends every socket; resolves when all are gone. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    for (const socket of this.#sockets.clients) {
      socket.close(closeCodes.shuttingDown, 'the server is shutting down');
      setTimeout(() => socket.terminate(), 500).unref();
    }
    await new Promise<void>((resolve) => this.#sockets.close(() => resolve()));
  }

  async #admit(socket: WebSocket, query: URLSearchParams, address: string): Promise<Refusal | null> {
    const { rooms, desk } = this.#options;
    const [room, nameplate] = [query.get('room'), query.get('nameplate')];
    const name = nameOf(query.get('member'));
    const size = query.get('size') ?? '';
    if (nameplate === null) return this.#enter(socket, room ?? '', address, name, {}, undefined, sizePattern.test(size) ? Number(size) : 0);

    if (nameplate !== 'new' && !nameplatePattern.test(nameplate)) {
      return { code: closeCodes.noSuchNameplate, reason: 'no such code is waiting' };
    }
    // A client that cannot get in uses up no numbers, and learns nothing about them.
    const early = rooms.refusal(room, address, name);
    if (early !== null) return early;
    const number = Number(nameplate);
    const isOwner = nameplate === 'new' || room !== null;
    const place = await (nameplate === 'new'
      ? desk.open(address)
      : room === null
        ? desk.take(number, address, name)
        : desk.reopen(room, number, address));
    if ('code' in place) return place;
    const refusal = await this.#enter(socket, place.room, address, name, isOwner ? this.#own(place) : {}, place);
    if (refusal !== null && isOwner) this.#disown(place.room);
    return refusal;
  }

  async #enter(
    socket: WebSocket,
    room: string,
    address: string,
    name: string | undefined,
    listener: MemberListener,
    place?: Place,
    size = 0,
  ): Promise<Refusal | null> {
    const { rooms, bridge, ice } = this.#options;
    let refusal = rooms.refusal(room, address, name, size);
    // A room that is full may hold an earlier place of this member at another server.
    const mayReturn = name !== undefined && refusal?.code === closeCodes.roomFull;
    if (bridge !== undefined && (refusal === null || mayReturn)) {
      await bridge.open(room, name);
      refusal = rooms.refusal(room, address, name, size);
      // It may have left in the meantime.
      if (refusal === null && socket.readyState !== socket.OPEN) refusal = { code: closeCodes.idle, reason: 'gone' };
      if (refusal !== null && !rooms.has(room)) bridge.changed(room, 0);
    }
    if (refusal !== null) return refusal;
    if (place !== undefined) socket.send(JSON.stringify({ millrace: 1, type: 'room', room: place.room, nameplate: place.nameplate }));
    rooms.join(socket, room, address, { ...listener, onrequest: (message) => ice.answerMember(message, address) }, name, size);
    return null;
  }

  /** The page that waits with a code: when it leaves, the code ends, unless the page has come back in the meantime. */
  #own({ room }: Place): MemberListener {
    const listener: MemberListener = {
      onmet: () => this.#options.desk.nameplates.met(room, performance.now()),
      onleave: () => {
        if (this.#owners.get(room) === listener) this.#disown(room);
      },
    };
    this.#owners.set(room, listener);
    return listener;
  }

  #disown(room: string): void {
    this.#owners.delete(room);
    this.#options.desk.nameplates.ownerLeft(room, performance.now());
  }

  #sweep(): void {
    for (const room of this.#options.desk.sweep(performance.now())) {
      this.#options.rooms.clear(room, closeCodes.expired, 'nobody came with this code');
    }
  }
}
