import { describe, MillraceError, toError, type ErrorCode } from '../api/errors.js';
import type { MessageData, RequestHandler, RequestOptions } from '../api/message_types.js';
import { deferred, type Deferred } from '../base/deferred.js';
import { abandonFrame, answerFrame, failureFrame, requestFrame, type DecodedFrame, type Frame } from './message_frames.js';
import type { MessageSender } from './message_sender.js';

const DEFAULT_TIMEOUT_MS = 30_000;
/** Longest delay of a timer, ms; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** A request of this side that has no answer yet. */
interface Asked {
  readonly answer: Deferred<MessageData>;
  readonly bytes: number;
  /** Removes timer and listener. */
  readonly release: () => void;
}

/** A request of the other side, until its answer has gone to the engine. */
interface Open {
  readonly bytes: number;
  readonly giveUp: AbortController;
  answer: Frame | undefined;
}

/** The requests of a session in both directions. */
export class Requests {
  readonly #sender: MessageSender;
  readonly #asked = new Map<number, Asked>();
  #nextNumber = 0;
  readonly #open = new Map<number, Open>();
  #openBytes = 0;
  /** Requests that wait for a handler, in order. */
  readonly #unserved: { readonly number: number; readonly data: MessageData }[] = [];
  #handler: RequestHandler | null = null;

  constructor(sender: MessageSender) {
    this.#sender = sender;
  }

  /** Requests of the other side that have no answer yet, and their bytes. */
  get open(): { readonly count: number; readonly bytes: number } {
    return { count: this.#open.size, bytes: this.#openBytes };
  }

  get handler(): RequestHandler | null {
    return this.#handler;
  }

  /** Requests that wait are served after the page's current task. */
  set handler(handler: RequestHandler | null) {
    this.#handler = handler;
    if (handler && this.#unserved.length > 0) queueMicrotask(() => this.#serveAll());
  }

  /** As `Peer.request`; the options are checked, and the signal is not aborted. Errors: throws as `requestFrame` and `reserve`. */
  ask(data: MessageData, { signal, timeoutMs = DEFAULT_TIMEOUT_MS }: RequestOptions): Promise<MessageData> {
    const number = this.#nextNumber;
    const frame = requestFrame(number, data);
    const bytes = frame.length;
    this.#sender.reserve(bytes);
    this.#nextNumber = (number + 1) >>> 0;
    const answer = deferred<MessageData>();
    const onAbort = (): void => this.#giveUp(number, frame, new MillraceError('aborted'));
    const onTimeout = (): void => this.#giveUp(number, frame, new MillraceError('timeout', `no answer within ${timeoutMs} ms`));
    signal?.addEventListener('abort', onAbort);
    const timer = timeoutMs === Infinity ? undefined : setTimeout(onTimeout, Math.min(timeoutMs, MAX_DELAY_MS));
    const release = (): void => {
      signal?.removeEventListener('abort', onAbort);
      clearTimeout(timer);
    };
    this.#asked.set(number, { answer, bytes, release });
    this.#sender.send(frame);
    return answer.promise;
  }

  /** A request of the other side. `bytes`: of its frame. Returns false, without any effect, if its number is in use. */
  onRequest(number: number, data: MessageData | undefined, bytes: number): boolean {
    if (this.#open.has(number)) return false;
    this.#open.set(number, { bytes, giveUp: new AbortController(), answer: undefined });
    this.#openBytes += bytes;
    if (data === undefined) {
      this.#fail(number, new MillraceError('invalid-argument', 'the data of the request is malformed'));
    } else {
      this.#unserved.push({ number, data });
      this.#serveAll();
    }
    return true;
  }

  /** The other side needs no answer any more. */
  onAbandon(number: number): void {
    const open = this.#open.get(number);
    if (!open) return;
    this.#close(number);
    const index = this.#unserved.findIndex((unserved) => unserved.number === number);
    if (index !== -1) this.#unserved.splice(index, 1);
    if (open.answer) this.#sender.cancel(open.answer);
    open.giveUp.abort(new MillraceError('cancelled', 'the other side gave the request up', { byPeer: true }));
  }

  /** An answer of the other side. No effect if it belongs to no request: that may have been given up meanwhile. */
  onAnswer(frame: Extract<DecodedFrame, { kind: 'answer' | 'failure' }>): void {
    const answer = this.#take(frame.number)?.answer;
    if (!answer) return;
    if (frame.kind === 'failure') answer.reject(toError(frame.code, frame.detail, 'peer-error', { byPeer: true }));
    else if (frame.data === undefined) answer.reject(new MillraceError('peer-error', 'its answer is malformed', { byPeer: true }));
    else answer.resolve(frame.data);
  }

  /** The session is over. */
  end(error: MillraceError): void {
    for (const number of [...this.#asked.keys()]) {
      const { answer } = this.#take(number)!;
      // A page may ask without waiting for the answer.
      answer.promise.catch(() => {});
      answer.reject(error);
    }
    this.#unserved.length = 0;
    for (const [number, { giveUp }] of [...this.#open]) {
      this.#close(number);
      giveUp.abort(error);
    }
  }

  #giveUp(number: number, frame: Frame, error: MillraceError): void {
    this.#take(number)?.answer.reject(error);
    if (!this.#sender.cancel(frame)) this.#sender.send(abandonFrame(number));
  }

  #take(number: number): Asked | undefined {
    const asked = this.#asked.get(number);
    if (!asked) return undefined;
    this.#asked.delete(number);
    this.#sender.release(asked.bytes);
    asked.release();
    return asked;
  }

  #serveAll(): void {
    while (this.#handler && this.#unserved.length > 0) {
      const { number, data } = this.#unserved.shift()!;
      void this.#serve(number, data, this.#handler);
    }
  }

  async #serve(number: number, data: MessageData, handler: RequestHandler): Promise<void> {
    const open = this.#open.get(number)!;
    try {
      const answer = await handler(data, { signal: open.giveUp.signal });
      if (this.#open.get(number) === open) this.#answer(number, open, answer);
    } catch (caught) {
      if (this.#open.get(number) === open) this.#fail(number, caught);
    }
  }

  /** Errors: throws as `answerFrame`. */
  #answer(number: number, open: Open, data: MessageData): void {
    const frame = answerFrame(number, data);
    open.answer = frame;
    if (this.#sender.sendAnswer(frame, () => this.#close(number))) return;
    throw new MillraceError('too-large', 'too many answers wait to be sent');
  }

  #fail(number: number, caught: unknown): void {
    const known = caught instanceof MillraceError;
    const code: ErrorCode = known ? caught.code : 'peer-error';
    const frame = failureFrame(number, code, known ? caught.explanation : describe(caught));
    this.#open.get(number)!.answer = frame;
    this.#sender.send(frame, () => this.#close(number));
  }

  #close(number: number): void {
    const open = this.#open.get(number);
    if (!open) return;
    this.#open.delete(number);
    this.#openBytes -= open.bytes;
  }
}
