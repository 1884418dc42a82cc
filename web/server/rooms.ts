import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Limits } from './limits.js';

/** Why the server closed a socket. Pages see these (an HTTP status on a refused upgrade they would not). */
export const closeCodes = {
  textOnly: 1003,
  shuttingDown: 1001,
  /** Sent by `ws` itself. */
  messageTooLarge: 1009,
  badRoom: 4400,
  idle: 4408,
  roomFull: 4409,
  slowConsumer: 4413,
  tooManyFromAddress: 4428,
  tooManyMessages: 4429,
  serverFull: 4503,
} as const;

const roomIdPattern = /^[A-Za-z0-9_-]{16,64}$/;

/** To those who stay when somebody leaves, however that came about: a page that crashed says no goodbye. */
const leftMessage = JSON.stringify({ millrace: 1, type: 'left' });

interface Member {
  readonly socket: WebSocket;
  readonly address: string;
  readonly room: string;
  readonly joinedAt: number;
  lastSeenAt: number;
  tokens: number;
  tokensAt: number;
}

/**
 * Rooms of the signalling server: whatever one member of a room says is forwarded, unread, to the others in it, and they are
 * told when one leaves.
 * Nothing is stored: a message to an empty room is gone, so the ends repeat their greeting until it is answered.
 */
export class Rooms {
  readonly #limits: Limits;
  readonly #sockets: WebSocketServer;
  readonly #rooms = new Map<string, Set<Member>>();
  readonly #addresses = new Map<string, number>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: true,
      maxPayload: limits.maxMessageBytes,
      perMessageDeflate: false,
    });
    this.#sweeper = setInterval(() => this.#sweep(performance.now()), limits.pingIntervalMs);
    this.#sweeper.unref();
  }

  /** Rooms with at least one member. */
  get roomCount(): number {
    return this.#rooms.size;
  }

  get clientCount(): number {
    return this.#sockets.clients.size;
  }

  /** Takes over an HTTP upgrade of `/signal?room=ID`. Errors: the socket is closed with one of `closeCodes`. */
  handleUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer, room: string | null): void {
    const address = request.socket.remoteAddress ?? 'unknown';
    // A full server must not spend memory on handshakes either.
    const ceiling = this.#limits.maxRooms * this.#limits.maxClientsPerRoom;
    if (this.clientCount >= ceiling + 100) {
      stream.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.#sockets.handleUpgrade(request, stream, head, (socket) => {
      // Without a listener an 'error' (a bad frame, a reset) would end the process.
      socket.on('error', () => socket.terminate());
      const refusal = this.#refusal(room, address);
      if (refusal !== null) {
        socket.close(refusal.code, refusal.reason);
        // A peer that does not answer the close frame is not waited for.
        setTimeout(() => socket.terminate(), 2_000).unref();
        return;
      }
      this.#join(socket, room as string, address);
    });
  }

  /** Ends every socket. */
  close(): void {
    clearInterval(this.#sweeper);
    for (const socket of this.#sockets.clients) {
      socket.close(closeCodes.shuttingDown, 'the server is shutting down');
      setTimeout(() => socket.terminate(), 500).unref();
    }
    this.#sockets.close();
  }

  #refusal(room: string | null, address: string): { code: number; reason: string } | null {
    if (room === null || !roomIdPattern.test(room)) {
      return { code: closeCodes.badRoom, reason: 'room ids are 16 to 64 of A-Z a-z 0-9 _ -' };
    }
    if ((this.#addresses.get(address) ?? 0) >= this.#limits.maxClientsPerAddress) {
      return { code: closeCodes.tooManyFromAddress, reason: 'too many connections from this address' };
    }
    const members = this.#rooms.get(room);
    if (members === undefined && this.#rooms.size >= this.#limits.maxRooms) {
      return { code: closeCodes.serverFull, reason: 'the server has no room left' };
    }
    // One that said goodbye, but whose socket is not quite gone, does not keep its next attempt out.
    const present = [...(members ?? [])].filter(({ socket }) => socket.readyState === socket.OPEN).length;
    if (present >= this.#limits.maxClientsPerRoom) {
      return { code: closeCodes.roomFull, reason: 'the room is full' };
    }
    return null;
  }

  #join(socket: WebSocket, room: string, address: string): void {
    const now = performance.now();
    const member: Member = {
      socket,
      address,
      room,
      joinedAt: now,
      lastSeenAt: now,
      tokens: this.#limits.messageBurst,
      tokensAt: now,
    };
    const members = this.#rooms.get(room) ?? new Set<Member>();
    members.add(member);
    this.#rooms.set(room, members);
    this.#addresses.set(address, (this.#addresses.get(address) ?? 0) + 1);

    socket.on('pong', () => {
      member.lastSeenAt = performance.now();
    });
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#forward(member, data, isBinary));
    socket.on('close', () => this.#leave(member));
  }

  #leave(member: Member): void {
    const members = this.#rooms.get(member.room);
    if (members === undefined || !members.delete(member)) return;
    if (members.size === 0) this.#rooms.delete(member.room);
    for (const { socket } of members) if (socket.readyState === socket.OPEN) socket.send(leftMessage);
    const count = (this.#addresses.get(member.address) ?? 1) - 1;
    if (count === 0) this.#addresses.delete(member.address);
    else this.#addresses.set(member.address, count);
  }

  /** Says why and is rid of the member at once: a place in a room is not held by a peer that will not go. */
  #expel(member: Member, code: number, reason: string): void {
    this.#leave(member);
    member.socket.close(code, reason);
    setTimeout(() => member.socket.terminate(), 2_000).unref();
  }

  #forward(member: Member, data: Buffer, isBinary: boolean): void {
    const members = this.#rooms.get(member.room);
    // Frames that were on the way when the member was expelled are not forwarded.
    if (members === undefined || !members.has(member)) return;
    const now = performance.now();
    member.lastSeenAt = now;
    if (isBinary) {
      this.#expel(member, closeCodes.textOnly, 'text messages only');
      return;
    }
    if (!this.#takeToken(member, now)) {
      this.#expel(member, closeCodes.tooManyMessages, 'too many messages');
      return;
    }
    for (const other of members) {
      if (other === member || other.socket.readyState !== other.socket.OPEN) continue;
      if (other.socket.bufferedAmount + data.byteLength > this.#limits.maxBufferedBytes) {
        this.#expel(other, closeCodes.slowConsumer, 'messages were not taken in time');
        // The close frame would wait behind what is not being read.
        other.socket.terminate();
        continue;
      }
      other.socket.send(data, { binary: false });
    }
  }

  #takeToken(member: Member, now: number): boolean {
    const earned = ((now - member.tokensAt) / 1000) * this.#limits.messagesPerSecond;
    member.tokens = Math.min(this.#limits.messageBurst, member.tokens + earned);
    member.tokensAt = now;
    if (member.tokens < 1) return false;
    member.tokens -= 1;
    return true;
  }

  #sweep(now: number): void {
    for (const members of this.#rooms.values()) {
      for (const member of members) {
        if (now - member.lastSeenAt > this.#limits.idleMs) {
          this.#expel(member, closeCodes.idle, 'no sign of life');
        } else if (now - member.joinedAt > this.#limits.maxLifetimeMs) {
          this.#expel(member, closeCodes.idle, 'connected for too long');
        } else {
          member.socket.ping();
        }
      }
    }
  }
}
