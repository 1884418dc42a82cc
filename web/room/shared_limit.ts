import { LEAST_BANDWIDTH_LIMIT } from '../api/options.js';
import type { AppSession } from '../session/app_channel.js';

/** How often it is looked at who uses what, ms: often enough for a second, and a few of a session's reports. */
const INTERVAL_MS = 500;
/** A session that uses less of its part has no use for more at the moment ... */
const USED = 0.9;
/** ... and gets so many times what it uses, to grow into: less than 1/USED would make it look as if it needed more. */
const GROWTH = 1.25;

/** A session with transfers. */
interface Busy {
  /** Its part of the limit, bytes per second. */
  readonly part: number;
  /** Bytes of its lanes, as of the last look. */
  readonly sent: number;
}

/**
 * One limit of the sending rate over several sessions. Those that send at the limit get equal parts; what another session leaves of
 * its part is theirs. No part is below the least limit.
 */
export class SharedLimit {
  readonly #total: number;
  readonly #sessions = new Set<AppSession>();
  #busy = new Map<AppSession, Busy>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #lookedAt = 0;

  /** `total`: bytes per second. */
  constructor(total: number) {
    this.#total = total;
  }

  /** Holds the session to its part until it ends. A session that comes has the whole limit until its first transfer. */
  add(session: AppSession): void {
    this.#sessions.add(session);
    session.onbusy = () => this.#divide();
    session.addEventListener('statechange', () => {
      if (session.state !== 'closed') return;
      this.#sessions.delete(session);
      if (this.#busy.has(session)) this.#divide();
    });
    if (session.hasTransfers) this.#divide();
  }

  #divide(): void {
    const now = performance.now();
    const seconds = (now - this.#lookedAt) / 1_000;
    this.#lookedAt = now;
    const known = this.#busy;
    const busy = [...this.#sessions].filter(({ hasTransfers }) => hasTransfers).map((session) => ({ session, sent: sentBytes(session) }));
    const parts = shareOut(this.#total, busy.map(({ session, sent }) => wantedBy(known.get(session), sent, seconds)));
    this.#busy = new Map(busy.map(({ session, sent }, index) => [session, { part: parts[index]!, sent }]));
    for (const [session, { part }] of this.#busy) {
      if (known.get(session)?.part !== part) session.limitRate(Math.max(LEAST_BANDWIDTH_LIMIT, part));
    }
    if (busy.length > 1) {
      this.#timer ??= setInterval(() => this.#divide(), INTERVAL_MS);
    } else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}

/** What a session is to have, bytes per second; Infinity: all that there is. */
function wantedBy(before: Busy | undefined, sent: number, seconds: number): number {
  // Lanes that closed meanwhile took their counts with them.
  if (before === undefined || sent < before.sent || seconds <= 0) return Infinity;
  const used = (sent - before.sent) / seconds;
  return used <= before.part * USED ? used * GROWTH : Infinity;
}

function sentBytes(session: AppSession): number {
  return session.stats().lanes.reduce((sum, lane) => sum + lane.bytesSent, 0);
}

/**
 * Divides `total`: nobody gets more than it wants while another one wants more, and what nobody wants is spread evenly (max-min
 * fairness). The parts sum up to `total`.
 */
export function shareOut(total: number, wanted: readonly number[]): number[] {
  const order = [...wanted.keys()].sort((a, b) => (wanted[a]! < wanted[b]! ? -1 : 1));
  const parts = wanted.map(() => 0);
  let left = total;
  for (const [done, index] of order.entries()) {
    parts[index] = Math.min(wanted[index]!, left / (order.length - done));
    left -= parts[index];
  }
  return parts.map((part) => part + left / parts.length);
}
