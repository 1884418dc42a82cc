import type { MillraceError } from '../api/errors.js';
import type { MessageData } from '../api/message_types.js';
import { TaskQueue } from '../base/tasks.js';
import { toLoopEnd } from './loop_end.js';
import { MessageReader } from './message_reader.js';

/** Messages that are acknowledged although nobody has read them yet. Further ones are not, so the other side waits. */
const MAX_UNREAD = 256;
const MAX_UNREAD_BYTES = 1024 * 1024;

interface Entry {
  /** Undefined for a malformed message, which nobody gets. */
  readonly data: MessageData | undefined;
  /** Of its frame. */
  readonly bytes: number;
}

export interface MessageInboxOptions {
  /** Hands a message to the page's listeners. It does not throw. */
  deliver(data: MessageData): void;
  /** So many messages are taken in all. */
  acknowledge(taken: number): void;
}

/** Messages of the other side on their way to the page. Each waits until the listeners and all loops over `messages()` have it. */
export class MessageInbox {
  readonly #options: MessageInboxOptions;
  /** In order. Messages are numbered from 0; the first entry has the number `#first`. */
  readonly #entries: Entry[] = [];
  #first = 0;
  /** The next message for the listeners; never below `#first`. */
  #next = 0;
  /** Messages below this are taken: acknowledged, or about to be. Never below `#first`. */
  #taken = 0;
  /** Bytes of the entries that are taken, and of those that are not. */
  #takenBytes = 0;
  #untakenBytes = 0;
  #listens = false;
  readonly #readers = new Set<MessageReader>();
  /** Messages that arrive in a row are acknowledged at once. */
  readonly #acknowledging = new TaskQueue(() => this.#options.acknowledge(this.#taken));
  #end: MillraceError | undefined;

  constructor(options: MessageInboxOptions) {
    this.#options = options;
  }

  /** Messages that are not acknowledged, and their bytes. */
  get untaken(): { readonly count: number; readonly bytes: number } {
    return { count: this.#received - this.#taken, bytes: this.#untakenBytes };
  }

  /** Whether the page has listeners. Messages that wait are delivered after the page's current task. */
  set listens(listens: boolean) {
    if (this.#end) return;
    this.#listens = listens;
    if (listens && this.#entries.length > 0) queueMicrotask(() => this.#handOut());
  }

  add(entry: Entry): void {
    if (this.#end) return;
    this.#entries.push(entry);
    this.#untakenBytes += entry.bytes;
    this.#handOut();
  }

  /** A loop over the messages that wait, and over all further ones. */
  open(): MessageReader {
    const reader = new MessageReader(this.#next, {
      find: (number) => this.#entries[number - this.#first],
      onread: () => this.#forget(),
      onclose: () => {
        this.#readers.delete(reader);
        this.#forget();
      },
    });
    if (this.#end) reader.end(toLoopEnd(this.#end));
    else this.#readers.add(reader);
    return reader;
  }

  /** The session is over. Loops that are open still get the messages that have arrived. */
  end(error: MillraceError): void {
    this.#end = error;
    this.#listens = false;
    this.#acknowledging.close();
    if (this.#readers.size === 0) this.#entries.length = 0;
    for (const reader of this.#readers) reader.end(toLoopEnd(error));
  }

  get #received(): number {
    return this.#first + this.#entries.length;
  }

  #handOut(): void {
    while (this.#listens && this.#next < this.#received) {
      const { data } = this.#entries[this.#next - this.#first]!;
      this.#next += 1;
      if (data !== undefined) this.#options.deliver(data);
    }
    for (const reader of this.#readers) reader.wake();
    this.#forget();
  }

  /** Forgets the messages that everyone has, and takes others in their place. */
  #forget(): void {
    let end = this.#listens || this.#readers.size === 0 ? this.#next : Infinity;
    for (const { position } of this.#readers) end = Math.min(end, position);
    while (this.#first < end) {
      if (this.#first === this.#taken) this.#take();
      this.#takenBytes -= this.#entries.shift()!.bytes;
      this.#first += 1;
    }
    this.#next = Math.max(this.#next, this.#first);
    while (this.#taken < this.#received && this.#taken - this.#first < MAX_UNREAD && this.#takenBytes < MAX_UNREAD_BYTES) this.#take();
  }

  #take(): void {
    const { bytes } = this.#entries[this.#taken - this.#first]!;
    this.#taken += 1;
    this.#takenBytes += bytes;
    this.#untakenBytes -= bytes;
    if (!this.#end) this.#acknowledging.schedule();
  }
}
