import { MillraceError } from '../api/errors.js';
import type { ConnectionMessage, PeerMessage } from '../signaling/envelope.js';
import type { ControlConnectorOptions } from './control_options.js';
import { PeerLink } from './peer_link.js';
import { Presence } from './presence.js';

/**
 * 'opening': the first connection is being set up. 'up': it works. 'restarting': ICE looks for another path for the same
 * connection. 'renewing': a new connection is being set up; it counts once the session has agreed on keys over it.
 */
type Phase = 'opening' | 'up' | 'restarting' | 'renewing';

type ConnectionStep = ConnectionMessage & { link: number };

/** A description and more candidates than any real machine has. */
const MAX_HELD = 257;
/** An ICE restart takes a few round trips of signalling and checks; after this, ms, a new connection is tried. */
const RESTART_TIMEOUT_MS = 5_000;
/** The same for a new connection, which needs DTLS, SCTP and the handshake as well. */
const RENEW_TIMEOUT_MS = 8_000;
/** How often the other side than the initiator asks for a new connection, ms. */
const ASK_INTERVAL_MS = 2_000;
/** A new connection that fails at once is not tried again before, ms. */
const RETRY_PAUSE_MS = 1_000;
/** Time for the session to report why the first handshake failed, ms, once the connection has ended. */
const VERDICT_TIMEOUT_MS = 2_000;
/** A path that exists is found sooner, ms: a side that leaves later than this gave up. */
const PATH_MS = 10_000;

/**
 * The connection that carries the control lane, and its repair: an ICE restart when it drops, and a new connection through
 * the signalling when the restart does not help. The session decides how long repairs are tried.
 *
 * The signalling is not trusted, so its messages do nothing to a connection that works: the session first asks the other
 * side itself, over the connection (`check` below). The phases and their transitions ("I" is the initiator, the side whose
 * descriptions the other side answers; "fail" calls `onfailed`, "gone" calls `ongone`; "–" is ignored):
 *
 * | event                             | opening        | up           | restarting     | renewing         |
 * |-----------------------------------|----------------|--------------|----------------|------------------|
 * | session agreed on keys            | up             | up           | up             | up               |
 * | session lost the connection       | –              | renewing     | renewing       | –                |
 * | ICE connected                     | –              | –            | up, check      | –                |
 * | ICE disconnected                  | –              | restarting   | –              | –                |
 * | ICE failed                        | fail (patient: –) | restarting | renewing in 1 s | again in 1 s   |
 * | connection closed                 | fail           | renewing     | renewing       | again in 1 s     |
 * | certificate changed               | fail           | gone         | gone           | gone             |
 * | timeout                           | – (see `connect`) | –         | 5 s: renewing  | 8 s: again       |
 * | I: asked to restart               | –              | check        | –              | restarting       |
 * | I: asked to renew                 | –              | check        | renewing       | again            |
 * | not I: description of a newer one | –              | keep, check  | renewing       | again, with it   |
 * | other side says bye               | fail           | check        | gone           | gone             |
 * | other side may be gone            | ping; silence: fail | check   | ping; silence: gone | ping; silence: gone |
 *
 * "again" closes the new connection and sets up the next one. After `stopRepairs` nothing has an effect.
 */
export class ControlConnector {
  readonly #options: ControlConnectorOptions;
  readonly #beganAt = performance.now();
  #connection: PeerLink | undefined;
  #generation = 0;
  #phase: Phase = 'opening';
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #presence: Presence;
  /** A description that came while the connection still works for this side, and its candidates. */
  #held: ConnectionStep[] = [];
  #handshaking = false;
  #ended = false;

