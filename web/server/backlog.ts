import type { WebSocket } from 'ws';
import type { Limits } from './limits.js';

/** Memory that a queued message takes beside its own bytes: its header, its buffers and its entry in the queue, bytes. */
const MESSAGE_OVERHEAD = 512;

/**
 * Counts the bytes that sockets were sent but have not taken: per socket, per address and in all. Beyond a limit, `onlate` of the
 * socket with the most of them is called, and has to close its outbox.
 */
export class Backlog {
  readonly #limits: Limits;
  readonly #late = new Set<Outbox>();
  readonly #addresses = new Map<string, number>();
  #total = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Unread bytes of all sockets, with the memory that their messages take beside. */
  get bytes(): number {
    return this.#total;
  }

  open(socket: WebSocket, address: string, onlate: () => void): Outbox {
    return new Outbox(socket, address, onlate, (outbox, change) => this.#change(outbox, change));
  }

  #change(outbox: Outbox, change: number): void {
    const { maxBufferedBytes, maxBufferedBytesPerAddress, maxBufferedBytesInAll } = this.#limits;
    const { address } = outbox;
    if (outbox.unread > 0) this.#late.add(outbox);
    else this.#late.delete(outbox);
    this.#total += change;
    const ofAddress = (this.#addresses.get(address) ?? 0) + change;
    if (ofAddress > 0) this.#addresses.set(address, ofAddress);
    else this.#addresses.delete(address);
    if (change <= 0) return;
    if (outbox.unread > maxBufferedBytes) outbox.onlate();
    while ((this.#addresses.get(address) ?? 0) > maxBufferedBytesPerAddress) this.#latest(address)?.onlate();
    while (this.#total > maxBufferedBytesInAll) this.#latest()?.onlate();
  }

  /** The outbox with the most unread bytes, of one address or of all. */
  #latest(address?: string): Outbox | undefined {
    let found: Outbox | undefined;
    for (const outbox of this.#late) {
      if ((address === undefined || outbox.address === address) && outbox.unread > (found?.unread ?? 0)) found = outbox;
    }
    return found;
  }
}

/** Sends to one socket. */
export class Outbox {
  readonly address: string;
  readonly onlate: () => void;
  readonly #socket: WebSocket;
  readonly #onchange: (outbox: Outbox, change: number) => void;
  readonly #onflushed = (): void => {
    this.#queued -= 1;
    if (this.#unread > 0) this.#count();
  };
  /** Messages that are not yet with the operating system. */
  #queued = 0;
  #unread = 0;
  #isOpen = true;

  constructor(socket: WebSocket, address: string, onlate: () => void, onchange: (outbox: Outbox, change: number) => void) {
    this.#socket = socket;
    this.address = address;
    this.onlate = onlate;
    this.#onchange = onchange;
  }

  /** Unread bytes at the last count. */
  get unread(): number {
    return this.#unread;
  }

  send(text: Buffer): void {
    if (!this.#isOpen || this.#socket.readyState !== this.#socket.OPEN) return;
    this.#queued += 1;
    this.#socket.send(text, { binary: false }, this.#onflushed);
    this.#count();
  }

  /** The socket is no longer counted; its memory goes with it. */
  close(): void {
    this.#isOpen = false;
    this.#set(0);
  }

  #count(): void {
    if (!this.#isOpen) return;
    const bytes = this.#socket.bufferedAmount;
    // A message that the operating system took at once is still reported as queued for a moment.
    this.#set(bytes === 0 ? 0 : bytes + this.#queued * MESSAGE_OVERHEAD);
  }

  #set(unread: number): void {
    const change = unread - this.#unread;
    this.#unread = unread;
    if (change !== 0) this.#onchange(this, change);
  }
}
