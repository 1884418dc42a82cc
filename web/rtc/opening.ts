import { MillraceError, type ErrorCode } from '../api/errors.js';
import { fromBase64Url } from '../base/bytes.js';
import { AUTHENTICATION_FAILED, HandshakeType } from '../wasm/session.js';
import type { ConnectionDiary } from './connection_diary.js';
import type { Presence } from './presence.js';

/** Time for the session to report why the first handshake failed, ms, once the connection has ended. */
const VERDICT_TIMEOUT_MS = 2_000;
/** The same where the reason was heard already, and the session's core may still be loading. */
const FAILURE_TIMEOUT_MS = 10_000;
/**
 * As long as the first connection is not up, the signalling is checked at this interval, ms: a connection is up sooner where all
 * messages arrive.
 */
const CHECK_MS = 3_000;
/** A path that exists is found sooner, ms: a side that leaves later than this gave up. */
const PATH_MS = 10_000;
/** What the session sees of a connection that finds no path: channels that close (Firefox), or a handshake without an answer. */
const CONSEQUENCES: ReadonlySet<ErrorCode> = new Set(['connection-lost', 'timeout']);

export interface OpeningOptions {
  /** The first path may still come up after it has failed: people carry the messages. */
  readonly patient: boolean;
  readonly diary: ConnectionDiary;
  readonly presence: Presence;
  /** The signalling is needed, and may have died silently. */
  checkSignaling(): void;
  /** The first connection does not come up. May be called more than once. */
  onfailed(error: MillraceError): void;
}

/** The time in which the first connection is set up: how long that may take, and which error ends it. */
export class Opening {
  readonly #options: OpeningOptions;
  readonly #beganAt = performance.now();
  readonly #checks: ReturnType<typeof setInterval>;
  /** The connection fails when this expires before a path is found. */
  #pathTimer: ReturnType<typeof setTimeout> | undefined;
  #verdictTimer: ReturnType<typeof setTimeout> | undefined;
  #handshaking = false;
  /** The other side said over the signalling that the handshake is wrong. */
  #heardFailure = false;
  /** What it said, where that explains why it left. */
  #lastWords: MillraceError | undefined;
  #failure: MillraceError | undefined;
  #over = false;

  constructor(options: OpeningOptions) {
    this.#options = options;
    this.#checks = setInterval(() => options.checkSignaling(), CHECK_MS);
  }

  /** The first channels are open: from now on the session knows the reason of a failure. */
  handshaking(): void {
    this.#handshaking = true;
  }

  /** Decodes a message of the handshake that came through the signalling; undefined for invalid text. */
  hearHandshake(data: string): Uint8Array | undefined {
    const message = fromBase64Url(data);
    if (!message) return undefined;
    if (message[1] === HandshakeType.failure) this.#hearFailure(message[2]);
    // The other side may find that it is wrong, and leave, before the channels are open at this side.
    this.#handshaking = true;
    return message;
  }

  /** The diary's deadline may have changed. Browsers may look for a path for half a minute where there is none. */
  awaitPath(): void {
    clearTimeout(this.#pathTimer);
    if (this.#options.patient || this.#over) return;
    const ms = this.#options.diary.deadline - performance.now();
    if (ms === Infinity) return;
    this.#pathTimer = setTimeout(() => this.#failWithoutPath(), ms);
  }

  /** Browsers found no path. */
  foundNoPath(): void {
    if (!this.#options.patient) this.#failWithoutPath();
  }

  /** The other side left. `failed`: it says that it found no path. */
  leftBehind(detail: string, failed: boolean): void {
    const gaveUp = failed || performance.now() - this.#beganAt >= PATH_MS;
    // Its channels may have opened before those of this side, and told it that the secret is wrong: the reason comes over them.
    if (!gaveUp && this.#options.diary.hasPath) this.#handshaking = true;
    this.fail(gaveUp ? new MillraceError('connection-failed', 'the other side gave up: no path was found') : new MillraceError('connection-lost', detail));
  }

  /**
   * Calls `onfailed`: at once, or when the session has had time to say why. A side that finds the handshake wrong leaves at once, and its
   * leaving may be seen here before its reason.
   */
  fail(error: MillraceError): void {
    this.#failure ??= error;
    clearTimeout(this.#verdictTimer);
    if (!this.#handshaking) {
      this.#options.onfailed(error);
      return;
    }
    const ms = this.#heardFailure ? FAILURE_TIMEOUT_MS : VERDICT_TIMEOUT_MS;
    this.#verdictTimer = setTimeout(() => this.#options.onfailed(this.causeOf(error)), ms);
  }

  /** Why the connection did not come up, where `error` is only what followed from that; else `error` itself. */
  causeOf(error: MillraceError): MillraceError {
    if (!CONSEQUENCES.has(error.code)) return error;
    const { diary, patient, presence } = this.#options;
    return this.#lastWords ?? this.#failure ?? (diary.lacksPath && !presence.left && !patient ? noPath() : error);
  }

  /** Where there never was a path, the session has nothing to say about it, unless the other side said that the handshake is wrong. */
  #failWithoutPath(): void {
    if (this.#options.diary.hasPath || this.#heardFailure) this.fail(noPath());
    else this.#options.onfailed(noPath());
  }

  #hearFailure(reason: number | undefined): void {
    this.#heardFailure = true;
    if (reason === AUTHENTICATION_FAILED) this.#lastWords ??= new MillraceError('authentication-failed', 'the other side broke the handshake off');
  }

  /** The connection is up, or is given up. */
  end(): void {
    this.#over = true;
    clearInterval(this.#checks);
    clearTimeout(this.#pathTimer);
    clearTimeout(this.#verdictTimer);
  }
}

function noPath(): MillraceError {
  return new MillraceError('connection-failed', 'no path to the other side');
}
