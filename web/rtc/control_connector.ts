import { MillraceError } from '../api/errors.js';
import type { PeerConnectionClass } from '../api/options.js';
import type { ConnectionMessage, PeerMessage } from '../signaling/envelope.js';
import type { Pairing } from '../signaling/pairing.js';
import type { Fingerprints } from './fingerprint.js';
import { PeerLink } from './peer_link.js';

export interface ControlConnectorOptions {
  rtc: RTCConfiguration;
  Connection?: PeerConnectionClass | undefined;
  pairing: Pairing;
  /** A first path that fails may come yet: the other side hears of this one when people get to it. */
  patient?: boolean;
  attach(channel: RTCDataChannel): void;
  onnegotiated(maxMessageSize: number, fingerprints: Fingerprints): void;
  /** The session asks the other side for a sign of life; `disconnected` is called where none comes. */
  check(): void;
  /** A signalling that has closed meanwhile is needed again. */
  reopenSignaling(): void;
  /** A new connection begins: the session lets go of the old channel before `attach` is called again. */
  onrenew(): void;
  /** False: the connection is being repaired. True: it works again. */
  onsteady(steady: boolean): void;
  /** The first connection did not come up. Called once. */
  onfailed(error: MillraceError): void;
  /** There is nobody left to connect to, or ('authentication-failed') somebody else. Called once. */
  ongone(error: MillraceError): void;
}

/**
 * 'opening': the first connection is on its way. 'up'. 'restarting': ICE looks for another path for the same connection.
 * 'renewing': a new connection is on its way, and will be taken once the session has agreed on keys over it.
 */
type Phase = 'opening' | 'up' | 'restarting' | 'renewing';

type ConnectionStep = ConnectionMessage & { link: number };

/** An offer and more candidates than any real machine has. */
const MAX_HELD = 257;
/** An ICE restart takes a few round trips of signalling and checks; after this, ms, a new connection is tried. */
const RESTART_TIMEOUT_MS = 5_000;
/** The same for a new connection, which has DTLS, SCTP and the handshake to do besides. */
const RENEW_TIMEOUT_MS = 8_000;
/** How often the side that makes no offers asks for one, ms. */
const ASK_INTERVAL_MS = 2_000;
/** A new connection that fails at once is not tried again before, ms. */
const RETRY_PAUSE_MS = 1_000;
/** How long the session has to say why the first handshake fails, ms, once something else has ended it. */
const VERDICT_TIMEOUT_MS = 2_000;
/** A path that is there is found sooner, ms: whoever leaves later than this gave up. */
const PATH_MS = 10_000;
/** How long the other side has for a word over the signalling once there is reason to believe that it is gone, ms. */
const WORD_TIMEOUT_MS = 3_000;

/**
 * The connection that carries the control lane, and its repair: an ICE restart when it drops, and a new connection through
 * the signalling when that does not help. How long it is tried is for the session to say.
 *
 * The signalling is not trusted, so what it says does nothing to a connection that works: first the session asks the other
 * side itself, over the connection.
 */
export class ControlConnector {
  readonly #options: ControlConnectorOptions;
  readonly #beganAt = performance.now();
  #connection: PeerLink | undefined;
  #generation = 0;
  #phase: Phase = 'opening';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wordTimer: ReturnType<typeof setTimeout> | undefined;
  /** An offer that came while the connection still works for this side, and its candidates. */
  #held: ConnectionStep[] = [];
  #heardAt = -Infinity;
  #left = false;
  #doubted = false;
  #handshaking = false;
  #ended = false;

  /** Errors: as for `PeerLink`. */
  constructor(options: ControlConnectorOptions) {
    this.#options = options;
    this.#open();
    const { pairing } = options;
    pairing.onmessage = (message) => this.#hear(message);
    pairing.onbye = () => this.#hearBye();
    pairing.ondoubt = () => this.#doubt();
  }

  /** The present connection. */
  get connection(): RTCPeerConnection | undefined {
    return this.#connection?.connection;
  }

  /** The first channel is open: from here on the session knows best why it fails. */
  handshaking(): void {
    this.#handshaking = true;
  }

  /** The session has keys for the present connection. */
  established(): void {
    this.#phase = 'up';
    this.#held = [];
    this.#doubted = false;
    this.#clearTimers();
    this.#options.onsteady(true);
  }

  /** The session has lost the present connection. */
  disconnected(): void {
    if (this.#ended) return;
    if (this.#phase === 'up' || this.#phase === 'restarting') this.#renew();
  }

  /** The session ends: what there is stays until `close`, and nothing new is made. */
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
    this.#heardAt = performance.now();
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
        this.#send({ type: 'pong' });
        break;
      case 'pong':
        break;
    }
  }

  /** Only the side that makes offers is asked for one. */
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
    this.#left = true;
    if (this.#phase === 'up') this.#options.check();
    else this.#leftBehind('the other side left');
  }

  /** The other side may be gone. */
  #doubt(): void {
    if (this.#ended) return;
    this.#doubted = true;
    if (this.#phase === 'up') this.#options.check();
    else this.#askForWord();
  }

  #askForWord(): void {
    // Where people carry the messages, a word takes as long as they do.
    if (this.#wordTimer !== undefined || this.#options.patient) return;
    const asked = performance.now();
    this.#send({ type: 'ping' });
    this.#wordTimer = setTimeout(() => {
      this.#wordTimer = undefined;
      if (this.#heardAt < asked && this.#phase !== 'up') this.#leftBehind('the other side is gone');
    }, WORD_TIMEOUT_MS);
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
      // The path is there; whether the other side still is will show.
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

  /** Takes the offer of a new connection, and what came after it. */
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
    if (this.#left) this.#leftBehind('the other side left');
    else if (this.#doubted) this.#askForWord();
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

  /** A signalling that fails ends the first attempt; later, what it does not carry is said again. */
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
    clearTimeout(this.#wordTimer);
    this.#wordTimer = undefined;
  }

  /** Somebody who is not the other side answers in its name. */
  #refuse(error: MillraceError): void {
    if (this.#phase === 'opening') this.#fail(error);
    else this.#gone(error);
  }

  /** Who finds the handshake wrong leaves at once, and its leaving may be seen here before its reason is. */
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
