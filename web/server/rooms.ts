import { isUtf8 } from 'node:buffer';
import type { WebSocket } from 'ws';
import { closeCodes } from '../signaling/close_codes.js';
import type { Limits } from './limits.js';
import type { Metrics } from './metrics.js';
import { TokenBucket } from './token_bucket.js';

/** The rooms of other servers. */
export interface RoomBridge {
  /** A member may enter soon. Resolves when the members of the other servers are known. */
  open(room: string): Promise<void>;
  /** Known number of members on other servers. */
  elsewhere(room: string): number;
  /** The number of members on this server has changed. 0: the room is no longer needed. */
  changed(room: string, members: number): void;
  forward(room: string, text: Buffer | string): void;
}

export interface Refusal {
  readonly code: number;
  readonly reason: string;
}

/** Events of a member, for the code that let it in. */
export interface MemberListener {
  /** Called once, when it is no longer a member. */
  onleave?(): void;
  /** The member confirmed the other side. Without this listener, that is a message like any other. */
  onmet?(): void;
}

export interface Member {
  readonly socket: WebSocket;
  readonly address: string;
  readonly room: string;
}

interface Entry extends Member {
  readonly listener: MemberListener;
  readonly bucket: TokenBucket;
  readonly joinedAt: number;
  lastSeenAt: number;
}

interface Room {
  readonly members: Set<Entry>;
  /** Limits the messages that come over the bridge: other servers let their senders in. */
  readonly incoming: TokenBucket;
}

const roomIdPattern = /^[A-Za-z0-9_-]{16,64}$/;

/** Sent to the other members when one leaves, for whatever reason: a page that crashed says no goodbye. */
const leftMessage = JSON.stringify({ millrace: 1, type: 'left' });
/** Sent by the page that waits with a short code, once its session is up. */
const metMessage = Buffer.from(JSON.stringify({ millrace: 1, type: 'met' }));

/**
 * Rooms of the signalling server. Each message of a member is forwarded, unread, to the others in the room, and they are told
 * when one leaves. Nothing is stored: a message to an empty room is lost, so pages repeat their greeting until it is answered.
 */
export class Rooms {
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  readonly #bridge: RoomBridge | undefined;
  readonly #rooms = new Map<string, Room>();
  readonly #addresses = new Map<string, number>();
  readonly #sweeper: NodeJS.Timeout;
  #clients = 0;

  constructor(limits: Limits, metrics: Metrics, bridge?: RoomBridge) {
    this.#limits = limits;
    this.#metrics = metrics;
    this.#bridge = bridge;
    this.#sweeper = setInterval(() => this.#sweep(performance.now()), limits.pingIntervalMs);
    this.#sweeper.unref();
  }

  /** Rooms with at least one member. */
  get roomCount(): number {
    return this.#rooms.size;
  }

  get clientCount(): number {
    return this.#clients;
  }

  has(room: string): boolean {
    return this.#rooms.has(room);
  }

