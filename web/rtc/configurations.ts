import { describe, MillraceError } from '../api/errors.js';
import type { RtcOption } from '../api/options.js';
import { checkConfiguration, completeConfiguration, withoutRelays } from './configuration.js';

type Ask = Extract<RtcOption, (...args: never[]) => unknown>;

/** How long the first connection waits for the function's answer, ms. */
const FIRST_ANSWER_MS = 5_000;
/** The same for later connections, ms: an ICE restart has 5 s for both sides, and the known configuration may still do. */
const NEXT_ANSWER_MS = 2_500;

/**
 * The configurations of a session's connections. If `rtc` is a function, it is asked before each connection and before each ICE
 * restart, so that they get credentials that have not expired. A connection has to exist before there is an answer, because its channels
 * are transferred to the engine in the task that made them. So it is made with the known configuration, and gets the new one before its
 * description.
 */
export class Configurations {
  /** Takes the reason why a connection has to do with the known configuration. */
  onwarning: (message: string) => void = () => {};
  readonly #ask: Ask | undefined;
  readonly #privacy: boolean;
  /** What only the first answer decides, such as certificates: connections cannot change it. */
  readonly #first: RTCConfiguration;
  #current: RTCConfiguration;
  /** The function was asked for a connection that has not been made yet. */
  #isAhead = true;
  #asked = 0;
  /** The call that `#current` comes from. */
  #answered = 0;
  #isFailing = false;

  private constructor(ask: Ask | undefined, privacy: boolean, first: RTCConfiguration) {
    this.#ask = ask;
    this.#privacy = privacy;
    this.#first = first;
    this.#current = first;
  }

  /**
   * Resolves with the configuration of the first connection known. `rtc`: a configuration, as `completeConfiguration` returns it, or a
   * function. Errors, all about the function: rejects with 'connection-failed' if it throws, rejects, or does not answer within 5 s, and
   * with 'invalid-argument' if its answer is no configuration.
   */
  static async start(rtc: RtcOption, privacy: boolean): Promise<Configurations> {
    if (typeof rtc !== 'function') return new Configurations(undefined, privacy, rtc);
    return new Configurations(rtc, privacy, await within(FIRST_ANSWER_MS, obtain(rtc, privacy)));
  }

  /** For a connection that is made now. */
  get current(): RTCConfiguration {
    return this.#current;
  }

  /** For one of the first lanes. They do without relays: one with little room is for the control connection, and later for a lane at a time. */
  get direct(): Pick<Configurations, 'current' | 'refresh'> {
    return { current: withoutRelays(this.#current), refresh: () => Promise.resolve() };
  }

  /**
   * Before a connection looks for paths: asks for a new configuration and sets it. Without an answer within 2.5 s, or with one that the
   * browser refuses, the connection keeps what it has, and `onwarning` is called. A later answer is for the next one. Never rejects.
   */
  async refresh(connection: RTCPeerConnection): Promise<void> {
    if (!this.#ask) return;
    if (this.#isAhead) {
      this.#isAhead = false;
      return;
    }
    this.#asked += 1;
    const number = this.#asked;
    try {
      await within(NEXT_ANSWER_MS, obtain(this.#ask, this.#privacy).then((next) => this.#take(next, number, connection)));
      this.#isFailing = false;
    } catch (caught) {
      if (!this.#isFailing) this.onwarning(`the known configuration is used: ${MillraceError.from(caught, 'invalid-argument').explanation}`);
      this.#isFailing = true;
    }
  }

  /** Only a configuration that the browser accepted is used for further connections. */
  #take({ iceServers = [], iceTransportPolicy = 'all' }: RTCConfiguration, number: number, connection: RTCPeerConnection): void {
    if (connection.signalingState === 'closed') return;
    const next: RTCConfiguration = { ...this.#first, iceServers, iceTransportPolicy };
    connection.setConfiguration(next);
    if (number < this.#answered) return;
    this.#answered = number;
    this.#current = next;
  }
}

async function obtain(ask: Ask, privacy: boolean): Promise<RTCConfiguration> {
  let given: unknown;
  try {
    given = await ask();
  } catch (caught) {
    throw new MillraceError('connection-failed', `the function rtc failed: ${describe(caught)}`, { cause: caught });
  }
  try {
    checkConfiguration(given);
    return completeConfiguration(given, privacy);
  } catch (caught) {
    throw MillraceError.from(caught, 'invalid-argument');
  }
}

function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const late = new MillraceError('connection-failed', `the function rtc gave no answer within ${ms / 1000} s`);
    const timer = setTimeout(() => reject(late), ms);
    void answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
