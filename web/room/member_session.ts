import { MillraceError } from '../api/errors.js';
import type { ConnectOptions } from '../api/options.js';
import type { Offer } from '../api/types.js';
import { deferred, type Deferred } from '../base/deferred.js';
import { connectAppSession, type AppSession } from '../session/app_channel.js';
import { parseEnvelope } from '../signaling/envelope.js';
import { PairSignaling } from './pair_signaling.js';
import type { MemberName } from './member_name.js';

/** Pause after a session that worked, or after a first failure, ms: random, so that two sides do not miss each other repeatedly. */
const LEAST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 2_000;
/** Longest pause, ms. Less than an attempt takes, so that two sides that back off still meet. */
const LONGEST_PAUSE_MS = 10_000;
/** After this time without an answer an attempt ends, ms: the other side may not have heard of this member yet. */
const ATTEMPT_MS = 12_000;
/** The same once the other side has answered, ms: as long as `connect` takes at most. */
const ANSWERED_ATTEMPT_MS = 42_000;
/** How long a caller waits for a connection that has to be made, ms. */
const WAIT_MS = 30_000;
/** How long a session that was only kept for files stays after the last one, ms: the next file may follow. */
const IDLE_MS = 5_000;

export interface MemberSessionOptions {
  /** For each attempt, apart from its signalling and its signal. */
  readonly connect: Omit<ConnectOptions, 'signaling' | 'signal'>;
  /** Carries a message to the member through the room. Errors: throws as the signalling does. */
  readonly say: (body: object) => void;
  readonly reopenRoom: () => void;
  /** The session works; or does not, for a while or for ever. */
  readonly onup: (up: boolean) => void;
  /** A new session is about to be up: takes its messages from the first one on. */
  readonly onsession: (session: AppSession) => void;
  /** An attempt failed. `final`: no other one follows. */
  readonly onfailed: (error: MillraceError, final: boolean) => void;
}

/** An attempt to connect, and the session that it led to. */
interface Attempt {
  readonly signaling: PairSignaling;
  readonly ending: AbortController;
  timer: ReturnType<typeof setTimeout> | undefined;
  answered: boolean;
  session: AppSession | undefined;
}

/**
 * The session with one member in one of its lives. It is made when the plan, a caller or the member itself wants it, made again
 * when it fails, and ended when nobody on this side needs it any more.
 */
export class MemberSession {
  readonly name: MemberName;
  readonly #options: MemberSessionOptions;
  #attempt: Attempt | undefined;
  #up = false;
  /** Neighbours by the plan. */
  #wanted = false;
  /** This side asked for the session, so it ends it; one that only the other side asked for is the other side's to end. */
  #asked = false;
  readonly #waiting = new Set<Deferred<AppSession>>();
  #onincoming: ((offer: Offer) => void) | null = null;
  /** Attempts that failed, since the last session that worked. */
  #failures = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  /** The member tried to connect during the pause. */
  #heard = false;
  #idle: ReturnType<typeof setTimeout> | undefined;
  /** Why no further attempt is made. */
  #end: MillraceError | undefined;
  #released: Promise<unknown> = Promise.resolve();

  constructor(name: MemberName, options: MemberSessionOptions) {
    this.name = name;
    this.#options = options;
  }

  get up(): boolean {
    return this.#up;
  }

  /** Undefined while there is none. */
  get session(): AppSession | undefined {
    return this.#attempt?.session;
  }

  /** Takes the member's offers. Those that came before wait for it, and those after `null` for the next one. */
  set onincoming(listener: ((offer: Offer) => void) | null) {
    this.#onincoming = listener;
    if (this.session) this.session.onincoming = listener;
  }

  /** The plan makes the member a neighbour. */
  want(): void {
    this.#wanted = true;
    this.#asked = true;
    this.#open();
  }

