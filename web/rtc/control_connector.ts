import { MillraceError, withDetail, type ErrorCode } from '../api/errors.js';
import { fromBase64Url, toBase64Url } from '../base/bytes.js';
import type { PeerMessage } from '../signaling/envelope.js';
import { HandshakeType } from '../wasm/session.js';
import { ConnectionDiary } from './connection_diary.js';
import type { ControlConnectorOptions } from './control_options.js';
import { diagnose } from './diagnose.js';
import { fromInBand, isInBand, toInBand, type ConnectionStep } from './in_band.js';
import { PeerLink } from './peer_link.js';
import { Presence } from './presence.js';
import { Said } from './said.js';

/**
 * 'opening': the first connection is being set up. 'up': it works. 'restarting': ICE looks for another path for the same
 * connection. 'renewing': a new connection is being set up; it counts once the session has agreed on keys over it.
 */
type Phase = 'opening' | 'up' | 'restarting' | 'renewing';

/** The channels of the control connection (PROTOCOL.md). */
const CHANNELS = [
  { label: 'millrace-control', ordered: true, reliable: true },
  { label: 'millrace-pulse', ordered: false, reliable: false },
] as const;
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
/** The same where the reason was heard already, and the session's core may still be loading. */
const FAILURE_TIMEOUT_MS = 10_000;
/**
 * As long as the first connection is not up, the signalling is checked at this interval, ms: a connection is up sooner where all
 * messages arrive.
 */
const OPENING_CHECK_MS = 3_000;
/** The other side may ask for a repetition this often, ms: nobody can make this side exceed the server's limit of messages. */
const REPEAT_INTERVAL_MS = 1_000;
/** A path that exists is found sooner, ms: a side that leaves later than this gave up. */
const PATH_MS = 10_000;
/** A signalling that fails again and again reports it more often than this, ms: a socket opens or fails within 15 s. */
const SIGNALING_DOWN_MS = 20_000;
/** The errors that a connection may cause which does not come up. */
const EXPLAINED: ReadonlySet<ErrorCode> = new Set(['connection-failed', 'connection-lost', 'signaling-failed', 'timeout']);
/** Of those, what the session sees of a connection that finds no path: channels that close (Firefox), or a handshake without an answer. */
const CONSEQUENCES: ReadonlySet<ErrorCode> = new Set(['connection-lost', 'timeout']);

/**
 * The connection that carries the control lane and the pulse lane, and its repair: an ICE restart when it drops, and a new connection through
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
 * | the session hears nothing         | –              | look         | –              | –                |
 * | ICE disconnected                  | –              | restarting   | –              | –                |
 * | ICE failed                        | fail (patient: –) | restarting | renewing in 1 s | again in 1 s   |
 * | connection closed                 | fail           | renewing     | renewing       | again in 1 s     |
 * | certificate changed               | fail           | gone         | gone           | gone             |
 * | timeout                           | no path: fail (patient: –) | – | 5 s: renewing | 8 s: again        |
 * | I: asked to restart               | –              | check        | –              | restarting       |
 * | I: asked to renew                 | –              | check        | renewing       | again            |
 * | not I: description of a newer one | –              | keep, check  | renewing       | again, with it   |
 * | other side says bye               | fail           | check        | gone           | gone             |
 * | other side may be gone            | ping; silence: fail | check   | ping; silence: gone | ping; silence: gone |
 * | the network may have changed      | –              | check        | renewing       | again            |
 * | the signalling was replaced       | repeat         | –            | repeat         | repeat           |
 *
 * "look": an ICE restart, which leaves a path that works again as it is. Until the session hears something, requests and descriptions of
 * the other side are taken without a check.
 * "again" closes the new connection and sets up the next one. "repeat": says again what it said about the connection, and asks the
 * other side to do the same. After `stopRepairs` nothing has an effect.
 */
