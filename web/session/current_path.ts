import type { PeerPath } from '../api/types.js';
import type { ConnectionPath } from '../rtc/connection_stats.js';

/** A change of these is another path. */
const FIELDS = ['kind', 'protocol', 'family', 'local', 'remote'] as const;

/** The path of the control connection, as the page sees it. */
export class CurrentPath {
  #path: PeerPath | null = null;

  /** `roundTripMs`: of the session, where the browser does not tell that of the path. Null before the first path is known. */
  read(roundTripMs: number | undefined): PeerPath | null {
    return this.#path && { ...this.#path, roundTripMs: this.#path.roundTripMs ?? roundTripMs };
  }

  /** Returns whether it is another path than before. */
  set(path: ConnectionPath, roundTripMs: number | undefined): boolean {
    const before = this.#path;
    this.#path = { ...path, roundTripMs };
    return before === null || FIELDS.some((field) => before[field] !== path[field]);
  }
}
