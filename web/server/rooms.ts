import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { WebSocket } from 'ws';
import { closeCodes } from '../signaling/close_codes.js';
import { serverTexts } from '../signaling/server_texts.js';
import { Backlog, type Outbox } from './backlog.js';
import type { Limits } from './limits.js';
import type { Metrics } from './metrics.js';
import { socketAllowance, Traffic, type Allowance } from './traffic.js';

/** The rooms of other servers. */
export interface RoomBridge {
  /**
   * A member may enter soon; `name`: see `Member.name`. Other servers give up its earlier place. Resolves when their members are
   * known.
   */
  open(room: string, name: string | undefined): Promise<void>;
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
  /** Answers a message that is meant for the server. Null: the message is for the other members. */
  onrequest?(message: Buffer): string | null;
}

export interface Member {
  readonly socket: WebSocket;
  readonly address: string;
  readonly room: string;
  /** `nameOf` what the member calls itself; undefined for a member without a name. */
  readonly name: string | undefined;
}

interface Entry extends Member {
  readonly listener: MemberListener;
  readonly allowance: Allowance;
  readonly outbox: Outbox;
  readonly joinedAt: number;
  lastSeenAt: number;
  /** The socket is not read until then. */
  waiting?: NodeJS.Timeout;
}

interface Room {
  readonly members: Set<Entry>;
  /** Members that may be in it. */
  readonly size: number;
  /** Limits the messages that come over the bridge: other servers let their senders in. */
  readonly incoming: Allowance;
}

/** Of room ids, and of the names of members. */
const idPattern = /^[A-Za-z0-9_-]{16,64}$/;

const leftMessage = Buffer.from(serverTexts.left);
const metMessage = Buffer.from(serverTexts.met);
const probeMessage = Buffer.from(serverTexts.probe);
const aliveMessage = Buffer.from(serverTexts.alive);

/**
 * Rooms of the signalling server. Each message of a member is forwarded, unread, to the others in the room, and they are told
 * when one leaves. Nothing is stored: a message to an empty room is lost, and newcomers greet those who are there.
 *
 * A member may have a name, which only it and the server know. A socket under the same name replaces it at once: the network of a
 * page may change without a goodbye, and its earlier socket would keep the room full until it times out.
 */
export class Rooms {
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  readonly #bridge: RoomBridge | undefined;
  readonly #rooms = new Map<string, Room>();
  readonly #addresses = new Map<string, number>();
  readonly #traffic: Traffic;
  readonly #backlog: Backlog;
  readonly #sweeper: NodeJS.Timeout;
  #clients = 0;

