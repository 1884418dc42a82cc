import type { CoreSession } from '../wasm/session.js';
import type { FromEngine } from './messages.js';

/** The fields of a line besides its time and type. */
export type LogFields = Record<string, number | string | boolean>;

/** Numbers are rounded to three decimal places: more digits would be noise. */
const DIGITS = 1_000;
/** The lines are handed over before these messages. */
const FLUSHED_BEFORE: ReadonlySet<FromEngine['type']> = new Set(['progress', 'done', 'failed', 'closed']);

/**
 * Collects the events of a session as lines of JSON (docs/trace.md), in order, until they are handed over. Times are
 * milliseconds since 1970, so that lines of both sides, and of a worker and a window, can be merged.
 */
export class EventLog {
  readonly #post: (lines: string[]) => void;
  #session: CoreSession | undefined;
  #lines: string[] = [];

  constructor(session: CoreSession, post: (lines: string[]) => void) {
    this.#session = session;
    this.#post = post;
  }

  /** Adds an event that happens now. */
  note(type: string, fields: LogFields): void {
    // The core's earlier events come first.
    this.#take();
    this.#add(performance.now(), type, fields);
  }

  /** A message of this type is about to be posted: a transfer's log is complete when the transfer ends. */
  flushBefore(type: FromEngine['type']): void {
    if (FLUSHED_BEFORE.has(type)) this.flush();
  }

  /** Hands over all lines. */
  flush(): void {
    this.#take();
    if (this.#lines.length === 0) return;
    this.#post(this.#lines);
    this.#lines = [];
  }

  /** Takes the last events of a session that is about to be deleted. The core is not polled any more. */
  detach(): void {
    this.#take();
    this.#session = undefined;
  }

  #take(): void {
    for (let entry = this.#session?.pollTrace(); entry; entry = this.#session?.pollTrace()) {
      const { at, type, ...fields } = entry;
      this.#add(at, type, fields);
    }
  }

  #add(at: number, type: string, fields: LogFields): void {
    const line: LogFields = { t: round(performance.timeOrigin + at), type };
    for (const [name, value] of Object.entries(fields)) line[name] = typeof value === 'number' ? round(value) : value;
    this.#lines.push(JSON.stringify(line));
  }
}

function round(value: number): number {
  return Math.round(value * DIGITS) / DIGITS;
}