  /** The plan has no use for the session any more. While files go over it, it stays. */
  release(): void {
    this.#wanted = false;
    if (!this.session?.hasTransfers && this.#waiting.size === 0) this.#drop();
  }

  /** A message of the member that sets up the session. */
  hear(body: object): void {
    // A late message of an attempt that is over, such as its goodbye, is no reason for a new one.
    if (!this.#attempt && saysHello(body)) {
      // The pause holds for both sides. The member hears this side's own hello when the pause is over.
      if (this.#pause !== undefined && this.#failures > 0) this.#heard = true;
      else this.#open();
    }
    const attempt = this.#attempt;
    if (!attempt) return;
    if (!attempt.answered && !attempt.session) {
      attempt.answered = true;
      this.#limit(attempt, ANSWERED_ATTEMPT_MS);
    }
    attempt.signaling.hear(body);
  }

  /** Somebody's way to the room ended; nobody says whose. */
  hearLeft(message: unknown): void {
    this.#attempt?.signaling.hear(message);
  }

  /**
   * The session, made if there is none. Errors: rejects with 'timeout' after 30 s; with 'authentication-failed' where the member
   * has another secret; with the error of `close`.
   */
  async get(): Promise<AppSession> {
    if (this.#end) throw this.#end;
    if (this.#up && this.session) return this.session;
    const arrived = deferred<AppSession>();
    this.#waiting.add(arrived);
    const late = new MillraceError('timeout', `no connection to ${this.name.id} within ${WAIT_MS / 1000} s`);
    const timer = setTimeout(() => arrived.reject(late), WAIT_MS);
    if (!this.#attempt) this.#asked = true;
    this.#open();
    try {
      return await arrived.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(arrived);
    }
  }

  /** Ends it for good: callers that wait fail with `error`. Resolves when everything is released. */
  async close(error: MillraceError): Promise<void> {
    this.#finish(error);
    this.#drop();
    await this.#released;
  }

  #finish(error: MillraceError): void {
    this.#end ??= error;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    for (const waiting of this.#waiting) waiting.reject(error);
  }

  #open(): void {
    clearTimeout(this.#idle);
    // After a session that worked, the next one need not wait.
    if (this.#failures === 0) this.#endPause();
    if (this.#attempt || this.#end || this.#pause !== undefined) return;
    const { connect, say, reopenRoom } = this.#options;
    const signaling = new PairSignaling(say, reopenRoom);
    const attempt: Attempt = { signaling, ending: new AbortController(), timer: undefined, answered: false, session: undefined };
    this.#attempt = attempt;
    this.#limit(attempt, ATTEMPT_MS);
    connectAppSession({ ...connect, signaling, signal: attempt.ending.signal })
      .then(
        (session) => this.#connected(attempt, session),
        (caught: unknown) => this.#lose(attempt, MillraceError.from(caught, 'internal')),
      )
      .finally(() => clearTimeout(attempt.timer));
  }

  /** From now on the attempt may take `ms`. */
  #limit(attempt: Attempt, ms: number): void {
    clearTimeout(attempt.timer);
    attempt.timer = setTimeout(() => {
      this.#lose(attempt, new MillraceError('timeout', `no answer within ${ms / 1000} s`));
      attempt.ending.abort();
    }, ms);
  }

  #connected(attempt: Attempt, session: AppSession): void {
    if (this.#attempt !== attempt) {
      this.#letGo(session);
      return;
    }
    attempt.session = session;
    this.#failures = 0;
    this.#options.onsession(session);
    session.onincoming = this.#onincoming;
    session.onidle = () => this.#dropWhenIdle();
    session.addEventListener('statechange', () => {
      if (this.#attempt !== attempt) return;
      if (session.state === 'closed') this.#lose(attempt);
      // While the session is repaired, messages may go another way.
      else this.#setUp(session.state === 'connected');
    });
    this.#setUp(true);
    for (const waiting of this.#waiting) waiting.resolve(session);
    // A caller that waited may have given up meanwhile.
    if (!this.#wanted) this.#dropWhenIdle();
  }

  /** The session ended, or (with `error`) the attempt failed. */
  #lose(attempt: Attempt, error?: MillraceError): void {
    if (this.#attempt !== attempt) return;
    this.#attempt = undefined;
    this.#setUp(false);
    if (this.#end) return;
    if (error) {
      this.#failures += 1;
      const final = error.code === 'authentication-failed';
      this.#options.onfailed(error, final);
      if (final) this.#finish(error);
      if (this.#end) return;
    }
    const most = Math.min(MOST_PAUSE_MS * 2 ** Math.max(0, this.#failures - 1), LONGEST_PAUSE_MS);
    const least = Math.max(LEAST_PAUSE_MS, most / 2);
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#goOn(), this.#failures === 0 ? drawn(LEAST_PAUSE_MS, MOST_PAUSE_MS) : drawn(least, most));
  }

  #goOn(): void {
    const needed = this.#wanted || this.#heard || this.#waiting.size > 0;
    this.#endPause();
    if (needed) this.#open();
  }

  #endPause(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#heard = false;
  }

  #dropWhenIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      if (this.#asked && !this.#wanted && this.#waiting.size === 0 && !this.session?.hasTransfers) this.#drop();
    }, IDLE_MS);
  }

  #setUp(up: boolean): void {
    if (this.#up === up) return;
    this.#up = up;
    this.#options.onup(up);
  }

  /** Ends the session or the attempt. */
  #drop(): void {
    clearTimeout(this.#idle);
    this.#endPause();
    this.#asked = false;
    const attempt = this.#attempt;
    this.#attempt = undefined;
    this.#setUp(false);
    if (attempt?.session) this.#letGo(attempt.session);
    else attempt?.ending.abort();
  }

  #letGo(session: AppSession): void {
    this.#released = Promise.all([this.#released, session.close()]);
  }
}

/** Whether a message begins an attempt to connect. */
function saysHello(message: object): boolean {
  const envelope = parseEnvelope(message);
  return envelope?.body.type === 'hello' && envelope.to === undefined;
}

function drawn(least: number, most: number): number {
  return least + Math.random() * (most - least);
}
