import { MillraceError } from '../api/errors.js';
import { TokenBucket } from '../base/token_bucket.js';
import type { AppSession } from '../session/app_channel.js';
import type { Identity } from './identity.js';
import { introduce, type About, type Candidate, type Outcome, type Verdict } from './introduction.js';
import type { Address } from './room_messages.js';

/** A member whose connection looks well has this time to answer, ms. */
const ANSWER_MS = 4_000;
/** Answers to a member that asks whether this side is there: at once, and then each second. An honest one asks once for each newcomer. */
const PONG_BURST = 20;
const PONGS_PER_SECOND = 5;

export interface AdmissionOptions {
  readonly about: About;
  readonly maxPeers: number;
  readonly identity: () => Identity;
  /** The members that were admitted, by id. */
  readonly peers: ReadonlyMap<string, AppSession>;
  /** Both sides want the member. */
  readonly onadmitted: (address: Address, session: AppSession, candidate: Candidate) => void;
  /** One side does not. */
  readonly onturnedaway: (address: Address, outcome: Outcome) => void;
  /** The other side broke the rules of an introduction, or did not prove its id. */
  readonly onfailed: (address: Address, error: MillraceError) => void;
  /** Ends the session of a member that came back over another one. */
  readonly onghost: (session: AppSession) => void;
}

/** Decides who becomes a peer. A member does if it proves an id that nobody else is using, and there is a place for it. */
export class Admission {
  readonly #options: AdmissionOptions;
  /** Ids of members that were told 'welcome' and have not answered yet. */
  readonly #reserved = new Set<string>();
  /** Called when the member answers. */
  readonly #asked = new Map<AppSession, () => void>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Places that are free. */
  get places(): number {
    const { peers, maxPeers } = this.#options;
    const coming = [...this.#reserved].filter((id) => !peers.has(id)).length;
    return maxPeers - peers.size - coming;
  }

  /** Nobody else is let in. A member whose connection is broken may be about to come back, which only an introduction tells. */
  get isFull(): boolean {
    return this.places <= 0 && [...this.#options.peers.values()].every(({ state }) => state === 'connected');
  }

  /** A session with somebody is up. */
  async introduce(address: Address, session: AppSession): Promise<void> {
    const { about, identity, onadmitted, onturnedaway, onfailed } = this.#options;
    let reserved: string | undefined;
    const judge = async (candidate: Candidate): Promise<Verdict> => {
      const verdict = await this.#judge(candidate);
      if (verdict === 'welcome') {
        reserved = candidate.id;
        this.#reserved.add(reserved);
      }
      return verdict;
    };
    let outcome: Outcome;
    try {
      outcome = await introduce({ session, identity: identity(), about, judge });
    } catch (caught) {
      // A session that ended by itself is tried again, as any other.
      if (session.state !== 'closed') onfailed(address, MillraceError.from(caught, 'internal'));
      return;
    } finally {
      if (reserved !== undefined) this.#reserved.delete(reserved);
    }
    if (session.state === 'closed') return;
    if (outcome.here === 'welcome' && outcome.there === 'welcome') {
      const pongs = new TokenBucket(PONG_BURST, PONGS_PER_SECOND, performance.now());
      session.onnote = (note) => this.#hear(session, note, pongs);
      onadmitted(address, session, outcome.candidate);
    } else {
      onturnedaway(address, outcome);
    }
  }

  async #judge({ id }: Candidate): Promise<Verdict> {
    if (id === this.#options.identity().id) return 'self';
    if (this.#reserved.has(id)) return 'taken';
    const present = this.#options.peers.get(id);
    if (present) {
      if (await this.#answers(present)) return 'taken';
      // Its page was loaded again: nobody is at the other end of the earlier session.
      this.#options.onghost(present);
    }
    return this.places > 0 ? 'welcome' : 'full';
  }

  /** Whether somebody is at the other end of a session. */
  #answers(session: AppSession): Promise<boolean> {
    if (session.state !== 'connected') return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (answers: boolean): void => {
        clearTimeout(timer);
        session.removeEventListener('statechange', onstate);
        this.#asked.delete(session);
        resolve(answers);
      };
      const timer = setTimeout(() => settle(false), ANSWER_MS);
      const onstate = (): void => settle(false);
      session.addEventListener('statechange', onstate);
      this.#asked.set(session, () => settle(true));
      session.sendNote({ type: 'ping' });
    });
  }

  /** `pongs`: a flood of questions is not answered with a flood. */
  #hear(session: AppSession, { type }: Record<string, unknown>, pongs: TokenBucket): void {
    if (type === 'pong') this.#asked.get(session)?.();
    else if (type === 'ping' && pongs.take(performance.now())) session.sendNote({ type: 'pong' });
  }
}