  /** Why a socket cannot become a member, or null. `room` null: the room does not exist yet. */
  refusal(room: string | null, address: string): Refusal | null {
    if (room !== null && !roomIdPattern.test(room)) {
      return { code: closeCodes.badRoom, reason: 'room ids are 16 to 64 of A-Z a-z 0-9 _ -' };
    }
    if ((this.#addresses.get(address) ?? 0) >= this.#limits.maxClientsPerAddress) {
      return { code: closeCodes.tooManyFromAddress, reason: 'too many connections from this address' };
    }
    const found = room === null ? undefined : this.#rooms.get(room);
    if (found === undefined && this.#rooms.size >= this.#limits.maxRooms) {
      return { code: closeCodes.serverFull, reason: 'the server has no room left' };
    }
    // A member that said goodbye does not keep out its own next attempt, even while its socket is still closing.
    const present = [...(found?.members ?? [])].filter(({ socket }) => socket.readyState === socket.OPEN).length;
    const elsewhere = room === null ? 0 : (this.#bridge?.elsewhere(room) ?? 0);
    if (present + elsewhere >= this.#limits.maxClientsPerRoom) {
      return { code: closeCodes.roomFull, reason: 'the room is full' };
    }
    return null;
  }

  /** Makes the socket a member; `refusal` has just answered null. */
  join(socket: WebSocket, room: string, address: string, listener: MemberListener = {}): Member {
    const now = performance.now();
    const { messageBurst, messagesPerSecond, maxClientsPerRoom } = this.#limits;
    const member: Entry = {
      socket,
      address,
      room,
      listener,
      bucket: new TokenBucket(messageBurst, messagesPerSecond, now),
      joinedAt: now,
      lastSeenAt: now,
    };
    let found = this.#rooms.get(room);
    if (found === undefined) {
      const others = maxClientsPerRoom - 1;
      found = { members: new Set(), incoming: new TokenBucket(messageBurst * others, messagesPerSecond * others, now) };
      this.#rooms.set(room, found);
    }
    found.members.add(member);
    this.#clients += 1;
    this.#addresses.set(address, (this.#addresses.get(address) ?? 0) + 1);
    this.#bridge?.changed(room, found.members.size);

    socket.on('pong', () => {
      member.lastSeenAt = performance.now();
    });
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#hear(member, data, isBinary));
    socket.on('close', () => this.#leave(member));
    return member;
  }

  /** A message from another server, or from anyone at the broker: it is not trusted. */
  deliver(room: string, text: Buffer): void {
    const found = this.#rooms.get(room);
    if (found === undefined || text.byteLength > this.#limits.maxMessageBytes || !isUtf8(text)) return;
    if (!found.incoming.take(performance.now())) return;
    for (const member of found.members) this.#send(member, text);
  }

  /** Members on another server lost their way to the room with that server. */
  lost(room: string): void {
    for (const { socket } of this.#rooms.get(room)?.members ?? []) if (socket.readyState === socket.OPEN) socket.send(leftMessage);
  }

  /** Removes all members of a room. */
  clear(room: string, code: number, reason: string): void {
    for (const member of [...(this.#rooms.get(room)?.members ?? [])]) this.#expel(member, code, reason);
  }

  close(): void {
    clearInterval(this.#sweeper);
  }

  #leave(member: Entry): void {
    const found = this.#rooms.get(member.room);
    if (found === undefined || !found.members.delete(member)) return;
    this.#clients -= 1;
    if (found.members.size === 0) this.#rooms.delete(member.room);
    for (const { socket } of found.members) if (socket.readyState === socket.OPEN) socket.send(leftMessage);
    this.#bridge?.forward(member.room, leftMessage);
    this.#bridge?.changed(member.room, found.members.size);
    const count = (this.#addresses.get(member.address) ?? 1) - 1;
    if (count === 0) this.#addresses.delete(member.address);
    else this.#addresses.set(member.address, count);
    member.listener.onleave?.();
  }

  /** Removes the member at once and tells it why: a peer that does not leave holds no place in the room. */
  #expel(member: Entry, code: number, reason: string): void {
    this.#metrics.add('millrace_expelled_total', 1, `code="${code}"`);
    this.#leave(member);
    dismiss(member.socket, code, reason);
  }

  #hear(member: Entry, data: Buffer, isBinary: boolean): void {
    const found = this.#rooms.get(member.room);
    // Messages that were on their way when the member was removed are not forwarded.
    if (found === undefined || !found.members.has(member)) return;
    const now = performance.now();
    member.lastSeenAt = now;
    if (isBinary) {
      this.#expel(member, closeCodes.textOnly, 'text messages only');
      return;
    }
    if (!member.bucket.take(now)) {
      this.#expel(member, closeCodes.tooManyMessages, 'too many messages');
      return;
    }
    this.#metrics.add('millrace_messages_total');
    this.#metrics.add('millrace_message_bytes_total', data.byteLength);
    if (member.listener.onmet !== undefined && data.equals(metMessage)) {
      member.listener.onmet();
      return;
    }
    for (const other of found.members) if (other !== member) this.#send(other, data);
    this.#bridge?.forward(member.room, data);
  }

  #send(member: Entry, text: Buffer): void {
    const { socket } = member;
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount + text.byteLength > this.#limits.maxBufferedBytes) {
      this.#expel(member, closeCodes.slowConsumer, 'messages were not taken in time');
      // The close frame would wait behind unread messages.
      socket.terminate();
      return;
    }
    socket.send(text, { binary: false });
  }

  #sweep(now: number): void {
    for (const { members } of this.#rooms.values()) {
      for (const member of members) {
        if (now - member.lastSeenAt > this.#limits.idleMs) this.#expel(member, closeCodes.idle, 'no sign of life');
        else if (now - member.joinedAt > this.#limits.maxLifetimeMs) this.#expel(member, closeCodes.idle, 'connected for too long');
        else member.socket.ping();
      }
    }
  }
}

/** Closes a socket with a reason, without waiting for a peer that does not answer the close frame. */
export function dismiss(socket: WebSocket, code: number, reason: string): void {
  const timer = setTimeout(() => socket.terminate(), 2_000).unref();
  // Otherwise thousands of sockets that left at once would be kept for the timer.
  socket.once('close', () => clearTimeout(timer));
  socket.close(code, reason);
}