  /** Errors: as for `PeerLink`. */
  constructor(options: ControlConnectorOptions) {
    this.#options = options;
    this.#presence = new Presence({
      send: (message) => this.#send(message),
      patient: options.patient ?? false,
      onsilent: () => {
        if (this.#phase !== 'up') this.#leftBehind('the other side is gone');
      },
    });
    this.#open();
    const { pairing } = options;
    pairing.onmessage = (message) => this.#hear(message);
    pairing.onbye = () => this.#hearBye();
    pairing.ondoubt = () => this.#doubt();
  }

  /** The current connection. */
  get connection(): RTCPeerConnection | undefined {
    return this.#connection?.connection;
  }

  /** The first channel is open: from now on the session knows the reason of a failure. */
  handshaking(): void {
    this.#handshaking = true;
  }

  /** The session has keys for the current connection. */
  established(): void {
    this.#phase = 'up';
    this.#held = [];
    this.#presence.doubted = false;
    this.#clearTimers();
    this.#options.onsteady(true);
  }

  /** The session has lost the current connection. */
  disconnected(): void {
    if (this.#ended) return;
    if (this.#phase === 'up' || this.#phase === 'restarting') this.#renew();
  }

  /** The session ends: the connection stays until `close`, and no new one is made. */
  stopRepairs(): void {
    this.#ended = true;
    this.#clearTimers();
  }

  close(): void {
    this.stopRepairs();
    this.#connection?.close();
  }

  #hear(message: PeerMessage): void {
    if (this.#ended) return;
    this.#presence.handle(message);
    switch (message.type) {
      case 'description':
      case 'candidate':
        this.#hearLink(message);
        break;
      case 'restart':
        if (this.#isAskedFor(message.link)) this.#restart();
        break;
      case 'renew':
        if (this.#isAskedFor(message.link)) this.#renew();
        break;
      case 'ping':
      case 'pong':
        // Only `#presence` uses them.
        break;
    }
  }

  /** Only the initiator can restart or renew. */
  #isAskedFor(generation: number): boolean {
    if (!this.#options.pairing.initiator || generation !== this.#generation || this.#phase === 'opening') return false;
    if (this.#phase !== 'up') return true;
    this.#options.check();
    return false;
  }

  #hearLink(message: ConnectionStep): void {
    const isOffer = message.type === 'description' && message.kind === 'offer';
    const mayAdopt = !this.#options.pairing.initiator && this.#phase !== 'opening';
    if (this.#phase === 'up' && mayAdopt && isOffer) {
      this.#held = [message];
      this.#options.check();
    } else if (this.#phase === 'up' && this.#held[0]?.link === message.link) {
      if (this.#held.length < MAX_HELD) this.#held.push(message);
    } else if (mayAdopt && isOffer && message.link > this.#generation) {
      this.#adopt([message]);
    } else if (message.link === this.#generation) {
      this.#connection?.handle(message);
    }
  }

  #hearBye(): void {
    if (this.#ended) return;
    this.#presence.left = true;
    if (this.#phase === 'up') this.#options.check();
    else this.#leftBehind('the other side left');
  }

  /** The other side may be gone. */
  #doubt(): void {
    if (this.#ended) return;
    this.#presence.doubted = true;
    if (this.#phase === 'up') this.#options.check();
    else this.#presence.ask();
  }

  #leftBehind(detail: string): void {
    if (this.#phase !== 'opening') this.#gone(new MillraceError('connection-lost', detail));
    else if (performance.now() - this.#beganAt < PATH_MS) this.#failSoon(new MillraceError('connection-lost', detail));
    else this.#failSoon(new MillraceError('connection-failed', 'the other side gave up: no path was found'));
  }

  // Repair

  #handleState(state: 'connected' | 'disconnected' | 'failed'): void {
    if (state === 'connected') {
      if (this.#phase !== 'restarting') return;
      this.#phase = 'up';
      this.#clearTimers();
      this.#options.onsteady(true);
      // There is a path; whether the other side is still there is another question.
      this.#options.check();
    } else if (this.#phase === 'opening') {
      if (state === 'failed' && !this.#options.patient) this.#failSoon(new MillraceError('connection-failed', 'no path to the other side'));
    } else if (this.#phase === 'up') {
      this.#restart();
    } else if (state === 'failed') {
      this.#retrySoon();
    }
  }

  #handleLost(error: MillraceError): void {
    if (error.code === 'authentication-failed') this.#refuse(error);
    else if (this.#phase === 'opening') this.#failSoon(error);
    else if (this.#phase === 'renewing') this.#retrySoon();
    else this.#renew();
  }

  #restart(): void {
    if (this.#phase === 'restarting') return;
    this.#unsteady('restarting');
    if (this.#ended) return;
    this.#setTimer(() => this.#renew(), RESTART_TIMEOUT_MS);
    const held = this.#held.splice(0);
    if (this.#options.pairing.initiator) this.#connection?.restart();
    else if (held[0]?.link === this.#generation) for (const step of held) this.#connection?.handle(step);
    else this.#send({ type: 'restart', link: this.#generation });
  }

  #renew(): void {
    this.#unsteady('renewing');
    if (this.#ended) return;
    if (this.#options.pairing.initiator) {
      this.#generation += 1;
      this.#replace();
      return;
    }
    const held = this.#held.splice(0);
    if (held[0] && held[0].link > this.#generation) {
      this.#adopt(held);
      return;
    }
    this.#send({ type: 'renew', link: this.#generation });
    this.#setTimer(() => this.#renew(), ASK_INTERVAL_MS);
  }

  /** Takes the description of a new connection, and its candidates. */
  #adopt(steps: readonly ConnectionStep[]): void {
    this.#unsteady('renewing');
    if (this.#ended) return;
    this.#generation = steps[0]!.link;
    this.#replace();
    for (const step of steps) this.#connection?.handle(step);
  }

  #replace(): void {
    this.#connection?.close();
    this.#options.onrenew();
    this.#setTimer(() => this.#renew(), RENEW_TIMEOUT_MS);
    try {
      this.#open();
    } catch {
      // Too many connections, for example: the timer tries again.
    }
  }

  #retrySoon(): void {
    this.#setTimer(() => this.#renew(), RETRY_PAUSE_MS);
  }

  #unsteady(phase: 'restarting' | 'renewing'): void {
    const wasUp = this.#phase === 'up';
    this.#phase = phase;
    this.#options.reopenSignaling();
    if (wasUp) this.#options.onsteady(false);
    if (this.#presence.left) this.#leftBehind('the other side left');
    else if (this.#presence.doubted) this.#presence.ask();
  }

  #open(): void {
    const generation = this.#generation;
    const current = (): boolean => generation === this.#generation && !this.#ended;
    const { rtc, Connection, pairing, attach, onnegotiated } = this.#options;
    this.#connection = new PeerLink({
      rtc,
      Connection,
      label: 'millrace-control',
      channel: { ordered: true, reliable: true },
      initiator: pairing.initiator,
      send: (message) => this.#send({ ...message, link: generation }),
      attach,
      onnegotiated,
      onstate: (state) => {
        if (current()) this.#handleState(state);
      },
      onlost: (error) => {
        if (current()) this.#handleLost(error);
      },
    });
  }

  /** A signalling that throws ends the first attempt. Later, lost messages are repeated. */
  #send(message: PeerMessage): void {
    try {
      this.#options.pairing.send(message);
    } catch (caught) {
      if (this.#phase === 'opening') this.#fail(MillraceError.from(caught, 'signaling-failed'));
    }
  }

  #setTimer(action: () => void, ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, ms);
  }

  #clearTimers(): void {
    clearTimeout(this.#timer);
    this.#presence.stop();
  }

  /** Someone who is not the other side answers in its name. */
  #refuse(error: MillraceError): void {
    if (this.#phase === 'opening') this.#fail(error);
    else this.#gone(error);
  }

  /** A side that finds the handshake wrong leaves at once, and its leaving may be seen here before its reason. */
  #failSoon(error: MillraceError): void {
    if (this.#handshaking) this.#setTimer(() => this.#fail(error), VERDICT_TIMEOUT_MS);
    else this.#fail(error);
  }

  #fail(error: MillraceError): void {
    if (this.#ended) return;
    this.close();
    this.#options.onfailed(error);
  }

  #gone(error: MillraceError): void {
    if (this.#ended) return;
    this.close();
    this.#options.ongone(error);
  }
}