  constructor(limits: Limits, metrics: Metrics, bridge?: RoomBridge) {
    this.#limits = limits;
    this.#metrics = metrics;
    this.#bridge = bridge;
    this.#traffic = new Traffic(limits, performance.now());
    this.#backlog = new Backlog(limits);
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

  /** Bytes that members have not taken yet. */
  get unreadBytes(): number {
    return this.#backlog.bytes;
  }

  has(room: string): boolean {
    return this.#rooms.has(room);
  }

  /**
   * Why a socket cannot become a member, or null. `room` null: the room does not exist yet. `name`: see `Member`; `size`: how many
   * members it asks for, see `join`.
   */
  refusal(room: string | null, address: string, name?: string, size = 0): Refusal | null {
    if (room !== null && !idPattern.test(room)) {
      return { code: closeCodes.badRoom, reason: 'room ids are 16 to 64 of A-Z a-z 0-9 _ -' };
    }
    const found = room === null ? undefined : this.#rooms.get(room);
    const replaced = found && memberCalled(name, found);
    if (this.#countOf(address) - Number(replaced?.address === address) >= this.#limits.maxClientsPerAddress) {
      return { code: closeCodes.tooManyFromAddress, reason: 'too many connections from this address' };
    }
    if (found === undefined && this.#rooms.size >= this.#limits.maxRooms) {
      return { code: closeCodes.serverFull, reason: 'the server has no room left' };
    }
    // A member that said goodbye does not keep out its own next attempt, even while its socket is still closing.
    const present = [...(found?.members ?? [])].filter((member) => member.socket.readyState === member.socket.OPEN && member !== replaced).length;
    const elsewhere = room === null ? 0 : (this.#bridge?.elsewhere(room) ?? 0);
    if (present + elsewhere >= (found?.size ?? this.#sizeFor(size))) {
      return { code: closeCodes.roomFull, reason: 'the room is full' };
    }
    return null;
  }

  /**
   * Makes the socket a member, in place of an existing one with the same name. Call it only if `refusal` returns null. `size`: how many
   * members the room is meant for, if this is its first one: `maxClientsPerRoom` count at least, and `maxRoomSize` at most.
   */
  join(socket: WebSocket, room: string, address: string, listener: MemberListener = {}, name?: string, size = 0): Member {
    const now = performance.now();
    const member: Entry = {
      socket,
      address,
      room,
      name,
      listener,
      allowance: socketAllowance(this.#limits, now),
      outbox: this.#backlog.open(socket, address, () => this.#expelLate(member)),
      joinedAt: now,
      lastSeenAt: now,
    };
    let found = this.#rooms.get(room);
    if (found === undefined) {
      const most = this.#sizeFor(size);
      found = { members: new Set(), size: most, incoming: socketAllowance(this.#limits, now, most - 1) };
      this.#rooms.set(room, found);
    }
    const replaced = memberCalled(name, found);
    found.members.add(member);
    this.#clients += 1;
    this.#addresses.set(address, this.#countOf(address) + 1);
    // After it has joined, so that the room does not end in between.
    if (replaced !== undefined) this.#replace(replaced, member);
    this.#bridge?.changed(room, found.members.size);

    socket.on('ping', (data: Buffer) => this.#isWelcome(member, data.byteLength, 1));
    socket.on('pong', (data: Buffer) => this.#isWelcome(member, data.byteLength, 1));
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#hear(member, data, isBinary));
    socket.on('close', () => this.#leave(member));
    if (name !== undefined) member.outbox.send(aliveMessage);
    return member;
  }

  /** The member with this name has come back at another server. */
  giveUp(room: string, name: string): void {
    const found = this.#rooms.get(room);
    const member = found && memberCalled(name, found);
    if (member !== undefined) this.#replace(member);
  }

  /** A message from another server, or from anyone at the broker: it is not trusted. */
  deliver(room: string, text: Buffer): void {
    const found = this.#rooms.get(room);
    if (found === undefined || text.byteLength > this.#limits.maxMessageBytes || !isUtf8(text)) return;
    if (!found.incoming.take(performance.now(), text.byteLength)) return;
    for (const { outbox } of found.members) outbox.send(text);
  }

  /** Members on another server lost their way to the room with that server. */
  lost(room: string): void {
    for (const { outbox } of this.#rooms.get(room)?.members ?? []) outbox.send(leftMessage);
  }

  /** Removes all members of a room. */
  clear(room: string, code: number, reason: string): void {
    for (const member of [...(this.#rooms.get(room)?.members ?? [])]) this.#expel(member, code, reason);
  }

  close(): void {
    clearInterval(this.#sweeper);
  }

  #countOf(address: string): number {
    return this.#addresses.get(address) ?? 0;
  }

  #sizeFor(asked: number): number {
    const { maxClientsPerRoom, maxRoomSize } = this.#limits;
    return Math.max(maxClientsPerRoom, Math.min(asked, maxRoomSize));
  }

  /** `successor`: is not told that somebody left, because it is the same page. */
  #leave(member: Entry, successor?: Entry): void {
    const found = this.#rooms.get(member.room);
    if (found === undefined || !found.members.delete(member)) return;
    this.#clients -= 1;
    member.outbox.close();
    if (found.members.size === 0) this.#rooms.delete(member.room);
    for (const other of found.members) if (other !== successor) other.outbox.send(leftMessage);
    this.#bridge?.forward(member.room, leftMessage);
    this.#bridge?.changed(member.room, found.members.size);
    const count = this.#countOf(member.address) - 1;
    if (count <= 0) this.#addresses.delete(member.address);
    else this.#addresses.set(member.address, count);
    member.listener.onleave?.();
  }

  #replace(member: Entry, successor?: Entry): void {
    this.#metrics.add('millrace_replaced_total');
    this.#leave(member, successor);
    dismiss(member.socket, closeCodes.replaced, 'this member has come back on another socket');
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
    if (isBinary) {
      this.#expel(member, closeCodes.textOnly, 'text messages only');
      return;
    }
    if (!this.#isWelcome(member, data.byteLength, found.members.size - 1)) return;
    if (data.equals(probeMessage)) {
      member.outbox.send(aliveMessage);
      return;
    }
    this.#metrics.add('millrace_messages_total');
    this.#metrics.add('millrace_message_bytes_total', data.byteLength);
    if (member.listener.onmet !== undefined && data.equals(metMessage)) {
      member.listener.onmet();
      return;
    }
    const answer = member.listener.onrequest?.(data) ?? null;
    if (answer !== null) {
      member.outbox.send(Buffer.from(answer));
      return;
    }
    for (const other of found.members) if (other !== member) other.outbox.send(data);
    this.#bridge?.forward(member.room, data);
  }

  /** Counts what a member sent: a message that is forwarded `copies` times, a ping or a pong. False: it was removed for it. */
  #isWelcome(member: Entry, bytes: number, copies: number): boolean {
    if (this.#rooms.get(member.room)?.members.has(member) !== true) return false;
    const now = performance.now();
    member.lastSeenAt = now;
    const waitMs = this.#traffic.spend(member.allowance, member.address, now, bytes, Math.max(1, copies));
    if (waitMs === undefined) {
      this.#expel(member, closeCodes.tooManyMessages, 'too many messages');
      return false;
    }
    if (waitMs > 0) {
      member.socket.pause();
      // Several messages may arrive at once; the debt of the last one counts.
      clearTimeout(member.waiting);
      member.waiting = setTimeout(() => member.socket.resume(), waitMs).unref();
    }
    return true;
  }

  /** A member that does not read: its memory is needed at once, and the close frame would wait behind its unread messages. */
  #expelLate(member: Entry): void {
    this.#expel(member, closeCodes.slowConsumer, 'messages were not taken in time');
    member.socket.terminate();
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

/**
 * The name of a member as this server keeps it and tells other servers: a digest, so that nobody who sees it can take the member's
 * place. Undefined for a text that is not a name: a name that can be guessed is worse than none.
 */
export function nameOf(text: string | null): string | undefined {
  return text !== null && idPattern.test(text) ? createHash('sha256').update(text).digest('base64url') : undefined;
}

function memberCalled(name: string | undefined, { members }: Room): Entry | undefined {
  if (name === undefined) return undefined;
  for (const member of members) if (member.name === name) return member;
  return undefined;
}

/** Closes a socket with a reason, without waiting for a peer that does not answer the close frame. */
export function dismiss(socket: WebSocket, code: number, reason: string): void {
  const timer = setTimeout(() => socket.terminate(), 2_000).unref();
  // Otherwise thousands of sockets that left at once would be kept for the timer.
  socket.once('close', () => clearTimeout(timer));
  socket.close(code, reason);
}
