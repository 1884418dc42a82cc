import { isRecord } from '../base/is_record.js';

/** Messages of the in-band signalling that begin so belong to the room; all others belong to connections. */
const PREFIX = '{"note":';
/** Notes that may come before somebody listens. */
const MAX_EARLY = 8;

export type NoteListener = (note: Record<string, unknown>) => void;

/**
 * The notes between the rooms of two sides, beside the messages of the application: `{"note":{…}}` in the in-band signalling
 * (SIGNAL).
 */
export class Notes {
  readonly #early: Record<string, unknown>[] = [];
  #listener: NoteListener | null = null;

  get listener(): NoteListener | null {
    return this.#listener;
  }

  /** Notes that came before are delivered at once. */
  set listener(listener: NoteListener | null) {
    this.#listener = listener;
    if (listener) for (const note of this.#early.splice(0)) listener(note);
  }

  /** Takes a message of the in-band signalling. Returns false if it is no note. Invalid notes are dropped. */
  handle(text: string): boolean {
    if (!text.startsWith(PREFIX)) return false;
    const note = parse(text);
    if (!note) return true;
    if (this.#listener) this.#listener(note);
    else if (this.#early.length < MAX_EARLY) this.#early.push(note);
    return true;
  }
}

export function toNoteText(note: object): string {
  return JSON.stringify({ note });
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const { note } = JSON.parse(text) as Record<string, unknown>;
    return isRecord(note) ? note : undefined;
  } catch {
    return undefined;
  }
}
