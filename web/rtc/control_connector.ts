import { MillraceError, withDetail, type ErrorCode } from '../api/errors.js';
import { toBase64Url } from '../base/bytes.js';
import type { ConnectionMessage, PeerMessage } from '../signaling/envelope.js';
import { ConnectionDiary } from './connection_diary.js';
import type { ControlConnectorOptions } from './control_options.js';
import { diagnose } from './diagnose.js';
import { isInBand } from './in_band.js';
import { NumberedLink } from './numbered_link.js';
import { Opening } from './opening.js';
import { Presence } from './presence.js';
import { Repair, type Phase } from './repair.js';

/** A signalling that fails again and again reports it more often than this, ms: a socket opens or fails within 15 s. */
const SIGNALING_DOWN_MS = 20_000;
/** The errors that a connection may cause which does not come up. */
const EXPLAINED: ReadonlySet<ErrorCode> = new Set(['connection-failed', 'connection-lost', 'signaling-failed', 'timeout']);

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
  readonly #presence: Presence;
  readonly #diary: ConnectionDiary = new ConnectionDiary(() => this.#opening.awaitPath());
  readonly #opening: Opening;
  readonly #link: NumberedLink;
  readonly #repair: Repair;
  /** The last failure of the signalling, unless something came through it since. */
  #signalingFailedAt = -Infinity;
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
    this.#opening = new Opening({
      patient: options.patient ?? false,
      diary: this.#diary,
      presence: this.#presence,
      checkSignaling: () => options.reopenSignaling(),
      onfailed: (error) => this.#fail(error),
    });
    this.#link = new NumberedLink({
      ...options,
      diary: this.#diary,
      isFine: () => this.#repair.isFine && !this.#ended,
      send: (message) => this.#send(message),
      onstate: (state) => this.#handleState(state),
      onlost: (error) => this.#handleLost(error),
    });
    this.#repair = new Repair({
      ...options,
      link: this.#link,
      initiator: options.pairing.initiator,
      ask: (message) => this.#send(message),
      onbroken: () => this.#handleBroken(),
    });
    try {
      this.#link.open(0);
    } catch (caught) {
      this.#opening.end();
      throw caught;
    }
    const { pairing } = options;
    pairing.onmessage = (message) => this.#hear(message);
    pairing.onbye = (failed) => this.#hearBye(failed);
    pairing.ondoubt = () => this.#doubt();
    pairing.onreopened = () => this.#handleReopened();
  }

  get #phase(): Phase {
    return this.#repair.phase;
  }

  /** The current connection. */
  get connection(): RTCPeerConnection | undefined {
    return this.#link.connection;
  }

  /** Adds a report to an error that a connection which did not come up has caused. Returns other errors unchanged. */
  explain(error: MillraceError): MillraceError {
    const { code, detail, byPeer } = error;
    if (this.#phase === 'up' || detail !== undefined || byPeer || !EXPLAINED.has(code)) return error;
    const cause = this.#phase === 'opening' ? this.#opening.causeOf(error) : error;
    if (!EXPLAINED.has(cause.code) || (cause.code === 'connection-lost' && this.#presence.left)) return cause;
    const signalingDown = code === 'signaling-failed' || performance.now() - this.#signalingFailedAt < SIGNALING_DOWN_MS;
    return withDetail(cause, diagnose(this.#diary.record(signalingDown)));
  }

  /** The signalling reported that it failed. */
  signalingFailed(): void {
    this.#signalingFailedAt = performance.now();
  }

  /** While the first connection is being set up: sends a message of the handshake ahead, through the signalling, which may lose it. */
  sendHandshake(index: number, message: Uint8Array): void {
    if (this.#phase === 'opening' && !this.#ended) this.#send({ type: 'handshake', link: this.#link.number, index, data: toBase64Url(message) });
  }

  /** While the first connection is being set up: sends what sets up one of the first lanes, through the signalling, which may lose it. */
  sendLane(lane: number, messages: readonly ConnectionMessage[]): void {
    if (this.#phase === 'opening' && !this.#ended) this.#send({ type: 'lane', lane, messages });
  }

  /** The first channels are open: from now on the session knows the reason of a failure. */
  handshaking(): void {
    this.#opening.handshaking();
  }

  /** The session has keys for the current connection. */
  established(): void {
    this.#presence.doubted = false;
    this.#presence.stop();
    this.#opening.end();
    this.#repair.established();
  }

  /** The session has lost the current connection. */
  disconnected(): void {
    if (this.#ended) return;
    if (this.#phase === 'up' || this.#phase === 'restarting') this.#repair.renew();
  }

  /** The network may have changed, or the machine may have slept: the connection is checked now, or its repair goes on at once. */
  check(): void {
    if (this.#ended || this.#phase === 'opening') return;
    if (this.#phase === 'up') this.#options.check();
    else this.#repair.renew();
  }

  /**
   * During a transfer, the other side has not answered the session for a while, or (false) it answers again. The connection looks for
   * another path and keeps its own: silence may end by itself.
   */
  silence(silent: boolean): void {
    if (!this.#ended) this.#repair.silence(silent);
  }

  /**
   * Looks for a better path for a connection that works, and keeps its own until there is one. The messages go over the connection, so that the
   * signalling need not work or be trusted. No effect on the side that does not make offers, and while the connection is being repaired.
   */
  lookForBetterPath(): void {
    if (!this.#ended && this.#repair.isFine && this.#options.pairing.initiator) this.#link.restart();
  }

  /** Takes what the other side passed to its `sayInBand`. Returns false for any other text; invalid content is ignored. */
  hearInBand(text: string): boolean {
    if (!isInBand(text)) return false;
    if (this.#phase === 'up' && !this.#ended) this.#link.handleInBand(text);
    return true;
  }

  /** The session ends: the connection stays until `close`, and no new one is made. */
  stopRepairs(): void {
    this.#ended = true;
    this.#presence.stop();
    this.#opening.end();
    this.#repair.stop();
  }

  close(): void {
    this.stopRepairs();
    this.#link.close();
  }

  #hear(message: PeerMessage): void {
    if (this.#ended) return;
    this.#signalingFailedAt = -Infinity;
    this.#presence.handle(message);
    switch (message.type) {
      case 'description':
      case 'candidate':
        this.#repair.hear(message);
        break;
      case 'handshake':
        this.#hearHandshake(message);
        break;
      case 'lane':
        this.#options.onlane(message.lane, message.messages);
        break;
      case 'restart':
      case 'renew':
        this.#repair.hearRequest(message);
        break;
      case 'repeat':
        // A side that has not heard of the newest connection names an older one.
        if (message.link <= this.#link.number) this.#link.repeat();
        break;
      case 'ping':
      case 'pong':
        // Only `#presence` uses them.
        break;
    }
  }

  #hearHandshake({ link, index, data }: Extract<PeerMessage, { type: 'handshake' }>): void {
    const message = this.#phase === 'opening' && link === this.#link.number ? this.#opening.hearHandshake(data) : undefined;
    if (message) this.#options.onhandshake(index, message);
  }

  #handleReopened(): void {
    if (!this.#ended && !this.#repair.isFine) this.#link.repeatBoth();
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
    if (this.#phase === 'opening') this.#opening.leftBehind(detail, failed);
    else this.#gone(new MillraceError('connection-lost', detail));
  }

  /** A repair begins, or goes on. */
  #handleBroken(): void {
    if (this.#presence.left) this.#leftBehind('the other side left');
    else if (this.#presence.doubted) this.#presence.ask();
  }

  #handleState(state: 'connected' | 'disconnected' | 'failed'): void {
    if (this.#ended) return;
    if (state === 'connected') {
      if (this.#phase !== 'restarting') return;
      this.#presence.stop();
      this.#repair.restarted();
      // There is a path; whether the other side is still there is another question.
      this.#options.check();
    } else if (this.#phase === 'opening') {
      if (state === 'failed') this.#opening.foundNoPath();
    } else if (this.#phase === 'up') {
      this.#repair.restart();
    } else if (state === 'failed') {
      this.#repair.renewSoon();
    }
  }

  #handleLost(error: MillraceError): void {
    if (this.#ended) return;
    if (error.code === 'authentication-failed') this.#refuse(error);
    else if (this.#phase === 'opening') this.#opening.fail(error);
    else if (this.#phase === 'renewing') this.#repair.renewSoon();
    else this.#repair.renew();
  }

  /** A signalling that throws ends the first attempt. Later, lost messages are repeated. */
  #send(message: PeerMessage): void {
    try {
      this.#options.pairing.send(message);
    } catch (caught) {
      if (this.#phase === 'opening') this.#fail(MillraceError.from(caught, 'signaling-failed'));
    }
  }

  /** Someone who is not the other side answers in its name. */
  #refuse(error: MillraceError): void {
    if (this.#phase === 'opening') this.#fail(error);
    else this.#gone(error);
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
