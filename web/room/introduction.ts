import { MillraceError } from '../api/errors.js';
import type { JsonValue } from '../api/message_types.js';
import { deferred } from '../base/deferred.js';
import type { AppSession, Introduced } from '../session/app_channel.js';
import { idOf, isSignedBy, type Identity } from './identity.js';
import { encodedAbout } from './options.js';

/** How a member appears to the others. */
export interface About {
  readonly name: string;
  readonly data: JsonValue;
}

/** The other side, once it has proved its id. */
export interface Candidate extends Introduced {
  /** Of two members with one identity, the one with the larger number draws another. */
  readonly rank: number;
}

/** 'full': there is no place left. 'taken': another member has this id. 'self': it is this member's own. */
export type Verdict = 'welcome' | 'full' | 'taken' | 'self';

export interface IntroductionOptions {
  readonly session: AppSession;
  readonly identity: Identity;
  readonly about: About;
  /** Decides about a member that has proved its id. Called once. */
  readonly judge: (candidate: Candidate) => Promise<Verdict>;
}

/** How it ended. `here`: this side's verdict. `there`: the other side's. */
export interface Outcome {
  readonly candidate: Candidate;
  readonly here: Verdict;
  readonly there: Verdict;
}

/** A few round trips. */
const TIMEOUT_MS = 20_000;
/** Notes of one introduction are three; a side that sends more than this is cut off. */
const MAX_NOTES = 8;
const CONTEXT = 'millrace room 1';
const verdicts: readonly string[] = ['welcome', 'full', 'taken', 'self'] satisfies Verdict[];

/**
 * Introduces two members of a room to each other over their session, before either shows the other to its page.
 *
 * 1. `hello`: public key, name, data, rank.
 * 2. `proof`: a signature over the session's `sas` and both ids. `sas` is different in any two sessions, so a member in between
 *    cannot pass on the proof of another; the order of the ids keeps a proof from being sent back.
 * 3. `verdict`.
 *
 * Errors: rejects with 'protocol-violation', 'authentication-failed' for a wrong proof, 'timeout', and the session's own error.
 */
export async function introduce({ session, identity, about, judge }: IntroductionOptions): Promise<Outcome> {
  const notes = new NoteReader(session);
  try {
    session.sendNote({ type: 'hello', key: identity.publicKey, rank: identity.rank, ...about });
    const hello = await notes.next('hello');
    const { key } = hello;
    const id = typeof key === 'string' ? await idOf(key) : undefined;
    const known = parseAbout(hello);
    if (typeof key !== 'string' || id === undefined || !known || typeof hello.rank !== 'number') {
      throw new MillraceError('protocol-violation', 'a member introduced itself with invalid values');
    }
    const statement = (signer: string, reader: string): string => [CONTEXT, session.sas.join(' '), signer, reader].join('\n');
    session.sendNote({ type: 'proof', signature: await identity.sign(statement(identity.id, id)) });
    const { signature } = await notes.next('proof');
    if (typeof signature !== 'string' || !(await isSignedBy(key, statement(id, identity.id), signature))) {
      throw new MillraceError('authentication-failed', 'a member claimed an id that it could not prove');
    }
    const candidate: Candidate = { id, ...known, rank: hello.rank };
    const here = await judge(candidate);
    session.sendNote({ type: 'verdict', verdict: here });
    const { verdict } = await notes.next('verdict');
    if (!isVerdict(verdict)) throw new MillraceError('protocol-violation', 'a member answered an introduction with an invalid value');
    return { candidate, here, there: verdict };
  } finally {
    notes.close();
  }
}

/** Name and data of a member; undefined if they are invalid or too long: their sender is not trusted. */
function parseAbout({ name, data }: Record<string, unknown>): About | undefined {
  if (typeof name !== 'string' || data === undefined) return undefined;
  const about = { name, data: data as JsonValue };
  try {
    encodedAbout(about);
    return about;
  } catch {
    return undefined;
  }
}

function isVerdict(value: unknown): value is Verdict {
  return typeof value === 'string' && verdicts.includes(value);
}

/** The notes of one introduction, one after another. */
class NoteReader {
  readonly #session: AppSession;
  readonly #waiting: Record<string, unknown>[] = [];
  readonly #timer: ReturnType<typeof setTimeout>;
  #taken = 0;
  #reader: ((note: Record<string, unknown>) => void) | undefined;
  readonly #failed = deferred<never>();
  readonly #onstate = (): void => {
    if (this.#session.state === 'closed') this.#failed.reject(this.#session.ending ?? new MillraceError('closed'));
  };

  constructor(session: AppSession) {
    this.#session = session;
    this.#failed.promise.catch(() => {});
    this.#timer = setTimeout(() => this.#failed.reject(new MillraceError('timeout', 'a member did not introduce itself')), TIMEOUT_MS);
    session.onnote = (note) => this.#take(note);
    session.addEventListener('statechange', this.#onstate);
    this.#onstate();
  }

  /** The next note. Errors: rejects with 'protocol-violation' for one of another type; see `introduce`. */
  async next(type: string): Promise<Record<string, unknown>> {
    const note = this.#waiting.shift() ?? (await Promise.race([this.#nextNote(), this.#failed.promise]));
    if (note.type !== type) throw new MillraceError('protocol-violation', `a member sent ${String(note.type).slice(0, 20)} instead of ${type}`);
    return note;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#session.onnote = null;
    this.#session.removeEventListener('statechange', this.#onstate);
  }

  #nextNote(): Promise<Record<string, unknown>> {
    return new Promise((resolve) => (this.#reader = resolve));
  }

  #take(note: Record<string, unknown>): void {
    this.#taken += 1;
    if (this.#taken > MAX_NOTES) {
      this.#failed.reject(new MillraceError('protocol-violation', 'a member sent too many notes'));
      return;
    }
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader) reader(note);
    else this.#waiting.push(note);
  }
}
