import { MillraceError } from '../api/errors.js';
import { orAborted } from '../base/deferred.js';
import { createCode } from '../secrets/code.js';
import { connectAppSession, type AppSession } from '../session/app_channel.js';
import { closeCodes } from '../signaling/close_codes.js';
import type { Place, WebSocketSignaling } from '../signaling/websocket.js';
import { formatInvite, parseInvite, type CodeInvite, type Invite } from './invite.js';
import type { RoomConnectOptions } from './options.js';
import type { Ways } from './where.js';

type OpenByCode = NonNullable<Ways['openByCode']>;

/** Time for the invite to cross and for the other side to close the session, ms. */
const HANDOVER_MS = 10_000;
/** The pause after an attempt that failed, ms; it doubles with each. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** The pause before a server that cannot be reached is asked again, ms. */
const AWAY_PAUSE_MS = 3_000;
/** A server that was away may know a code only when its owner has come back, too. It is asked so often; more would count as guessing. */
const ATTEMPTS_AFTER_RETURN = 3;
const RETURN_PAUSE_MS = 6_000;

export interface CodeDeskOptions {
  readonly openByCode: OpenByCode;
  readonly connect: RoomConnectOptions;
  readonly invite: Invite;
  /** Resolves when there is a place for somebody. */
  readonly place: () => Promise<void>;
  /** A code leads here; null: none does now. */
  readonly oncode: (code: string | null) => void;
  /** Somebody came with wrong words: the code is over. */
  readonly onwrong: (error: MillraceError) => void;
  readonly signal: AbortSignal;
}

/** A code that waits: the words, and its place at the server. */
interface Waiting {
  readonly place: Place;
  readonly code: string;
}

/**
 * Gives the invite of a room to members that know its short code: one code after another, each for one member and for one guess.
 * The invite crosses in a session of its own, which the code authenticates.
 * Errors: rejects with the reason of `signal`, and with the first failure if no code could be got at all.
 */
export async function runCodeDesk(options: CodeDeskOptions): Promise<never> {
  const { signal, oncode } = options;
  let waiting: Waiting | undefined;
  let hadCode = false;
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    await orAborted(options.place(), signal);
    const signaling = open(options, waiting);
    try {
      if (!waiting) {
        const place = await orAborted(signaling.place, signal);
        waiting = { place, code: await createCode(place.nameplate) };
        hadCode = true;
        oncode(waiting.code);
      }
      const session = await connectAppSession({ ...options.connect, signaling, secret: waiting.code, secretKind: 'code', signal });
      waiting = undefined;
      pause = FIRST_PAUSE_MS;
      oncode(null);
      session.sendNote({ type: 'invite', invite: formatInvite(options.invite) });
      await orAborted(closedWithin(session, HANDOVER_MS), signal);
    } catch (caught) {
      signaling.close?.();
      if (signal.aborted) throw signal.reason;
      const error = MillraceError.from(caught, 'internal');
      if (!hadCode) throw error;
      // After a failure of the socket alone the same code goes on: its words were not guessed at.
      if (waiting && (error.code !== 'signaling-failed' || signaling.closeCode === closeCodes.expired)) {
        waiting = undefined;
        oncode(null);
        if (error.code === 'authentication-failed') options.onwrong(error);
      }
      await pauseFor(waiting ? Math.min(pause, AWAY_PAUSE_MS) : pause, signal);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
  }
}

export interface TakeInviteOptions {
  readonly openByCode: OpenByCode;
  readonly code: CodeInvite;
  readonly connect: RoomConnectOptions;
  /** True: an attempt begins. False: the server cannot be reached, and is tried again. */
  readonly onattempt: (isUnderWay: boolean) => void;
  readonly signal: AbortSignal;
}

/**
 * Gets the invite that a code stands for. A server that cannot be reached is tried again without a limit: the code is still good then.
 * Errors: rejects with the reason of `signal`, with 'authentication-failed' for wrong words (the code is over then),
 * 'signaling-failed' if the server knows no such code, 'timeout' if no invite comes, and as `connect`.
 */
export async function takeInvite({ openByCode, code, connect, onattempt, signal }: TakeInviteOptions): Promise<Invite> {
  let wasAway = false;
  let refused = 0;
  for (;;) {
    onattempt(true);
    const signaling = openByCode({ nameplate: code.nameplate });
    try {
      return await receiveInvite(await connectAppSession({ ...connect, signaling, secret: code.code, secretKind: 'code', signal }), signal);
    } catch (caught) {
      if (signal.aborted) throw signal.reason;
      const error = MillraceError.from(caught, 'internal');
      const refusal = refusals.get(signaling.closeCode ?? 0);
      if (error.code !== 'signaling-failed') throw error;
      if (refusal === undefined) {
        wasAway = true;
      } else {
        refused += 1;
        const mayReturn = wasAway && signaling.closeCode === closeCodes.noSuchNameplate && refused < ATTEMPTS_AFTER_RETURN;
        if (!mayReturn) throw new MillraceError('signaling-failed', refusal, { cause: error });
      }
    }
    onattempt(false);
    await pauseFor(refused > 0 ? RETURN_PAUSE_MS : AWAY_PAUSE_MS, signal);
  }
}

const noSuchCode = 'no room waits with this code: it is mistyped, was used already, or its room is gone';
/** What the server's refusals mean for a code. */
const refusals: ReadonlyMap<number, string> = new Map([
  [closeCodes.noSuchNameplate, noSuchCode],
  [closeCodes.expired, noSuchCode],
  [closeCodes.roomFull, noSuchCode],
  [closeCodes.tooManyGuesses, 'too many wrong codes came from this network: wait some minutes, then try again'],
]);

async function receiveInvite(session: AppSession, signal: AbortSignal): Promise<Invite> {
  try {
    const arrived = new Promise<unknown>((resolve) => (session.onnote = ({ invite }) => resolve(invite)));
    const late = closedWithin(session, HANDOVER_MS).then(() => Promise.reject(new MillraceError('timeout', 'no invite came with the code')));
    const invite = parseInvite(await orAborted(Promise.race([arrived, late]), signal));
    if ('code' in invite) throw new MillraceError('protocol-violation', 'the other side sent a code instead of an invite');
    return invite;
  } finally {
    void session.close();
  }
}

/** The same place as before, or a new one. */
function open({ openByCode }: CodeDeskOptions, waiting: Waiting | undefined): WebSocketSignaling {
  return openByCode(waiting ? { nameplate: waiting.place.nameplate, room: waiting.place.room } : 'new');
}

/** Errors: rejects with the reason of `signal`. */
function pauseFor(ms: number, signal: AbortSignal): Promise<unknown> {
  return orAborted(new Promise((resolve) => setTimeout(resolve, ms)), signal);
}

function closedWithin(session: AppSession, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      void session.close();
      resolve();
    }, ms);
    const check = (): void => {
      if (session.state !== 'closed') return;
      clearTimeout(timer);
      resolve();
    };
    session.addEventListener('statechange', check);
    check();
  });
}
