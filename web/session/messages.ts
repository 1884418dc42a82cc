import { MillraceError } from '../api/errors.js';
import {
  messageShapes,
  requestShapes,
  type MessageData,
  type PeerMessageOptions,
  type RequestHandler,
  type RequestOptions,
} from '../api/message_types.js';
import { checkOptions, isFunction } from '../api/shape.js';
import type { Peer } from '../api/types.js';
import { deferred, type Deferred } from '../base/deferred.js';
import { callListener } from '../base/report_exception.js';
import type { EnginePort } from '../engine/port.js';
import { batchFrame, decodeFrame, messageFrame, type Frame } from './message_frames.js';
import { MessageInbox } from './message_inbox.js';
import { MAX_PENDING, MAX_PENDING_BYTES, MessageSender } from './message_sender.js';
import { Requests } from './requests.js';

export interface MessagesOptions {
  readonly port: EnginePort;
  /** Dispatches the event 'message'. */
  fire(event: MessageEvent<MessageData>): void;
  /** A batch of the mesh. */
  onbatch(batch: Uint8Array): void;
  /** Something of the other side was dropped. */
  ondropped(what: string): void;
  /** The other side broke the rules: the session has to end. */
  onviolation(detail: string): void;
}

/** A message that the other side has not taken. */
interface Untaken {
  readonly frame: Frame;
  readonly bytes: number;
  readonly taken: Deferred<void>;
  /** Removes the listener of its signal. */
  readonly release: () => void;
}

/** The messages and requests of a session in both directions, over the core's application messages. */
export class Messages {
  readonly #options: MessagesOptions;
  readonly #sender: MessageSender;
  readonly #inbox: MessageInbox;
  readonly #requests: Requests;
  /** In order. */
  readonly #untaken: Untaken[] = [];
  /** Messages that the other side has taken in all, modulo 2^32. */
  #taken = 0;
  #listener: Peer['onmessage'] = null;
  #hasEventListener = false;
  #end: MillraceError | undefined;

