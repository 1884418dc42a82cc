import { deferred, type Deferred } from '../base/deferred.js';
import { randomBase64Url } from '../base/ids.js';
import { isRecord } from '../base/is_record.js';

/** Time from the request to the answer, ms. */
const ANSWER_MS = 2_000;

interface Answer {
  readonly configuration: RTCConfiguration;
  /** Clock of `performance.now()`, ms. */
  readonly freshUntil: number;
}

/**
 * Asks Millrace's signalling server for ICE servers over the socket. The answer is kept for half of the time for which its
 * credentials are valid, because each lane of a session asks. A server that does not answer is asked once per socket; until it
 * answers, the last answer is repeated. Before the first one there are no servers, because connections within one network work
 * without them.
 */
export class IceRequest {
  readonly #send: (message: object) => void;
  #answer: Answer = { configuration: { iceServers: [] }, freshUntil: -Infinity };
  #isSilent = false;
  #isOpen = false;
  /** The request that is under way. Its id is known to the server only, so no other member can answer. */
  #pending: { readonly id: string; readonly answer: Deferred<RTCConfiguration> } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `send`: sends a message now, or as soon as the socket is open. */
  constructor(send: (message: object) => void) {
    this.#send = send;
  }

  /** The last answer. */
  get known(): RTCConfiguration {
    return this.#answer.configuration;
  }

  /** Never rejects. */
  ask(): Promise<RTCConfiguration> {
    if (this.#pending !== undefined) return this.#pending.answer.promise;
    if (this.#isSilent || performance.now() < this.#answer.freshUntil) return Promise.resolve(this.known);
    const pending = { id: randomBase64Url(12), answer: deferred<RTCConfiguration>() };
    this.#pending = pending;
    this.#send({ millrace: 1, type: 'ice', id: pending.id });
    if (this.#isOpen) this.#startTimer();
    return pending.answer.promise;
  }

  /** The socket is open: a request that waited for it is on its way. */
  opened(): void {
    this.#isOpen = true;
    this.#isSilent = false;
    if (this.#pending !== undefined) this.#startTimer();
  }

  /** The socket is closed, or did not open. */
  closed(): void {
    this.#isOpen = false;
    this.#settle();
  }

  /** Whether `data` is the answer, and not a message for the session. */
  take(data: unknown): boolean {
    if (this.#pending === undefined || typeof data !== 'string' || !data.includes(this.#pending.id)) return false;
    let message: unknown;
    try {
      message = JSON.parse(data);
    } catch {
      return false;
    }
    if (!isRecord(message) || message['type'] !== 'ice' || message['id'] !== this.#pending.id) return false;
    const { iceServers, ttlSeconds } = message;
    if (Array.isArray(iceServers) && typeof ttlSeconds === 'number') {
      this.#answer = { configuration: { iceServers: iceServers as RTCIceServer[] }, freshUntil: performance.now() + ttlSeconds * 500 };
    }
    this.#settle();
    return true;
  }

  #startTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isSilent = true;
      this.#settle();
    }, ANSWER_MS);
  }

  #settle(): void {
    clearTimeout(this.#timer);
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.answer.resolve(this.known);
  }
}
