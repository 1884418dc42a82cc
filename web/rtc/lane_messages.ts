import { MillraceError } from '../api/errors.js';
import type { ConnectionMessage } from '../signaling/envelope.js';
import { LaneSignals, type LaneSignal } from './lane_signal.js';

/** A description waits so long for candidates, and a candidate for others, ms. */
const GATHERING_MS = 20;
/** In one message, which has to stay below the limit of the in-band signalling. */
const MAX_TOGETHER = 32;

/**
 * What the connections of lanes tell the other side in band: what comes together goes in one message. On a long path the control connection's
 * congestion window holds a few packets per round trip, and pings wait behind them.
 */
export class LaneMessages {
  readonly #send: (text: string) => void;
  readonly #onfailed: (lane: number, error: MillraceError) => void;
  readonly #signals = new LaneSignals();
  readonly #waiting = new Map<number, { messages: ConnectionMessage[]; timer: ReturnType<typeof setTimeout> }>();

  /** `send` takes texts for the other side; `onfailed`: what a lane says cannot be sent. */
  constructor(send: (text: string) => void, onfailed: (lane: number, error: MillraceError) => void) {
    this.#send = send;
    this.#onfailed = onfailed;
  }

  /** Sends what the connection of a lane says, with what it says soon afterwards. */
  say(lane: number, message: ConnectionMessage): void {
    // The other side does not need to know that these are all candidates, because others may reach it as peer-reflexive ones.
    if (message.type === 'candidate' && message.candidate === '') {
      this.#flush(lane);
      return;
    }
    const waiting = this.#waiting.get(lane) ?? { messages: [], timer: setTimeout(() => this.#flush(lane), GATHERING_MS) };
    this.#waiting.set(lane, waiting);
    waiting.messages.push(message);
    if (waiting.messages.length >= MAX_TOGETHER) this.#flush(lane);
  }

  /** Sends a signal at once. */
  signal(signal: LaneSignal): void {
    this.#send(this.#signals.write(signal));
  }

  /** A signal of the other side's text; undefined if it is none. */
  read(text: string): LaneSignal | undefined {
    return this.#signals.read(text);
  }

  /** The lane is gone: what has not been said of it is of no use. `opened`: the other side has heard all the rest. */
  forget(lane: number, opened: boolean): void {
    this.#drop(lane);
    if (!opened) this.#signals.forgetSaid();
  }

  /** The control connection is gone. */
  reset(): void {
    this.#signals.reset();
  }

  #drop(lane: number): void {
    clearTimeout(this.#waiting.get(lane)?.timer);
    this.#waiting.delete(lane);
  }

  #flush(lane: number): void {
    const messages = this.#waiting.get(lane)?.messages ?? [];
    this.#drop(lane);
    try {
      if (messages.length > 0) this.signal({ lane, type: 'say', messages });
    } catch (caught) {
      this.#onfailed(lane, MillraceError.from(caught, 'signaling-failed'));
    }
  }
}