export class ControlConnector {
  readonly #options: ControlConnectorOptions;
  readonly #beganAt = performance.now();
  #connection: PeerLink | undefined;
  #generation = 0;
  #phase: Phase = 'opening';
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The first connection ends when this expires before a path is found. */
  #pathTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #openingTimer: ReturnType<typeof setInterval>;
  readonly #presence: Presence;
  readonly #diary = new ConnectionDiary(() => this.#awaitPath());
  #said = new Said();
  #repeatedAt = -Infinity;
  /** A description that came while the connection still works for this side, and its candidates. */
  #held: ConnectionStep[] = [];
  /** The last failure of the signalling, unless something came through it since. */
  #signalingFailedAt = -Infinity;
  /**
   * The other side has not answered the session for a while. 'exchanged': meanwhile the two sides have begun to look for another
   * path for the same connection.
   */
  #silence: 'none' | 'silent' | 'exchanged' = 'none';
  #handshaking = false;
  /** The first connection has failed with this. */
  #failure: MillraceError | undefined;
  /** The other side said over the signalling that the handshake is wrong. */
  #heardFailure = false;
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
    this.#openingTimer = setInterval(() => options.reopenSignaling(), OPENING_CHECK_MS);
    const { pairing } = options;
    pairing.onmessage = (message) => this.#hear(message);
    pairing.onbye = (failed) => this.#hearBye(failed);
    pairing.ondoubt = () => this.#doubt();
    pairing.onreopened = () => this.#handleReopened();
  }

  /** The current connection. */
  get connection(): RTCPeerConnection | undefined {
    return this.#connection?.connection;
  }

  /** Adds a report to an error that a connection which did not come up has caused. Returns other errors unchanged. */
  explain(error: MillraceError): MillraceError {
    const { code, detail, byPeer } = error;
    if (this.#phase === 'up' || detail !== undefined || byPeer || !EXPLAINED.has(code)) return error;
    const cause = (CONSEQUENCES.has(code) && this.#findFailure()) || error;
    if (cause.code === 'connection-lost' && this.#presence.left) return cause;
    const signalingDown = code === 'signaling-failed' || performance.now() - this.#signalingFailedAt < SIGNALING_DOWN_MS;
    return withDetail(cause, diagnose(this.#diary.record(signalingDown)));
  }

  /** Why the first connection does not come up, as far as this side knows. */
  #findFailure(): MillraceError | undefined {
    if (this.#phase !== 'opening') return undefined;
    const found = this.#failure;
    return found ?? (this.#diary.lacksPath && !this.#presence.left && !this.#options.patient ? noPath() : undefined);
  }

  /** The signalling reported that it failed. */
  signalingFailed(): void {
    this.#signalingFailedAt = performance.now();
  }

  /** While the first connection is being set up: sends a message of the handshake ahead, through the signalling, which may lose it. */
  sendHandshake(index: number, message: Uint8Array): void {
    if (this.#phase === 'opening' && !this.#ended) this.#send({ type: 'handshake', link: this.#generation, index, data: toBase64Url(message) });
  }

  /** The first channels are open: from now on the session knows the reason of a failure. */
  handshaking(): void {
    this.#handshaking = true;
  }

  /** The session has keys for the current connection. */
  established(): void {
    clearInterval(this.#openingTimer);
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

  /** The network may have changed, or the machine may have slept: the connection is checked now, or its repair goes on at once. */
  check(): void {
    if (this.#ended || this.#phase === 'opening') return;
    if (this.#phase === 'up') this.#options.check();
    else this.#renew();
  }

  /**
   * During a transfer, the other side has not answered the session for a while, or (false) it answers again. The connection looks for
   * another path and keeps its own: silence may end by itself.
   */
  silence(silent: boolean): void {
    const exchanged = this.#silence === 'exchanged';
    this.#silence = silent ? 'silent' : 'none';
    if (this.#ended || this.#phase !== 'up') return;
    if (silent) {
      this.#options.reopenSignaling();
      this.#lookForPath();
    } else if (exchanged) {
      this.#options.onmoved();
    }
  }

  /**
   * Looks for a better path for a connection that works, and keeps its own until there is one. The messages go over the connection, so that the
   * signalling need not work or be trusted. No effect on the side that does not make offers, and while the connection is being repaired.
   */
  lookForBetterPath(): void {
    if (this.#ended || !this.#isFine || !this.#options.pairing.initiator) return;
    this.#connection?.restart();
  }

  /** Takes what the other side passed to its `sayInBand`. Returns false for any other text; invalid content is ignored. */
  hearInBand(text: string): boolean {
    if (!isInBand(text)) return false;
    const step = fromInBand(text);
    if (step?.link === this.#generation && this.#phase === 'up' && !this.#ended) this.#connection?.handle(step);
    return true;
  }

  /** The session ends: the connection stays until `close`, and no new one is made. */
  stopRepairs(): void {
    this.#ended = true;
    clearInterval(this.#openingTimer);
    this.#clearTimers();
  }

  close(): void {
    this.stopRepairs();
    this.#connection?.close();
  }

  #hear(message: PeerMessage): void {
    if (this.#ended) return;
    this.#signalingFailedAt = -Infinity;
    this.#presence.handle(message);
    switch (message.type) {
      case 'description':
      case 'candidate':
        this.#hearLink(message);
        break;
      case 'handshake':
        this.#hearHandshake(message);
        break;
      case 'restart':
        // A side that is silent for this one has looked for a path already.
        if (this.#isAskedFor(message.link) && this.#phase !== 'up') this.#restart();
        break;
      case 'renew':
        if (this.#isAskedFor(message.link)) this.#renew();
        break;
      case 'repeat':
        // A side that has not heard of the newest connection names an older one.
        if (message.link <= this.#generation) this.#repeat();
        break;
      case 'ping':
      case 'pong':
        // Only `#presence` uses them.
        break;
    }
  }

  #hearHandshake({ link, index, data }: Extract<PeerMessage, { type: 'handshake' }>): void {
    const message = this.#phase === 'opening' && link === this.#generation ? fromBase64Url(data) : undefined;
    if (!message) return;
    this.#heardFailure ||= message[1] === HandshakeType.failure;
    // The other side may find that it is wrong, and leave, before the channels are open at this side.
    this.#handshaking = true;
    this.#options.onhandshake(index, message);
  }

  #handleReopened(): void {
    if (this.#ended || this.#isFine) return;
    this.#say();
    this.#send({ type: 'repeat', link: this.#generation });
  }

  #repeat(): void {
    const now = performance.now();
    if (now - this.#repeatedAt < REPEAT_INTERVAL_MS) return;
    this.#repeatedAt = now;
    this.#say();
  }

  #say(): void {
    for (const message of this.#said.messages) this.#send({ ...message, link: this.#generation });
  }

  /** Only the initiator can restart or renew. */
  #isAskedFor(generation: number): boolean {
    if (!this.#options.pairing.initiator || generation !== this.#generation || this.#phase === 'opening') return false;
    if (!this.#isFine) return true;
    this.#options.check();
    return false;
  }

  /** The connection works, as far as this side can tell. */
  get #isFine(): boolean {
    return this.#phase === 'up' && this.#silence === 'none';
  }

  #hearLink(message: ConnectionStep): void {
    const isOffer = message.type === 'description' && message.kind === 'offer';
    const mayAdopt = !this.#options.pairing.initiator && this.#phase !== 'opening';
    const forThisOne = message.link === this.#generation;
    if (this.#phase === 'up' && !this.#isFine && forThisOne) {
      this.#handleSilently(message);
    } else if (this.#phase === 'up' && mayAdopt && isOffer) {
      this.#held = [message];
      this.#options.check();
    } else if (this.#phase === 'up' && this.#held[0]?.link === message.link) {
      if (this.#held.length < MAX_HELD) this.#held.push(message);
    } else if (mayAdopt && isOffer && message.link > this.#generation) {
      this.#adopt([message]);
    } else if (forThisOne) {
      this.#connection?.handle(message);
    }
  }

  /** Takes a step of looking for another path while the session is silent. */
  #handleSilently(message: ConnectionStep): void {
    if (message.type === 'description' && this.#silence === 'silent') this.#silence = 'exchanged';
    this.#connection?.handle(message);
  }

  #hearBye(failed: boolean): void {
    if (this.#ended) return;
    this.#presence.left = true;
    if (this.#phase === 'up') this.#options.check();
    else this.#leftBehind('the other side left', failed);
  }

  /** The other side may be gone. */
  #doubt(): void {
    if (this.#ended) return;
    this.#presence.doubted = true;
    if (this.#phase === 'up') this.#options.check();
    else this.#presence.ask();
  }

  /** `failed`: the other side says that it found no path. */
  #leftBehind(detail: string, failed = false): void {
    if (this.#phase !== 'opening') this.#gone(new MillraceError('connection-lost', detail));
    else if (!failed && performance.now() - this.#beganAt < PATH_MS) this.#failSoon(new MillraceError('connection-lost', detail));
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
      if (state === 'failed' && !this.#options.patient) this.#failSoon(noPath());
    } else if (this.#phase === 'up') {
      this.#restart();
    } else if (state === 'failed') {
      this.#retrySoon();
    }
  }

  /** Browsers may look for a path for half a minute where there is none. */
  #awaitPath(): void {
    clearTimeout(this.#pathTimer);
    if (this.#phase !== 'opening' || this.#options.patient || this.#ended) return;
    const ms = this.#diary.deadline - performance.now();
    if (ms === Infinity) return;
    this.#pathTimer = setTimeout(() => this.#failSoon(noPath()), ms);
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
    this.#lookForPath();
  }

  /** Begins an ICE restart, takes part in the one of the other side, or asks for one. */
  #lookForPath(): void {
    const forThisOne = this.#held[0]?.link === this.#generation;
    const held = forThisOne || this.#phase !== 'up' ? this.#held.splice(0) : [];
    if (this.#options.pairing.initiator) this.#connection?.restart();
    else if (forThisOne) for (const step of held) this.#handleSilently(step);
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
    this.#silence = 'none';
    this.#options.reopenSignaling();
    if (wasUp) this.#options.onsteady(false);
    if (this.#presence.left) this.#leftBehind('the other side left');
    else if (this.#presence.doubted) this.#presence.ask();
  }

  #open(): void {
    const generation = this.#generation;
    const current = (): boolean => generation === this.#generation && !this.#ended;
    const { rtc, Connection, pairing, patient = false, attach, ondescribed, onnegotiated } = this.#options;
    const said = new Said();
    this.#said = said;
    this.#connection = new PeerLink({
      diary: this.#diary,
      rtc,
      Connection,
      channels: CHANNELS,
      initiator: pairing.initiator,
      patient,
      send: (message) => {
        said.add(message);
        // Only a connection that looks for a better path has something to say while it works.
        if (current() && this.#isFine) this.#options.sayInBand(toInBand({ ...message, link: generation }));
        else this.#send({ ...message, link: generation });
      },
      attach: (channel, index) => attach(channel, index === 0 ? 'control' : 'pulse'),
      ...(patient || generation > 0 ? {} : { ondescribed }),
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
    clearTimeout(this.#pathTimer);
    this.#presence.stop();
  }

  /** Someone who is not the other side answers in its name. */
  #refuse(error: MillraceError): void {
    if (this.#phase === 'opening') this.#fail(error);
    else this.#gone(error);
  }

  /** A side that finds the handshake wrong leaves at once, and its leaving may be seen here before its reason. */
  #failSoon(error: MillraceError): void {
    this.#failure ??= error;
    if (this.#heardFailure) this.#setTimer(() => this.#fail(error), FAILURE_TIMEOUT_MS);
    else if (this.#handshaking) this.#setTimer(() => this.#fail(error), VERDICT_TIMEOUT_MS);
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

function noPath(): MillraceError {
  return new MillraceError('connection-failed', 'no path to the other side');
}