  constructor(options: MessagesOptions) {
    this.#options = options;
    this.#sender = new MessageSender(options.port);
    this.#requests = new Requests(this.#sender);
    this.#inbox = new MessageInbox({
      deliver: (data) => this.#deliver(data),
      acknowledge: (taken) => this.#sender.acknowledge(taken),
    });
  }

  // The page

  get listener(): Peer['onmessage'] {
    return this.#listener;
  }

  /** Anything but a function counts as null, as for the browser's own event handlers. */
  set listener(listener: Peer['onmessage']) {
    this.#listener = isFunction(listener) ? listener : null;
    this.#inbox.listens = this.#listener !== null || this.#hasEventListener;
  }

  /** A listener for the event 'message' was added. */
  onEventListener(): void {
    this.#hasEventListener = true;
    this.#inbox.listens = true;
  }

  get handler(): RequestHandler | null {
    return this.#requests.handler;
  }

  set handler(handler: RequestHandler | null) {
    this.#requests.handler = isFunction(handler) ? handler : null;
  }

  /** As `Peer.message`. */
  send(data: MessageData, options: PeerMessageOptions = {}): Promise<void> {
    try {
      const { signal } = this.#check(checkOptions(options, messageShapes));
      return this.#give(messageFrame(data), signal);
    } catch (caught) {
      return rejected(caught);
    }
  }

  /** As `Peer.request`. */
  request(data: MessageData, options: RequestOptions = {}): Promise<MessageData> {
    try {
      return this.#requests.ask(data, this.#check(checkOptions(options, requestShapes)));
    } catch (caught) {
      return rejected(caught);
    }
  }

  /** As `Peer.messages`. */
  read(): AsyncIterableIterator<MessageData> {
    return this.#inbox.open();
  }

  /** Sends a batch of the mesh, which looks after the control channel's buffer itself. */
  sendBatch(batch: Uint8Array): void {
    this.#sender.sendNow(batchFrame(batch));
  }

  /** Gives the engine what it is to get anyway, now. */
  flush(): void {
    this.#sender.flush();
  }

  // The engine

  /** As `MessageSender.onBuffered`. */
  onBuffered(bytes: number, handled: number): void {
    this.#sender.onBuffered(bytes, handled);
  }

  /** An application message of the other side, which is not trusted. */
  handle(bytes: Uint8Array): void {
    if (this.#end) return;
    const frame = decodeFrame(bytes);
    switch (frame?.kind) {
      case 'batch':
        this.#options.onbatch(frame.batch);
        break;
      case 'message':
        if (frame.data === undefined) this.#options.ondropped('a malformed message');
        this.#inbox.add({ data: frame.data, bytes: bytes.length });
        this.#checkPending();
        break;
      case 'request':
        if (!this.#requests.onRequest(frame.number, frame.data, bytes.length)) this.#options.ondropped('a request with a number in use');
        this.#checkPending();
        break;
      case 'answer':
      case 'failure':
        // A request that was given up may have been answered in the meantime.
        this.#requests.onAnswer(frame);
        break;
      case 'abandon':
        this.#requests.onAbandon(frame.number);
        break;
      case 'taken':
        if (!this.#onTaken(frame.count)) this.#options.ondropped('an acknowledgement of messages that were not sent');
        break;
      case undefined:
        this.#options.ondropped('an application message of an unknown kind');
        break;
    }
  }

  /** The session is over. */
  end(error: MillraceError): void {
    this.#end = error;
    this.#sender.end();
    this.#requests.end(error);
    for (const { taken, release } of this.#untaken.splice(0)) {
      release();
      // A page may send without waiting for the other side.
      taken.promise.catch(() => {});
      taken.reject(error);
    }
    this.#inbox.end(error);
  }

  #check<Options extends PeerMessageOptions>(options: Options): Options {
    if (this.#end) throw new MillraceError('closed');
    if (options.signal?.aborted) throw new MillraceError('aborted');
    return options;
  }

  /** Errors: throws 'too-large' if too much is pending. */
  #give(frame: Frame, signal: AbortSignal | undefined): Promise<void> {
    const bytes = frame.length;
    this.#sender.reserve(bytes);
    const taken = deferred<void>();
    const onAbort = (): void => this.#abort(untaken);
    const untaken: Untaken = { frame, bytes, taken, release: () => signal?.removeEventListener('abort', onAbort) };
    signal?.addEventListener('abort', onAbort);
    this.#untaken.push(untaken);
    this.#sender.send(frame);
    return taken.promise;
  }

  /** A message that has left this side stays pending until it is taken. */
  #abort(untaken: Untaken): void {
    untaken.release();
    untaken.taken.reject(new MillraceError('aborted'));
    if (!this.#sender.cancel(untaken.frame)) return;
    this.#untaken.splice(this.#untaken.indexOf(untaken), 1);
    this.#sender.release(untaken.bytes);
  }

  /** Returns false for more messages than were sent. */
  #onTaken(count: number): boolean {
    const more = (count - this.#taken) >>> 0;
    if (more > this.#untaken.length) return false;
    this.#taken = count;
    for (const { bytes, taken, release } of this.#untaken.splice(0, more)) {
      this.#sender.release(bytes);
      release();
      taken.resolve();
    }
    return true;
  }

  #checkPending(): void {
    const { untaken } = this.#inbox;
    const { open } = this.#requests;
    if (untaken.count + open.count > MAX_PENDING || untaken.bytes + open.bytes > MAX_PENDING_BYTES) {
      this.#options.onviolation('more messages and requests than may wait');
    }
  }

  #deliver(data: MessageData): void {
    const event = new MessageEvent<MessageData>('message', { data });
    this.#options.fire(event);
    callListener(() => this.#listener?.(event));
  }
}

function rejected(caught: unknown): Promise<never> {
  return Promise.reject(MillraceError.from(caught, 'invalid-argument'));
}
