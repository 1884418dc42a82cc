import { MillraceError } from '../api/errors.js';
import { inOneBuffer } from '../base/bytes.js';
import type { EnginePort } from '../engine/port.js';
import { takenFrame, type Frame } from './message_frames.js';

/**
 * Messages that the other side has not taken and requests that it has not answered, in each direction, and the bytes of their
 * frames. The sender keeps to it, and the receiver holds a sender to it (PROTOCOL.md, "Application messages").
 */
export const MAX_PENDING = 1_024;
export const MAX_PENDING_BYTES = 4 * 1024 * 1024;
/** Answers that wait to be sent. More become failures. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/**
 * Frames go to the engine while less than this waits there, or for the control channel. The engine keeps what waits for the channel
 * below 64 KiB, and has the rest at hand when that has gone.
 */
const MAX_AHEAD_BYTES = 256 * 1024;

interface QueuedFrame {
  readonly frame: Frame;
  readonly isAnswer: boolean;
  /** Called when the frame has gone to the engine, and with it its bytes. */
  readonly onposted: (() => void) | undefined;
}

/** Frames on their way to the engine, in order, no faster than the control channel takes them. */
export class MessageSender {
  readonly #port: EnginePort;
  readonly #queue: QueuedFrame[] = [];
  /** How many messages of the other side this side has taken; undefined once it was told. */
  #taken: number | undefined;
  #answerBytes = 0;
  /** Frames for the engine: those of one task of the page go together, and share records. */
  #outgoing: Frame[] = [];
  /** The same for frames that pass those that wait in the engine. */
  #urgent: Frame[] = [];
  /** Bytes of frames in all: that went to the engine, and that the engine has given to the core. */
  #posted = 0;
  #handled = 0;
  /** Bytes that wait in the core and in the control channel. */
  #buffered = 0;
  #pending = 0;
  #pendingBytes = 0;

  constructor(port: EnginePort) {
    this.#port = port;
  }

  /** Counts a message or a request as pending. Errors: throws 'too-large' if too much is pending. */
  reserve(bytes: number): void {
    if (this.#pending >= MAX_PENDING || this.#pendingBytes + bytes > MAX_PENDING_BYTES) {
      const waiting = `${this.#pending} messages and requests with ${this.#pendingBytes} bytes`;
      throw new MillraceError('too-large', `${waiting} wait for the other side; wait for the promise of each message`);
    }
    this.#pending += 1;
    this.#pendingBytes += bytes;
  }

  /** A message or a request is pending no more. */
  release(bytes: number): void {
    this.#pending -= 1;
    this.#pendingBytes -= bytes;
  }

  send(frame: Frame, onposted?: () => void): void {
    this.#queue.push({ frame, isAnswer: false, onposted });
    this.#feed();
  }

  /** Returns false if too many bytes of answers wait already. */
  sendAnswer(frame: Frame, onposted: () => void): boolean {
    if (this.#answerBytes + frame.length > MAX_ANSWER_BYTES) return false;
    this.#answerBytes += frame.length;
    this.#queue.push({ frame, isAnswer: true, onposted });
    this.#feed();
    return true;
  }

  /** Sends a frame past the queue. The caller sees to it that not too much waits. */
  sendNow(frame: Frame): void {
    this.#give(frame, this.#urgent);
  }

  /** Gives the engine what it is to get anyway, now. */
  flush(): void {
    const [urgent, outgoing] = [this.#urgent, this.#outgoing];
    this.#urgent = [];
    this.#outgoing = [];
    this.#post(urgent, true);
    this.#post(outgoing, false);
  }

  /** Tells the other side how many of its messages this side has taken in all. */
  acknowledge(taken: number): void {
    this.#taken = taken;
    this.#feed();
  }

  /** Takes a frame back. Returns false if it has gone to the engine. */
  cancel(frame: Frame): boolean {
    const index = this.#queue.findIndex((queued) => queued.frame === frame);
    if (index === -1) return false;
    const [queued] = this.#queue.splice(index, 1);
    if (queued!.isAnswer) this.#answerBytes -= frame.length;
    return true;
  }

  /** The engine reports: bytes that wait in the core and in the control channel, and bytes of frames that it took in all. */
  onBuffered(bytes: number, handled: number): void {
    this.#buffered = bytes;
    this.#handled = handled;
    this.#feed();
  }

  /** Nothing is sent any more. */
  end(): void {
    this.#queue.length = 0;
    this.#outgoing.length = 0;
    this.#urgent.length = 0;
    this.#taken = undefined;
  }

  #feed(): void {
    while (this.#buffered + this.#posted - this.#handled < MAX_AHEAD_BYTES) {
      if (this.#taken !== undefined) {
        this.sendNow(takenFrame(this.#taken));
        this.#taken = undefined;
        continue;
      }
      const next = this.#queue.shift();
      if (!next) return;
      if (next.isAnswer) this.#answerBytes -= next.frame.length;
      this.#give(next.frame, this.#outgoing);
      next.onposted?.();
    }
  }

  #give(frame: Frame, frames: Frame[]): void {
    this.#posted += frame.length;
    if (this.#outgoing.length + this.#urgent.length === 0) queueMicrotask(() => this.flush());
    frames.push(frame);
  }

  #post(frames: readonly Frame[], atOnce: boolean): void {
    if (frames.length === 0) return;
    const messages = inOneBuffer(frames);
    this.#port.post({ type: 'messages', messages, atOnce }, [messages[0]!.buffer]);
  }
}
